# SPDX-License-Identifier: ISC
"""carteiro import from Maildir, mbox and MH: everything comes, with its flags, dates and places, once;
what is looked at is what an IMAP client sees."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import CARTEIRO, DOMAIN, Site, SiteTest, expect, main

ANA = f'ana@{DOMAIN}'
DAY = 1700000000  # 14-Nov-2023 22:13:20 UTC


def mail(n, text='text'):
    return f'From: <a@b.test>\nSubject: mail {n}\nMessage-ID: <{n}@b.test>\n\n{text} {n}\n'.encode()


def crlf(data):
    return re.sub(rb'(?<!\r)\n', b'\r\n', data)


def put(path, data, at=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if at:
        os.utime(path, (at, at))


class Importing(SiteTest):
    accounts = ('ana', 'bruno', 'carla', 'davi', 'eva', 'full', 'gil')

    def setUp(self):
        self.place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) \
            if hasattr(self, 'enterContext') else self._place()

    def _place(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def take(self, user, source, *options, code=0):
        done = subprocess.run([CARTEIRO, '--config', str(self.site.config), '--json', 'import',
                               f'{user}@{DOMAIN}', str(source), *options], capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return json.loads(done.stdout)

    def look(self, user, mailbox):
        """What a client sees: by subject, flags without \\Recent, date and bytes."""
        box = self.site.imap(user, f'"{mailbox}"')
        found = {}
        if expect(box.search(None, 'ALL'))[0]:
            for part in expect(box.fetch('1:*', '(FLAGS INTERNALDATE BODY.PEEK[])')):
                if not isinstance(part, tuple):
                    continue
                flags = set(re.search(rb'FLAGS \(([^)]*)\)', part[0]).group(1).decode().split())
                date = re.search(rb'INTERNALDATE "([^"]*)"', part[0]).group(1).decode()
                subject = re.search(rb'Subject: mail (\w+)', part[1])
                found.setdefault(subject.group(1).decode() if subject else '', []).append(
                    (flags - {'\\Recent'}, date.strip(), part[1]))
        box.logout()
        return found

    def names(self, user, verb='list'):
        box = self.site.imap(user, None)
        found = [re.search(rb'"/" "?([^"]*)"?$', line).group(1).decode()
                 for line in expect(getattr(box, verb)()) if line]
        box.logout()
        return set(found)

    def maildir(self):
        top = self.place / 'Maildir'
        for folder in ('', '.Work', '.Work.Old', '.Entw&APw-rfe', '.Sent Items', '.empty', 'fs', 'fs/deep'):
            for sub in ('cur', 'new', 'tmp'):
                (top / folder / sub).mkdir(parents=True)
        put(top / 'cur' / f'{DAY}.M1.h,S=9:2,FRS', mail(1), DAY)
        put(top / 'cur' / f'{DAY + 1}.M2.h:2,DTab', mail(2), DAY + 3600)
        put(top / 'new' / f'{DAY + 2}.M3.h', crlf(mail(3)), DAY)
        put(top / 'dovecot-keywords', b'0 $Label1\n1 urgent\n')
        put(top / '.Work' / 'cur' / f'{DAY}.M4.h:2,P', mail(4), DAY)
        put(top / '.Work.Old' / 'cur' / f'{DAY}.M5.h:2,S', mail(5), DAY)
        put(top / '.Entw&APw-rfe' / 'cur' / f'{DAY}.M6.h:2,D', mail(6), DAY)
        put(top / '.Sent Items' / 'cur' / f'{DAY}.M7.h:2,S', mail(7), DAY)
        put(top / 'fs' / 'deep' / 'cur' / f'{DAY}.M8.h:2,S', b'Subject: mail 8\n\n8\xff\0 x', DAY)
        put(top / 'subscriptions', b'Work\nSent Items\n')
        return top

    def test_a_maildir_with_all_it_has(self):
        top = self.maildir()
        told = self.take('ana', top, '--dry-run')
        self.assertEqual((told['messages'], told['left_count']), (8, 0))
        self.assertEqual(self.look('ana', 'INBOX'), {})
        told = self.take('ana', top)
        self.assertEqual((told['messages'], told['known'], told['left']), (8, 0, []))
        inbox = self.look('ana', 'INBOX')
        self.assertEqual(inbox['1'], [({'\\Flagged', '\\Answered', '\\Seen'}, '14-Nov-2023 22:13:20 +0000',
                                       crlf(mail(1)))])
        self.assertEqual(inbox['2'], [({'\\Draft', '\\Deleted', '$Label1', 'urgent'},
                                       '14-Nov-2023 23:13:20 +0000', crlf(mail(2)))])
        self.assertEqual(inbox['3'][0][0], set())
        self.assertEqual(inbox['3'][0][2], crlf(mail(3)))
        self.assertEqual(self.look('ana', 'Work')['4'][0][0], {'$Forwarded'})
        self.assertEqual(set(self.look('ana', 'Work/Old')), {'5'})
        self.assertEqual(set(self.look('ana', 'Drafts')), {'6'})
        self.assertEqual(set(self.look('ana', 'Sent')), {'7'})
        self.assertEqual(self.look('ana', 'fs/deep')['8'][0][2], b'Subject: mail 8\r\n\r\n8\xff\0 x')
        self.assertLessEqual({'Work', 'Work/Old', 'empty', 'fs', 'fs/deep'}, self.names('ana'))
        subscribed = self.names('ana', 'lsub')
        self.assertIn('Work', subscribed)
        self.assertNotIn('Work/Old', subscribed)
        # nothing twice; then what is new, and what moved to cur/ meanwhile is not new
        told = self.take('ana', top)
        self.assertEqual((told['messages'], told['known']), (0, 8))
        (top / 'new' / f'{DAY + 2}.M3.h').rename(top / 'cur' / f'{DAY + 2}.M3.h:2,S')
        put(top / 'new' / f'{DAY + 9}.M9.h', mail(9))
        told = self.take('ana', top)
        self.assertEqual((told['messages'], told['known']), (1, 8))
        told = self.take('ana', top, '--again')
        self.assertEqual((told['messages'], told['known']), (9, 0))
        self.assertEqual(len(self.look('ana', 'INBOX')['1']), 2)

    def test_choices(self):
        top = self.maildir()
        told = self.take('bruno', top, '--into', 'Old', '--exclude', 'Work*', '--no-flags', '--keep-names')
        self.assertEqual(told['messages'], 6)
        self.assertEqual(set(self.look('bruno', 'Old/INBOX')), {'1', '2', '3'})
        self.assertEqual(self.look('bruno', 'Old/INBOX')['1'][0][0], set())
        self.assertEqual(set(self.look('bruno', 'Old/Sent Items')), {'7'})
        self.assertNotIn('Old/Work', self.names('bruno'))
        told = self.take('bruno', top, '--mailbox', 'One', '--only', 'INBOX', '--since', '2023-11-15')
        self.assertEqual((told['messages'], told['older']), (0, 3))
        told = self.take('bruno', top, '--mailbox', 'One', '--only', 'INBOX', '--since', '2023-11-14')
        self.assertEqual((told['messages'], told['older']), (3, 0))
        self.assertEqual(set(self.look('bruno', 'One')), {'1', '2', '3'})

    def test_what_cannot_be_taken_is_told(self):
        top = self.maildir()
        put(top / 'cur' / f'{DAY}.Z1.h:2,', b'')
        put(top / 'cur' / f'{DAY}.Z2.h:2,', b'\x1f\x8b\x08\0 compressed')
        (top / 'cur' / f'{DAY}.Z3.h:2,').symlink_to('/etc/passwd')
        told = self.take('carla', top, code=65)
        self.assertEqual((told['messages'], told['left_count']), (8, 2))
        reasons = {pathlib.Path(item['place']).name.split('.')[1]: item['why'] for item in told['left']}
        self.assertIn('empty', reasons['Z1'])
        self.assertIn('compressed', reasons['Z2'])
        self.take('nobody', top, code=67)
        self.take('carla', self.place / 'not there', code=66)
        (self.place / 'nothing').mkdir()
        self.take('carla', self.place / 'nothing', code=65)

    def test_no_link_is_followed(self):
        """Who imports may be root, and whose Maildir it is may be nobody's friend."""
        top = self.maildir()
        for name, text in (('subscriptions', 'Work\n'), ('dovecot-keywords', '0 secret\n1 words\n')):
            put(self.place / name, text.encode())
            (top / name).unlink()
            (top / name).symlink_to(self.place / name)
        self.take('gil', top)
        self.assertEqual(self.look('gil', 'INBOX')['2'][0][0], {'\\Draft', '\\Deleted'})
        self.assertIn('Work/Old', self.names('gil', 'lsub'))

    def test_mboxes(self):
        line = 'From a@b.test Tue Nov 14 22:13:20 2023\n'.encode()
        tree = self.place / 'Mail'
        put(tree / 'inbox', line + b'Status: RO\nX-Status: F\nX-Keywords: k1\n' + mail(1) + b'\n'
            + line + mail(2, '>From me\ntext') + b'\n' + line + mail(2, '>From me\ntext') + b'\n')
        put(tree / 'Work.sbd' / 'Old', line + mail(3))
        put(tree / 'Work', b'')
        put(tree / 'Work.msf', b'index')
        put(tree / 'notes.txt', b'no mail\n')
        told = self.take('davi', tree, code=65)
        self.assertEqual((told['messages'], told['left_count']), (4, 1))
        inbox = self.look('davi', 'INBOX')
        self.assertEqual(inbox['1'], [({'\\Seen', '\\Flagged', 'k1'}, '14-Nov-2023 22:13:20 +0000',
                                       crlf(mail(1)))])
        self.assertEqual([m[2] for m in inbox['2']], [crlf(mail(2, 'From me\ntext'))] * 2)
        self.assertEqual(set(self.look('davi', 'Work/Old')), {'3'})
        self.assertIn('Work', self.names('davi'))
        # grown, shortened at its front, and read once more by its owner
        put(tree / 'inbox', line + b'Status: RO\n' + mail(2, '>From me\ntext') + b'\n' + line + mail(4) + b'\n')
        told = self.take('davi', tree, code=65)
        self.assertEqual((told['messages'], told['known']), (1, 2))
        told = self.take('davi', tree / 'inbox', '--mailbox', 'Single')
        self.assertEqual(told['messages'], 2)
        self.assertEqual(set(self.look('davi', 'Single')), {'2', '4'})

    def test_mh(self):
        top = self.place / 'Mail'
        for n in (1, 2, 10):
            put(top / 'inbox' / str(n), mail(n), DAY)
        put(top / 'inbox' / '3', b'Delivery-Date: Tue, 14 Nov 2023 23:13:20 +0100\n' + mail(3), 1)
        put(top / 'inbox' / ',9', mail(9))
        put(top / 'inbox' / '.mh_sequences', b'unseen: 2 10\nreplied: 1-2\nflagged: 10\ncur: 1\nlater: 3\n')
        put(top / 'work' / 'old' / '1', mail(5), DAY)
        told = self.take('eva', top)
        self.assertEqual((told['messages'], told['left_count']), (5, 0))
        inbox = self.look('eva', 'INBOX')
        self.assertEqual({n: m[0][0] for n, m in inbox.items()},
                         {'1': {'\\Seen', '\\Answered'}, '2': {'\\Answered'}, '10': {'\\Flagged'},
                          '3': {'\\Seen', 'later'}})
        self.assertEqual(inbox['3'][0][1], '14-Nov-2023 23:13:20 +0100')
        self.assertEqual(list(inbox), ['1', '2', '3', '10'])
        self.assertEqual(set(self.look('eva', 'work/old')), {'5'})
        # packed: the numbers are others now
        (top / 'inbox' / '10').rename(top / 'inbox' / '4')
        self.assertEqual(self.take('eva', top)['messages'], 0)

    def test_the_quota_ends_it_and_more_room_lets_it_go_on(self):
        top = self.place / 'Maildir'
        (top / 'tmp').mkdir(parents=True)
        for n in range(20):
            put(top / 'cur' / f'{n}.h:2,S', mail(n, 'x' * 10000))
        self.site.run('account', 'set', f'full@{DOMAIN}', '--quota', '100K')
        told = self.take('full', top, code=73)
        self.assertIn('full', told['error'])
        taken = sum(len(m) for m in self.look('full', 'INBOX').values())
        self.assertEqual(taken, 10)
        told = self.take('full', top, '--ignore-quota')
        self.assertEqual((told['messages'], told['known']), (20 - taken, taken))

    def test_a_full_account_is_told_of_also_in_the_middle_of_a_message(self):
        put(self.place / 'Maildir' / 'cur' / 'big:2,S', mail(1, ('x' * 70 + '\n') * 400_000))
        self.site.run('account', 'set', f'carla@{DOMAIN}', '--quota', '1M')
        told = self.take('carla', self.place / 'Maildir', code=73)
        self.site.run('account', 'set', f'carla@{DOMAIN}', '--quota', '0')
        self.assertIn('the account is full', told['error'])

    def test_slips_of_the_pen(self):
        top = self.maildir()
        for options, code, why in (
                (['--only', 'INBX'], 66, 'none of its mailboxes is left by --only'),
                (['--exclude', '*'], 66, 'none of its mailboxes is left by --only'),
                (['--format', 'mh', '--only', 'nothing'], 66, ''),
                (['--mailbox', 'a//b'], 64, 'no mailbox can be called "a//b"'),
                (['--into', ''], 64, 'no mailbox can be called ""'),
                (['--mailbox', 'a', '--into', 'b'], 64, 'exclude each other'),
                (['--since', '31.1.2026'], 64, 'a day is written')):
            self.assertIn(why, self.take('davi', top, *options, code=code)['error'])
        (self.place / 'nothing').mkdir()
        told = self.take('davi', self.place / 'nothing', '--format', 'maildir', code=66)
        self.assertIn('is --format right?', told['error'])
        self.assertIn('imaps://', self.take('davi', 'pop3://ana@b.test/', code=64)['error'])

    def test_names_of_files_that_were_decomposed(self):
        put(self.place / 'Mail' / 'Cafe\u0301', b'From a@b.test Tue Nov 14 22:13:20 2023\n' + mail(1) + b'\n')
        self.assertEqual(self.take('davi', self.place / 'Mail')['messages'], 1)
        self.assertEqual(set(self.look('davi', 'Caf&AOk-')), {'1'})

    def test_while_no_server_runs(self):
        top = self.maildir()
        self.site.stop()
        try:
            told = self.take('bruno', top, '--into', 'Stopped')
            self.assertEqual(told['messages'], 8)
            self.assertFalse((self.site.data / 'control.sock').exists())
        finally:
            self.site.start()
        self.assertEqual(set(self.look('bruno', 'Stopped/Work')), {'4'})
        self.assertEqual(self.take('bruno', top, '--into', 'Stopped')['known'], 8)


@unittest.skipUnless(os.geteuid() == 0, 'only root can read what belongs to others')
class AsRoot(unittest.TestCase):
    def test_root_reads_and_the_user_of_the_store_writes(self):
        """Without a server: the one that stands in has given up root's rights."""
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        source = pathlib.Path(place.name)
        put(source / 'cur' / '1.h:2,S', mail(1))
        site = Site(accounts=('ana',), settings={'': {'user': '"nobody"'}})
        self.addCleanup(site.abandon)
        site.place.chmod(0o755)
        for path in [site.place, *site.place.rglob('*')]:
            shutil.chown(path, 'nobody')
        for told in ('Took 1 message (', 'Took 0 messages ('):
            self.assertIn(told, site.run('import', ANA, str(source)))
        self.assertEqual([path for path in site.data.rglob('*') if path.owner() != 'nobody'], [])


if __name__ == '__main__':
    main()
