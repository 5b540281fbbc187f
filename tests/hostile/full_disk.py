# SPDX-License-Identifier: ISC
"""A full disk: new mail is answered with 452 and stays with its sender; what was acknowledged is all
there; reading, flagging and deleting work on; and when there is room again, mail is taken again.

First mail fills the disk until the server keeps the rest for itself, then somebody else takes that
too. A small file system is mounted for it in a namespace of its own (root, or an unprivileged user
where that is allowed); where it cannot be, the test is skipped and says so.
"""
import ctypes
import os
import pathlib
import shutil
import smtplib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, Site, expect, main, message

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
ANA = f'ana@{DOMAIN}'


def mount_small(place, size):
    """A tmpfs of that size over `place`, seen by this process and its children only."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS if uid == 0 else CLONE_NEWUSER | CLONE_NEWNS) != 0:
        return False
    if uid != 0:
        pathlib.Path('/proc/self/setgroups').write_text('deny')
        pathlib.Path('/proc/self/uid_map').write_text(f'0 {uid} 1')
        pathlib.Path('/proc/self/gid_map').write_text(f'0 {gid} 1')
    subprocess.run(['mount', '--make-rprivate', '/'], check=False, capture_output=True)
    return subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', str(place)], check=False,
                          capture_output=True).returncode == 0


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix='carteiro-full-'))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.mounted = mount_small(self.place, '144m')
        (self.place / 'site').mkdir()
        self.site = Site(place=self.place / 'site')
        if self.mounted:
            self.addCleanup(subprocess.run, ['umount', '-l', str(self.place)], check=False)

    def fill(self):
        """Sends until it is refused; the Message-IDs of what was acknowledged."""
        kept = []
        client = self.site.smtp()
        client.ehlo()
        for _ in range(400):
            data, message_id = message('fills', ('x' * 76 + '\n') * 4000)
            client.mail('ze@elsewhere.test')
            code, words = client.rcpt(ANA)
            if code == 250:
                code, words = client.data(data)
            if code != 250:
                self.assertEqual(code, 452, words)
                self.assertIn(b'4.3.1', words)
                self.assertEqual(client.noop()[0], 250)
                client.quit()
                return kept
            kept.append(message_id)
        self.fail('the disk does not fill up')
        return kept

    def fill_by_others(self):
        """Somebody else takes every byte that is left."""
        with open(self.place / 'filler', 'wb', buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        filler.write(b'f' * size)
                except OSError:
                    pass

    def check_kept(self, kept):
        """Nothing that was acknowledged is lost, and nothing that was refused is there."""
        found = self.site.raw_messages('ana')
        self.assertEqual(len(found), len(kept))
        for message_id in kept:
            self.assertEqual(sum(message_id.encode() in raw for raw in found), 1)

    def check_refuses(self):
        client = self.site.smtp()
        data, _ = message('refused', 'x' * 1000)
        with self.assertRaises(smtplib.SMTPResponseException) as caught:
            client.sendmail('ze@elsewhere.test', [ANA], data)
        self.assertEqual(caught.exception.smtp_code, 452)
        client.quit()
        box = self.site.imap('ana')
        self.assertEqual(box.append('INBOX', None, None, data)[0], 'NO')
        box.logout()

    def check_reads_flags_and_deletes(self, count):
        """By IMAP and by POP3; gives the new number of mails."""
        box = self.site.imap('ana')
        expect(box.store('1', '+FLAGS', '(\\Flagged)'))
        self.assertEqual(expect(box.search(None, 'FLAGGED'))[0], b'1')
        expect(box.store('2', '+FLAGS', '(\\Deleted)'))
        self.assertEqual(expect(box.expunge()), [b'2'])
        box.logout()
        drop = self.site.pop3('ana')
        self.assertEqual(drop.stat()[0], count - 1)
        drop.retr(1)
        drop.dele(1)
        drop.quit()
        self.assertEqual(self.site.count('ana'), count - 2)
        return count - 2

    def test_full_and_not_full_again(self):
        if not self.mounted:
            self.skipTest('no small file system may be mounted here')
        with self.site as site:
            kept = self.fill()
            self.assertGreater(len(kept), 10)
            self.check_kept(kept)
            self.check_refuses()
            count = self.check_reads_flags_and_deletes(len(kept))
            self.fill_by_others()
            self.check_refuses()
            count = self.check_reads_flags_and_deletes(count)
            (self.place / 'filler').unlink()
            site.restart()
            self.assertEqual(site.count('ana'), count)
            # There is room again: because mail was deleted, or because the disk has grown
            subprocess.run(['mount', '-o', 'remount,size=512m', str(self.place)], check=True)
            site.deliver('ana', 'there is room again')
            self.assertEqual(site.count('ana'), count + 1)


if __name__ == '__main__':
    main()
