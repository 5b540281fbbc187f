# SPDX-License-Identifier: ISC
"""carteiro import from another server: one of our own, over TLS in each way, and a scripted one that
does what real ones do on their bad days."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import hardmail
from testsite import CARTEIRO, DOMAIN, PASSWORD, Site, SiteTest, end_with_parent, expect, main

DATE = '"14-Nov-2023 23:13:20 +0100"'


def run_import(site, user, source, *options, code=0, password=PASSWORD):
    done = subprocess.run([CARTEIRO, '--config', str(site.config), '--json', 'import', f'{user}@{DOMAIN}', source,
                           *options], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=120, env=dict(os.environ, CARTEIRO_PASSWORD=password))
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert 'ERROR: ' not in done.stderr and 'runtime error' not in done.stderr, done.stderr
    return json.loads(done.stdout)


def look(site, user):
    """By mailbox, what a client sees: flags, date and bytes."""
    box = site.imap(user, None)
    found = {}
    for line in expect(box.list()):
        if b'\\Non' in line or b'\\Nos' in line:
            continue
        name = re.search(rb'"/" (.*)$', line).group(1).decode()
        expect(box.select(name, readonly=True))
        found[name.strip('"')] = [
            (sorted(set(re.search(rb'FLAGS \(([^)]*)\)', part[0]).group(1).decode().split()) - {'\\Recent'}),
             re.search(rb'INTERNALDATE "([^"]*)"', part[0]).group(1).decode(), part[1])
            for part in (expect(box.fetch('1:*', '(FLAGS INTERNALDATE BODY.PEEK[])'))
                         if expect(box.search(None, 'ALL'))[0] else []) if isinstance(part, tuple)]
    box.logout()
    return found


class FromOurOwn(SiteTest):
    accounts = ('ana', 'bruno', 'carla')

    def fill(self):
        messages = [mail.data for mail in hardmail.read_all() if mail.data][::6]
        box = self.site.imap('ana', None)
        for name in ('Work/Old', 'Entw&APw-rfe', 'a&-b'):
            expect(box.create(f'"{name}"'))
        expect(box.subscribe('Work/Old'))
        expect(box.unsubscribe('a&-b'))
        for i, data in enumerate(messages):
            name = ('INBOX', 'Work/Old', 'Sent', 'Entw&APw-rfe', 'a&-b')[i % 5]
            flags = ('', '\\Seen', '\\Answered \\Flagged', '\\Deleted \\Draft kw1', '$Forwarded')[i % 7 % 5]
            expect(box.append(f'"{name}"', f'({flags})', DATE, data))
        box.logout()
        return len(messages)

    def url(self, kind='imap', port='IMAP'):
        return f'{kind}://ana@{DOMAIN}@127.0.0.1:{self.site.ports[port]}/'

    def test_all_of_it(self):
        count = self.fill()
        before = look(self.site, 'ana')
        trust = ('--ca-file', str(self.site.ca))
        self.assertIn('certificate', run_import(self.site, 'bruno', self.url(), code=77)['error'])
        self.assertEqual(run_import(self.site, 'bruno', self.url(), *trust, '--dry-run')['messages'], count)
        self.assertIn('not let in', run_import(self.site, 'bruno', self.url(), '--insecure-tls',
                                               password='wrong password', code=77)['error'])
        told = run_import(self.site, 'bruno', self.url(), '--insecure-tls', '--dry-run')
        self.assertEqual(told['messages'], count)
        told = run_import(self.site, 'bruno', self.url(), '--insecure-tls')
        self.assertEqual((told['messages'], told['left']), (count, []))
        self.assertEqual(look(self.site, 'bruno'), before)
        box = self.site.imap('bruno', None)
        subscribed = b' '.join(expect(box.lsub()))
        self.assertIn(b'Work/Old', subscribed)
        self.assertNotIn(b'a&-b', subscribed)
        box.logout()
        told = run_import(self.site, 'bruno', self.url(), '--insecure-tls')
        self.assertEqual((told['messages'], told['known']), (0, count))
        self.site.deliver('ana', 'one more')
        told = run_import(self.site, 'bruno', self.url(), '--insecure-tls')
        self.assertEqual((told['messages'], told['known']), (1, count))
        told = run_import(self.site, 'carla', self.url('imaps', 'IMAPS'), '--insecure-tls', '--only', 'Work*',
                          '--into', 'Ana')
        self.assertEqual(look(self.site, 'carla')['Ana/Work/Old'], before['Work/Old'])

    def test_mailboxes_of_others_are_not_put_where_nobody_can_open_them(self):
        self.site.deliver('carla', 'hers')
        self.site.run('mailbox', 'share', f'carla@{DOMAIN}', 'INBOX', f'ana@{DOMAIN}', 'lr')
        hers = (self.url(), '--insecure-tls', '--only', 'Other*', '--dry-run')
        told = run_import(self.site, 'bruno', *hers, code=65)
        self.assertEqual((told['messages'], told['left'][0]['place']), (0, f'Other Users/carla@{DOMAIN}'))
        self.assertGreater(run_import(self.site, 'bruno', *hers, '--into', 'Old')['messages'], 0)
        self.site.run('mailbox', 'unshare', f'carla@{DOMAIN}', 'INBOX', f'ana@{DOMAIN}')

    def test_what_does_not_work(self):
        self.assertIn('written', run_import(self.site, 'carla', 'imap://nobody', code=64)['error'])
        self.assertIn('no connection', run_import(self.site, 'carla', 'imap://a@127.0.0.1:1/', code=69)['error'])
        port = self.site.ports['SMTP']
        self.assertIn('no IMAP server', run_import(self.site, 'carla', f'imap://a@127.0.0.1:{port}/', code=69)['error'])


class Moody:
    """A server that says what the test wrote, one connection after the other."""
    MAILS = {uid: b'Subject: mail %d\r\n\r\ntext %d\r\n' % (uid, uid) for uid in range(1, 101)}

    def __init__(self):
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        self.connections = 0
        self.fetched = []
        threading.Thread(target=self.accept, daemon=True).start()

    capability = 'IMAP4rev1 AUTH=PLAIN'

    def accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            with conn, conn.makefile('rwb') as file:
                try:
                    self.serve(file)
                except (OSError, ValueError):
                    pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def say(self, file, text):
        file.write((text.encode('latin-1') if isinstance(text, str) else text) + b'\r\n')
        file.flush()

    def serve(self, file):
        self.say(file, '* OK hello')
        while line := file.readline():
            tag, _, rest = line.decode('latin-1').strip().partition(' ')
            verb = rest.split(' ')[0].upper()
            if self.answer(file, tag, verb, rest) == 'end':
                return

    def answer(self, file, tag, verb, rest):
        if verb == 'CAPABILITY':
            self.say(file, f'* CAPABILITY {self.capability}')
        elif verb == 'AUTHENTICATE' and len(rest.split(' ')) == 2:
            self.say(file, '+')
            file.readline()
        elif verb == 'LIST':
            self.list(file)
        elif verb == 'EXAMINE':
            self.examine(file)
        elif verb == 'UID' and 'BODY' in rest:
            return self.bodies(file, tag, rest)
        elif verb == 'UID':
            self.entries(file)
        elif verb == 'LOGOUT':
            self.say(file, '* BYE')
        self.say(file, f'{tag} OK done')
        return None

    def list(self, file):
        self.say(file, '* LIST () "." INBOX')

    def examine(self, file):
        self.say(file, f'* {len(self.MAILS)} EXISTS')
        self.say(file, '* OK [UIDVALIDITY 9] x')

    def entries(self, file):
        for n, uid in enumerate(self.MAILS, 1):
            self.say(file, f'* {n} FETCH (UID {uid} FLAGS (\\Seen))')

    def uids(self, rest):
        for part in rest.split(' ')[2].split(','):
            first, _, last = part.partition(':')
            yield from range(int(first), int(last or first) + 1)

    def one(self, file, uid):
        self.fetched.append(uid)
        self.say(file, b'* %d FETCH (UID %d BODY[] {%d}\r\n%b)' % (uid, uid, len(self.MAILS[uid]), self.MAILS[uid]))

    def bodies(self, file, tag, rest):
        for uid in self.uids(rest):
            if self.one(file, uid) == 'end':
                return 'end'
        self.say(file, f'{tag} OK done')
        return None


class Refuses(Moody):
    """NO to a whole request when message 33 is in it; 34 comes as NIL, and 35 is a short string."""

    def bodies(self, file, tag, rest):
        uids = list(self.uids(rest))
        for uid in uids:
            if uid == 34:
                self.say(file, '* 34 FETCH (UID 34 BODY[] NIL)')
            elif uid == 35:
                self.say(file, '* 35 FETCH (BODY[] "Subject: mail 35" UID 35 FLAGS (\\Seen))')
            elif uid != 33:
                self.one(file, uid)
        self.say(file, f'{tag} ' + ('NO [SERVERBUG] cannot read \x1b[31mit' if 33 in uids else 'OK done'))


class Breaks(Moody):
    """The connection ends in the middle of a message, or with BYE, on each of the first times."""

    def one(self, file, uid):
        if self.connections < 4 and uid == self.connections * 20:
            if self.connections == 2:
                self.say(file, '* BYE too long')
            else:
                file.write(b'* %d FETCH (UID %d BODY[] {100}\r\nSubject: ha' % (uid, uid))
                file.flush()
            return 'end'
        return super().one(file, uid)


class Odd(Moody):
    """Answers in another order, says things nobody asked for, names with literals and other
    separators, bare line ends, answers twice."""
    capability = 'IMAP4rev1 LOGINDISABLED AUTH=PLAIN NAMESPACE SPECIAL-USE LIST-EXTENDED'

    def answer(self, file, tag, verb, rest):
        if verb == 'NAMESPACE':
            self.say(file, '* NAMESPACE (("INBOX." ".")) (("user." ".")) NIL')
        if verb == 'LIST' and 'RETURN' in rest:
            self.say(file, f'{tag} BAD what is that')
            return None
        return super().answer(file, tag, verb, rest)

    def list(self, file):
        self.say(file, '* LIST () "." INBOX')
        self.say(file, '* LIST (\\Noselect) "." "INBOX.Work"')
        self.say(file, b'* LIST () "." {14}\r\nINBOX.Work.a/b')
        self.say(file, '* LIST (\\Sent) "." "INBOX.Gesandt"')

    def examine(self, file):
        self.say(file, '* FLAGS (\\Seen odd])')

    def entries(self, file):
        self.say(file, '* 3 EXPUNGE')
        for uid in (7, 3, 5, 3):
            self.say(file, f'* {uid} FETCH (FLAGS (\\Seen key word]) MODSEQ (3) INTERNALDATE " 1-Jan-2020 00:00:00 +0000" UID {uid})')

    def bodies(self, file, tag, rest):
        for uid in (7, 3, 7, 5, 99):
            self.say(file, f'* {uid} FETCH (FLAGS (\\Seen) UID {uid})')
            self.say(file, b'* %d FETCH (BODY[] {22}\r\nSubject: mail %d\n\ntext\n UID %d)' % (uid, uid % 10, uid))
        self.say(file, f'{tag} OK done')


class Hostile(Moody):
    """What it says is chosen by the mail it is asked for: `poison` instead of mail 50, for ever."""
    poison = b''

    def one(self, file, uid):
        if uid == 50:
            file.write(self.poison)
            file.flush()
            return 'end'
        return super().one(file, uid)


class FromOthers(SiteTest):
    accounts = ('ana', 'refuses', 'breaks', 'odd', 'hostile', 'again')

    def play(self, kind, user, *options, code=0):
        server = kind()
        self.addCleanup(server.close)
        told = run_import(self.site, user, f'imap://eva@127.0.0.1:{server.port}/', '--no-tls', *options, code=code)
        return server, told

    def subjects(self, user, mailbox='INBOX'):
        return [re.match(rb'Subject: mail (\d+)', m[2]).group(1) for m in look(self.site, user)[mailbox]]

    def test_one_that_refuses(self):
        _, told = self.play(Refuses, 'refuses', code=65)
        self.assertEqual((told['messages'], told['left_count']), (98, 2))
        self.assertEqual([item['place'] for item in told['left']], ['INBOX uid 33', 'INBOX uid 34'])
        self.assertIn('cannot read ?[31mit', told['left'][0]['why'])
        self.assertEqual(sorted(self.subjects('refuses')),
                         sorted(b'%d' % n for n in range(1, 101) if n not in (33, 34)))

    def test_one_that_breaks(self):
        server, told = self.play(Breaks, 'breaks')
        self.assertEqual((told['messages'], told['left_count']), (100, 0))
        self.assertEqual(server.connections, 4)
        self.assertEqual(sorted(self.subjects('breaks')), sorted(b'%d' % n for n in range(1, 101)))

    def test_one_that_is_odd(self):
        _, told = self.play(Odd, 'odd')
        self.assertEqual((told['messages'], told['left_count']), (9, 0))
        found = look(self.site, 'odd')
        self.assertEqual(len(found['Work/a_b']), 3)
        self.assertEqual(len(found['Sent']), 3)
        self.assertEqual(found['INBOX'][0], (['\\Seen', 'key'], ' 1-Jan-2020 00:00:00 +0000',
                                             b'Subject: mail 7\r\n\r\ntext\r\n'))

    def test_ones_that_are_hostile(self):
        for poison in (b'* 50 FETCH (UID 50 BODY[] {99999999999999999999}\r\nx', b'* ' + b'x' * 3_000_000 + b'\r\n',
                       b'* LIST () "/" {4000000000}\r\n', b'\0\r\n', b'* 50 FETCH (' + b'(' * 100000 + b'\r\n' * 3,
                       b'* OK\r\n' * 1000 + b'+ \r\n'):
            with self.subTest(poison=poison[:40]):
                kind = type('Kind', (Hostile,), {'poison': poison})
                _, told = self.play(kind, 'hostile', '--again', code=69)
                self.assertIn('broke', told['error'])

    def test_an_import_ended_goes_on_with_what_is_missing(self):
        kind = type('Kind', (Hostile,), {'poison': b'\0\r\n'})
        server, told = self.play(kind, 'again', '--name', 'there', code=69)
        server, told = self.play(Moody, 'again', '--name', 'there')
        self.assertEqual(told['messages'] + told['known'], 100)
        self.assertGreater(told['known'], 40)
        self.assertEqual(len(server.fetched), told['messages'])
        self.assertEqual(sorted(self.subjects('again')), sorted(b'%d' % n for n in range(1, 101)))


if __name__ == '__main__':
    main()
