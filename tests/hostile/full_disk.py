# SPDX-License-Identifier: ISC
"""A full disk: new mail is answered with 452 and stays with its sender; what was acknowledged is all
there; reading, flagging and deleting work on; and when there is room again, mail is taken again.

A small file system is mounted where that is allowed (root, or an unprivileged user and mount
namespace). Where it is not, the server is told to keep more bytes free than there are, which shows
the same but for the disk's own ENOSPC; the test says which it was.
"""
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, Site, expect, main, message, put_setting

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
        self.mounted = mount_small(self.place, '48m')
        print(f'the disk is full {"really: a small file system" if self.mounted else "by configuration"}')
        settings = {'store': {'free_bytes_min': 1 << 20, 'segment_bytes': 4 << 20}} if self.mounted else {}
        (self.place / 'site').mkdir()
        self.site = Site(place=self.place / 'site', settings=settings)
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

    def test_full_and_not_full_again(self):
        with self.site as site:
            if not self.mounted:
                kept = [site.deliver('ana') for _ in range(5)]
                site.stop()
                site.config.write_text(put_setting(site.config.read_text(), 'store', 'free_bytes_min', 1 << 60))
                site.start()
                self.assertEqual(self.fill(), [])
            else:
                kept = self.fill()
                self.assertGreater(len(kept), 10)
            # Nothing that was acknowledged is lost, and nothing that was refused is there
            found = site.raw_messages('ana')
            self.assertEqual(len(found), len(kept))
            for message_id in kept:
                self.assertEqual(sum(message_id.encode() in raw for raw in found), 1)
            # Reading, flagging and deleting work on
            box = site.imap('ana')
            expect(box.store('1', '+FLAGS', '(\\Flagged)'))
            self.assertEqual(box.append('INBOX', None, None, message('x', 'y' * 100000)[0])[0], 'NO')
            drop_count = len(kept)
            box.logout()
            drop = site.pop3('ana')
            self.assertEqual(drop.stat()[0], drop_count)
            drop.dele(1)
            drop.quit()
            self.assertEqual(site.count('ana'), drop_count - 1)
            # And after a restart too
            site.restart()
            self.assertEqual(site.count('ana'), drop_count - 1)
            if not self.mounted:
                return
            box = site.imap('ana')
            expect(box.store('1:*', '+FLAGS', '(\\Deleted)'))
            expect(box.expunge())
            box.logout()
            subprocess.run(['mount', '-o', 'remount,size=256m', str(self.place)], check=True)
            site.deliver('ana', 'there is room again')
            self.assertEqual(site.count('ana'), 1)


if __name__ == '__main__':
    main()
