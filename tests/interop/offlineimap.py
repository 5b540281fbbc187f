# SPDX-License-Identifier: ISC
"""With other software: OfflineIMAP keeps a Maildir and an account the same, both ways: mail, flags,
deletions and mailboxes.

Over implicit TLS only: its library has one thread read from the TLS session and another write to it.
After STARTTLS, where the client speaks first, the server's session tickets can wake the reader just
then, and now and then it hangs until it gives up.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, expect, main, message, need_tool


class Offlineimap(SiteTest):
    def setUp(self):
        self.home = self.site.place / 'offlineimap'
        self.local = self.home / 'Maildir'
        self.local.mkdir(parents=True)

    def sync(self):
        config = self.home / 'offlineimaprc'
        config.write_text(f'''[general]
accounts = A
metadata = {self.home}/metadata
ui = basic
[Account A]
localrepository = L
remoterepository = R
[Repository L]
type = Maildir
localfolders = {self.local}
sync_deletes = yes
[Repository R]
type = IMAP
remotehost = {HOST}
remoteport = {self.site.ports['IMAPS']}
remoteuser = ana@{DOMAIN}
remotepass = {PASSWORD}
ssl = yes
cert_fingerprint = {self.fingerprint()}
expunge = yes
''')
        done = subprocess.run(['offlineimap', '-o', '-c', str(config)], capture_output=True, text=True,
                              check=False, timeout=120)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said[-4000:])
        self.assertNotIn('ERROR', said)

    def fingerprint(self):
        """Of the certificate; with a file of authorities it wants the name that was dialled in it."""
        done = subprocess.run(['openssl', 'x509', '-in', str(self.site.ca), '-noout', '-fingerprint', '-sha1'],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip().partition('=')[2].replace(':', '').lower()

    def files(self, mailbox='INBOX'):
        return [file for part in ('cur', 'new') for file in (self.local / mailbox / part).iterdir()]

    def file_of(self, message_id, mailbox='INBOX'):
        (found,) = [file for file in self.files(mailbox) if message_id.encode() in file.read_bytes()]
        return found

    def test_both_ways(self):
        site = self.site
        ids = [site.deliver('ana', f'mail {i}', f'text {i}') for i in range(5)]
        self.sync()
        self.assertEqual(len(self.files()), 5)

        # there: a flag, a deletion, a new mailbox; here: a flag, a deletion, a new mail
        box = site.imap('ana')
        expect(box.store('1', '+FLAGS', '(\\Flagged)'))
        expect(box.store('2', '+FLAGS', '(\\Deleted)'))
        expect(box.expunge())
        expect(box.create('Work'))
        expect(box.copy('1', 'Work'))
        box.logout()
        seen = self.file_of(ids[2])
        seen.rename(self.local / 'INBOX' / 'cur' / (seen.name.split(':')[0] + ':2,S'))
        self.file_of(ids[3]).unlink()
        data, here_id = message('written here', 'x')
        (self.local / 'INBOX' / 'new' / '1.2.here').write_bytes(data.replace(b'\r\n', b'\n'))
        self.sync()

        box = site.imap('ana')
        for message_id, keys, count in ((ids[0], ['FLAGGED'], 1), (ids[1], [], 0), (ids[2], ['SEEN'], 1),
                                        (ids[3], [], 0), (ids[4], ['UNSEEN'], 1), (here_id, [], 1)):
            found = expect(box.search(None, 'HEADER', 'Message-ID', message_id, *keys))[0].split()
            self.assertEqual(len(found), count, (message_id, keys))
        box.logout()
        self.assertIn('F', self.file_of(ids[0]).name.partition(':2,')[2])
        self.assertEqual(len(self.files()), 4)
        self.assertEqual(len(self.files('Work')), 1)

        # nothing to do any more, twice
        names = sorted(file.name for file in self.files())
        self.sync()
        self.sync()
        self.assertEqual(sorted(file.name for file in self.files()), names)
        self.assertEqual(site.count('ana'), 4)


if __name__ == '__main__':
    need_tool('offlineimap')
    main()
