# SPDX-License-Identifier: ISC
"""carteiro export to mbox and Maildir: other programs read what it wrote, and what is imported from it
and exported again is the same to the byte, names, flags and dates included."""
import imaplib
import json
import mailbox
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import hardmail
from testsite import CARTEIRO, DOMAIN, SiteTest, expect, main

DATE = '"14-Nov-2023 22:13:20 +0000"'
HARD = [
    b'Subject: from\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom a@b Tue Nov 14 22:13:20 2023\r\nX: y\r\n\r\nz\r\n',
    b'Subject: marks\r\nStatus: RO\r\nX-Status: D\r\nX-Keywords: no\r\nContent-Length: 3\r\n\r\ntext\r\n',
    b'Subject: 8 bit \xff\xfe\r\n\r\n\xe9\x00\x01\r\n',
    b'Subject: no line end\r\n\r\nx',
    b'Subject: bare\r\n\r\na\nb\r\nc\r\r\n',
    b'Subject: header only\r\n',
    b' a blank first\r\n\r\nx\r\n',
    b'\r\nno header\r\n',
]
MAILBOXES = ['INBOX', 'Work', 'Work/Old', 'Work/v1.2', '.hidden/..', 'Work/mbox', 'dovecot-x', 'a&b', 'Entw\u00fcrfe/\u65e5']


def is_clean(data):
    """What a file of LF lines can hold."""
    return not re.search(rb'(?<!\r)\n|\r\r\n', data)


def tree(top):
    """Names and contents; of files in a Maildir the time, too."""
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob('*')) if path.is_file()}


class Exporting(SiteTest):
    accounts = ('ana', 'mbox', 'maildir', 'some', 'off')

    def run_json(self, *words, code=0):
        done = subprocess.run([CARTEIRO, '--config', str(self.site.config), '--json', *words],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return json.loads(done.stdout)

    def export(self, user, to, format, *mailboxes, code=0):
        return self.run_json('export', f'{user}@{DOMAIN}', *mailboxes, '--to', str(to), '--format', format,
                             code=code)

    def take(self, user, source):
        return self.run_json('import', f'{user}@{DOMAIN}', str(source), '--keep-names')

    def place(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def fill(self, user, messages, mailboxes=('INBOX',)):
        box = self.site.imap(user, None)
        encode = lambda name: '"' + ''.join(
            part if part.isascii() else '&' + __import__('base64').b64encode(part.encode('utf-16-be'))
            .decode().rstrip('=').replace('/', ',') + '-'
            for part in re.split(r'([^\x20-\x7e]+)', name.replace('&', '&-')) if part) + '"'
        for name in mailboxes:
            if name != 'INBOX':
                expect(box.create(encode(name)))
            for i, data in enumerate(messages):
                flags = ('', '\\Seen', '\\Answered \\Flagged', '\\Deleted \\Draft kw1', '$Forwarded kw2')[i % 5]
                expect(box.append(encode(name), f'({flags})', DATE, data))
        box.logout()

    def all_of(self, user):
        """By mailbox: a sorted list of flags, date and bytes, as a client sees them."""
        box = self.site.imap(user, None)
        found = {}
        for line in expect(box.list()):
            if b'\\Non' in line or b'\\Nos' in line:
                continue
            name = re.search(rb'"/" (.*)$', line).group(1).decode()
            expect(box.select(name, readonly=True))
            found[name] = sorted(
                (sorted(set(re.search(rb'FLAGS \(([^)]*)\)', part[0]).group(1).split()) - {b'\\Recent'}),
                 re.search(rb'INTERNALDATE "([^"]*)"', part[0]).group(1), part[1])
                for part in (expect(box.fetch('1:*', '(FLAGS INTERNALDATE BODY.PEEK[])'))
                             if expect(box.search(None, 'ALL'))[0] else []) if isinstance(part, tuple))
        box.logout()
        return found

    def test_there_and_back_again(self):
        messages = HARD + [case.data for case in hardmail.read_all() if case.data][::3]
        self.fill('ana', messages, ['INBOX'])
        self.fill('ana', HARD, MAILBOXES[1:])
        count = len(messages) + len(HARD) * (len(MAILBOXES) - 1)
        before = self.all_of('ana')
        one, two = self.place(), self.place()
        told = self.export('ana', one, 'mbox')
        self.assertEqual((told['messages'], told['left']), (count, []))
        self.assertEqual(self.take('mbox', one)['messages'], count)
        self.assertEqual(self.all_of('mbox'), before)
        self.export('mbox', two, 'mbox')
        self.assertEqual(tree(one), tree(two))
        # whole or not at all: nothing half written stays, and what was there is replaced
        self.export('ana', one, 'mbox')
        self.assertEqual(tree(one), tree(two))
        self.maildir_too(before, count)

    def maildir_too(self, before, count):
        one, two = self.place(), self.place()
        told = self.export('ana', one, 'maildir')
        self.assertEqual((told['messages'], told['known'], told['left']), (count, 0, []))
        self.assertEqual(self.take('maildir', one)['messages'], count)
        after = self.all_of('maildir')
        self.assertEqual(after.keys(), before.keys())
        for name, messages in before.items():
            self.assertEqual([m for m in after[name] if is_clean(m[2])], [m for m in messages if is_clean(m[2])], name)
            self.assertEqual(len(after[name]), len(messages))
        self.export('maildir', two, 'maildir')
        contents = lambda top: sorted((str(path.parent.relative_to(top)), path.read_bytes(), path.stat().st_mtime)
                                      for path in top.rglob('cur/*') if is_clean(path.read_bytes().replace(b'\n', b'\r\n')))
        self.assertEqual(contents(one), contents(two))

    def test_other_programs_read_it(self):
        self.fill('some', HARD[:3] * 2, ['INBOX', 'Work.x/Old'])
        place = self.place()
        self.export('some', place / 'm', 'mbox', 'INBOX')
        self.assertEqual(list(tree(place / 'm')), ['INBOX.mbox'])
        read = mailbox.mbox(place / 'm' / 'INBOX.mbox')
        self.addCleanup(read.close)
        self.assertEqual([m.get_flags() for m in read], ['O', 'RO', 'OAF', 'ODT', 'O', 'O'])
        self.assertEqual([m['X-Keywords'] for m in read], ['', '', '', 'kw1', '$Forwarded kw2', ''])
        self.export('some', place / 'd', 'maildir')
        read = mailbox.Maildir(place / 'd')
        self.assertEqual(sorted(m.get_flags() for m in read), ['', '', 'DTa', 'FR', 'Pbc', 'S'])
        self.assertEqual({m.get_date() for m in read}, {1700000000.0})
        self.assertEqual(len(mailbox.Maildir(place / 'd').get_folder('Work&AC4-x.Old')), 6)
        self.assertEqual((place / 'd' / 'dovecot-keywords').read_text(), '0 kw1\n1 $Forwarded\n2 kw2\n')
        # again: what is there stays, flags follow, what is new comes
        box = self.site.imap('some')
        expect(box.store('1', '+FLAGS', '\\Seen'))
        expect(box.append('INBOX', '', DATE, b'Subject: new\r\n\r\nx\r\n'))
        box.logout()
        told = self.export('some', place / 'd', 'maildir')
        self.assertEqual((told['messages'], told['known']), (1, 12))
        read = mailbox.Maildir(place / 'd')
        self.assertEqual(sorted(m.get_flags() for m in read), ['', '', 'DTa', 'FR', 'Pbc', 'S', 'S'])
        self.assertEqual(len(list((place / 'd' / 'tmp').iterdir())), 0)

    def test_no_link_is_followed(self):
        place = self.place()
        (place / 'd' / '.Trash').mkdir(parents=True)
        (place / 'd' / '.Trash' / 'maildirfolder').symlink_to(place / 'elsewhere')
        self.export('off', place / 'd', 'maildir', code=73)
        self.assertFalse((place / 'elsewhere').exists())

    def test_what_does_not_work_is_told(self):
        place = self.place()
        self.assertIn('no mailbox', self.export('off', place, 'mbox', 'Nowhere', code=67)['error'])
        (place / 'file').write_text('x')
        self.assertIn('file', self.export('off', place / 'file', 'maildir', code=73)['error'])
        self.export('nobody', place, 'mbox', code=67)
        self.run_json('export', f'off@{DOMAIN}', '--to', str(place), '--format', 'zip', code=64)
        self.run_json('export', f'off@{DOMAIN}', '--format', 'mbox', code=64)

    def test_while_no_server_runs(self):
        self.fill('off', HARD[:1])
        self.site.stop()
        try:
            self.assertEqual(self.export('off', self.place(), 'mbox', 'inbox')['messages'], 1)
        finally:
            self.site.start()


if __name__ == '__main__':
    main()
