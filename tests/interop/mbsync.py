# SPDX-License-Identifier: ISC
"""With other software: mbsync keeps a maildir and an account the same, both ways: mail, flags,
deletions, new mailboxes."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PASSWORD, SiteTest, expect, main, message, need_tool


class Mbsync(SiteTest):
    user = 'ana'

    def setUp(self):
        self.local = self.site.place / f'local-{self._testMethodName}'
        self.local.mkdir()

    def sync(self, ssl='STARTTLS', port='IMAP'):
        config = self.site.place / 'mbsyncrc'
        config.write_text(f'''IMAPAccount there
Host localhost
Port {self.site.ports[port]}
User {self.user}@{DOMAIN}
Pass "{PASSWORD}"
SSLType {ssl}
CertificateFile {self.site.ca}

IMAPStore there
Account there

MaildirStore here
Path {self.local}/
Inbox {self.local}/INBOX
SubFolders Verbatim

Channel both
Far :there:
Near :here:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
CopyArrivalDate yes
''')
        done = subprocess.run(['mbsync', '-c', str(config), '--all', '--verbose'], capture_output=True, text=True,
                              check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def files(self, mailbox='INBOX'):
        folder = self.local / mailbox
        return sorted([*(folder / 'cur').iterdir(), *(folder / 'new').iterdir()])

    def file_of(self, message_id, mailbox='INBOX'):
        return [file for file in self.files(mailbox) if message_id.encode() in file.read_bytes()]

    def test_both_ways(self):
        site = self.site
        ids = [site.deliver('ana', f'mail {i}', f'text {i}') for i in range(5)]
        self.sync()
        self.assertEqual(len(self.files()), 5)
        for name in ('Drafts', 'Sent', 'Trash'):
            self.assertTrue((self.local / name / 'cur').is_dir(), name)

        # There: a flag, a deletion, a new mailbox with a copy; here: a flag, a deletion, a new mail
        box = site.imap('ana')
        expect(box.store('1', '+FLAGS', '(\\Flagged)'))
        expect(box.store('2', '+FLAGS', '(\\Deleted)'))
        expect(box.expunge())
        expect(box.create('Work'))
        expect(box.copy('1', 'Work'))
        box.logout()
        (seen,) = self.file_of(ids[2])
        seen.rename(seen.parent.parent / 'cur' / (seen.name.split(':')[0] + ':2,S'))
        (gone,) = self.file_of(ids[3])
        gone.rename(gone.parent.parent / 'cur' / (gone.name.split(':')[0] + ':2,T'))
        data, here_id = message('written here', 'x')
        (self.local / 'INBOX' / 'new' / '1.2.here').write_bytes(data.replace(b'\r\n', b'\n'))
        for part in ('new', 'cur', 'tmp'):
            (self.local / 'Made-here' / part).mkdir(parents=True)
        (self.local / 'Made-here' / 'new' / '2.2.here').write_bytes(data.replace(b'\r\n', b'\n'))
        self.sync()

        box = site.imap('ana')
        self.assertEqual(len(expect(box.search(None, 'ALL'))[0].split()), 4)
        for message_id, keys, count in ((ids[0], ['FLAGGED'], 1), (ids[1], [], 0), (ids[2], ['SEEN'], 1),
                                        (ids[3], [], 0), (ids[4], ['UNSEEN'], 1), (here_id, [], 1)):
            found = expect(box.search(None, 'HEADER', 'Message-ID', message_id, *keys))[0].split()
            self.assertEqual(len(found), count, (message_id, keys))
        self.assertEqual(int(expect(box.select('Made-here'))[0]), 1)
        box.logout()
        self.assertEqual(len(self.files()), 4)
        self.assertEqual(self.file_of(ids[1]) + self.file_of(ids[3]), [])
        self.assertTrue(self.file_of(ids[0])[0].name.endswith('F'))
        self.assertEqual(len(self.file_of(ids[0], 'Work')), 1)

        # Nothing to do any more, also over implicit TLS; then a mailbox goes away
        names = [file.name for file in self.files()]
        self.sync(ssl='IMAPS', port='IMAPS')
        self.assertEqual([file.name for file in self.files()], names)
        box = site.imap('ana', 'Work')
        expect(box.store('1:*', '+FLAGS', '(\\Deleted)'))
        expect(box.expunge())
        box.logout()
        self.sync()
        self.assertEqual(self.files('Work'), [])

    def local_flags(self, message_id):
        (file,) = self.file_of(message_id)
        return file, ''.join(sorted(file.name.partition(':2,')[2]))

    def flag_here(self, message_id, flags):
        file, _ = self.local_flags(message_id)
        file.rename(self.local / 'INBOX' / 'cur' / (file.name.partition(':2,')[0] + ':2,' + flags))

    def seen_there(self, box, message_id):
        found = expect(box.search(None, 'HEADER', 'Message-ID', message_id))[0]
        if not found:
            return None
        answer = expect(box.fetch(found, '(FLAGS)'))[0].decode()
        return ''.join(sorted(c for c, name in zip('DFRS', ('Draft', 'Flagged', 'Answered', 'Seen')) if name in answer))

    def test_flags_and_deletions_two_rounds(self):
        """Flags set and taken away and mails deleted on both sides at once, and once more."""
        self.user = 'bruno'
        ids = [self.site.deliver('bruno', f'round {i}') for i in range(8)]
        self.sync()
        wanted = {message_id: '' for message_id in ids}
        for turn in range(2):
            box = self.site.imap('bruno')
            there, here, gone_there, gone_here = (ids[4 * turn + i] for i in range(4))
            for message_id, flags in ((there, '\\Flagged \\Answered'), (gone_there, '\\Deleted')):
                found = expect(box.search(None, 'HEADER', 'Message-ID', message_id))[0]
                expect(box.store(found, '+FLAGS', f'({flags})'))
            for message_id in [m for m in ids[:4 * turn] if m in wanted]:  # what the round before did is undone
                found = expect(box.search(None, 'HEADER', 'Message-ID', message_id))[0]
                expect(box.store(found, 'FLAGS', '(\\Seen)'))
                wanted[message_id] = 'S'
            expect(box.expunge())
            box.logout()
            self.flag_here(here, 'DRS')
            self.flag_here(gone_here, 'ST')
            wanted |= {there: 'FR', here: 'DRS'}
            for message_id in (gone_there, gone_here):
                del wanted[message_id]
            self.sync()
            self.sync()
            box = self.site.imap('bruno')
            for message_id in ids:
                self.assertEqual(self.seen_there(box, message_id), wanted.get(message_id), (turn, message_id))
                if message_id in wanted:
                    self.assertEqual(self.local_flags(message_id)[1], wanted[message_id], (turn, message_id))
                else:
                    self.assertEqual(self.file_of(message_id), [])
            box.logout()


if __name__ == '__main__':
    need_tool('mbsync')
    main()
