# SPDX-License-Identifier: ISC
"""Journey: a mailbox is read and kept in order by IMAP, with Python's imaplib as the client."""
import imaplib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PASSWORD, SiteTest, Talk, expect, main, message

ANA = f'ana@{DOMAIN}'


class ReadByImap(SiteTest):
    def setUp(self):
        self.empty('ana')

    def test_read_flag_move_delete(self):
        ids = [self.site.deliver('ana', f'mail {i}', f'text {i}') for i in range(3)]
        box = self.site.imap('ana')
        self.assertEqual(expect(box.search(None, 'UNSEEN'))[0].split(), [b'1', b'2', b'3'])
        raw = expect(box.fetch('2', '(BODY[])'))[0][1]
        self.assertIn(ids[1].encode(), raw)
        self.assertEqual(expect(box.search(None, 'SEEN'))[0].split(), [b'2'])
        expect(box.store('1', '+FLAGS', '(\\Flagged $Important)'))
        self.assertEqual(expect(box.search(None, 'FLAGGED', 'KEYWORD', '$Important'))[0].split(), [b'1'])
        expect(box.create('Work/2026'))
        expect(box.copy('1', 'Work/2026'))
        expect(box._simple_command('MOVE', '2', 'Work/2026'))
        expect(box.store('1', '+FLAGS', '(\\Deleted)'))
        expect(box.expunge())
        self.assertEqual(len(expect(box.search(None, 'ALL'))[0].split()), 1)
        self.assertEqual(int(expect(box.select('Work/2026'))[0]), 2)
        self.assertEqual(expect(box.search(None, 'FLAGGED'))[0].split(), [b'1'])
        expect(box.close())
        expect(box.delete('Work/2026'))
        box.logout()

    def test_special_mailboxes_are_there(self):
        box = self.site.imap('ana', None)
        listed = b'\n'.join(expect(box.list()))
        for name, use in (('Drafts', 'Drafts'), ('Sent', 'Sent'), ('Archive', 'Archive'),
                          ('Junk', 'Junk'), ('Trash', 'Trash')):
            self.assertRegex(listed, rf'\\{use}[ )][^\n]*{name}'.encode())
        self.assertIn(b'INBOX', listed)
        box.logout()

    def test_append_and_fetch_by_parts(self):
        box = self.site.imap('ana')
        data = (b'From: <ana@example.test>\r\nSubject: parts\r\nMIME-Version: 1.0\r\n'
                b'Content-Type: multipart/mixed; boundary=b\r\n\r\n'
                b'--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nol\xc3\xa1\r\n'
                b'--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n'
                b'AAEC\r\n--b--\r\n')
        expect(box.append('INBOX', '(\\Seen)', imaplib.Time2Internaldate(0), data))
        box.noop()
        found = expect(box.fetch('*', '(FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[1] '
                                      'BODY.PEEK[2.MIME] BODY.PEEK[]<10.20>)'))
        told = b' '.join(part if isinstance(part, bytes) else b' '.join(part) for part in found)
        self.assertIn(b'RFC822.SIZE %d' % len(data), told)
        self.assertIn(b'\\Seen', told)
        self.assertIn(b'"MIXED"', told.upper())
        self.assertIn('olá'.encode(), told)
        self.assertIn(b'Content-Transfer-Encoding: base64', told)
        self.assertIn(data[10:30], told)
        box.logout()

    def test_uids_and_mailboxes_survive_a_restart(self):
        self.site.deliver('ana', 'stay')
        box = self.site.imap('ana')
        expect(box.create('Kept'))
        expect(box.copy('1', 'Kept'))
        before = expect(box.fetch('1', '(UID INTERNALDATE RFC822.SIZE)'))
        validity = box.response('UIDVALIDITY')
        box.logout()
        self.site.restart()
        box = self.site.imap('ana')
        self.assertEqual(expect(box.fetch('1', '(UID INTERNALDATE RFC822.SIZE)')), before)
        self.assertEqual(box.response('UIDVALIDITY'), validity)
        self.assertEqual(int(expect(box.select('Kept'))[0]), 1)
        expect(box.select('INBOX'))
        expect(box.delete('Kept'))
        box.logout()

    def test_searches(self):
        self.site.deliver('ana', 'apples', 'red fruit')
        self.site.deliver('ana', 'bananas', 'yellow fruit, olá')
        box = self.site.imap('ana')
        for what, found in ((['SUBJECT', 'apples'], b'1'), (['BODY', 'fruit'], b'1 2'),
                            (['TEXT', '"yellow"'], b'2'), (['NOT', 'SUBJECT', 'apples'], b'2'),
                            (['OR', 'SUBJECT', 'apples', 'SUBJECT', 'bananas'], b'1 2'),
                            (['FROM', 'elsewhere'], b'1 2'), (['LARGER', '1000000'], b''),
                            (['UID', '1:*', 'UNSEEN'], b'1 2'), (['SINCE', '1-Jan-2020'], b'1 2')):
            self.assertEqual(expect(box.search(None, *what))[0], found, what)
        box.literal = 'olá'.encode()
        self.assertEqual(expect(box.search('UTF-8', 'TEXT'))[0], b'2')
        box.logout()

    def test_new_mail_reaches_an_idle_client(self):
        with Talk(self.site, 'IMAPS', tls=True) as talk:
            talk.line()
            for command in (f'a LOGIN {ANA} "{PASSWORD}"', 'b SELECT INBOX'):
                talk.send(command + '\r\n')
                while not (line := talk.line()).startswith(command[0] + ' '):
                    self.assertTrue(line)
                self.assertIn(' OK', line)
            talk.send('c IDLE\r\n')
            self.assertTrue(talk.line().startswith('+'))
            message_id = self.site.deliver('ana', 'while you wait')
            heard = []
            while not any(line.endswith(' EXISTS') for line in heard):
                heard.append(talk.line())
                self.assertTrue(heard[-1], heard)
            self.assertIn('* 1 EXISTS', heard)
            other = self.site.imap('ana')
            expect(other.store('1', '+FLAGS', '(\\Flagged)'))
            while 'Flagged' not in (line := talk.line()):
                self.assertTrue(line)
            self.assertRegex(line, r'^\* 1 FETCH ')
            expect(other.store('1', '+FLAGS', '(\\Deleted)'))
            expect(other.expunge())
            while line != '* 1 EXPUNGE':
                line = talk.line()
                self.assertTrue(line)
            other.logout()
            talk.send('DONE\r\n')
            while not (line := talk.line()).startswith('c '):
                self.assertTrue(line)
            self.assertTrue(line.startswith('c OK'))
            self.assertTrue(message_id)

    def test_no_password_in_clear(self):
        with Talk(self.site, 'IMAP') as talk:
            greeting = talk.line()
            talk.send('a CAPABILITY\r\n')
            told = greeting + talk.line()
            self.assertIn('LOGINDISABLED', told)
            self.assertIn('STARTTLS', told)
            self.assertNotIn('AUTH=PLAIN', told)
            while 'a OK' not in told:
                told = talk.line()
            talk.send(f'b LOGIN {ANA} "{PASSWORD}"\r\n')
            self.assertTrue(talk.line().startswith('b NO'))

    def test_what_goes_wrong_is_told(self):
        self.site.deliver('ana')
        box = self.site.imap('ana')
        self.assertEqual(box.select('Nowhere')[0], 'NO')
        expect(box.select('INBOX'))
        self.assertEqual(box.copy('1:*', 'Nowhere')[0], 'NO')
        self.assertEqual(box.create('INBOX')[0], 'NO')
        self.assertEqual(box.delete('INBOX')[0], 'NO')
        with self.assertRaises(imaplib.IMAP4.error):
            box.fetch('1', 'NONSENSE')
        expect(box.noop())
        box.logout()

    def test_two_sessions_see_the_same(self):
        self.site.deliver('ana', 'for both')
        one, two = self.site.imap('ana'), self.site.imap('ana')
        expect(one.store('1', '+FLAGS', '(\\Answered)'))
        expect(two.noop())
        self.assertEqual(expect(two.search(None, 'ANSWERED'))[0], b'1')
        data, _ = message('appended', 'x')
        expect(two.append('INBOX', None, None, data))
        expect(one.noop())
        self.assertEqual(expect(one.search(None, 'ALL'))[0], b'1 2')
        one.logout()
        two.logout()


if __name__ == '__main__':
    main()
