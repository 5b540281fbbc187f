# SPDX-License-Identifier: ISC
"""Journey: a mailbox is fetched by POP3, with what RFC 1939 promises about deletion and locking."""
import base64
import pathlib
import poplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, Talk, expect, main

ANA = f'ana@{DOMAIN}'


class ReadByPop3(SiteTest):
    def setUp(self):
        self.empty('ana')

    def test_fetch_and_delete(self):
        ids = [self.site.deliver('ana', f'mail {i}', f'text {i}\n.dot\n') for i in range(3)]
        drop = self.site.pop3('ana')
        count, size = drop.stat()
        self.assertEqual(count, 3)
        listed = [line.split() for line in drop.list()[1]]
        self.assertEqual([int(line[0]) for line in listed], [1, 2, 3])
        self.assertEqual(sum(int(line[1]) for line in listed), size)
        for number in (1, 2, 3):
            lines = drop.retr(number)[1]
            # What LIST said is what came: each line and its CRLF, dots unstuffed
            self.assertEqual(sum(len(line) + 2 for line in lines), int(listed[number - 1][1]))
            self.assertIn(f'Message-ID: {ids[number - 1]}'.encode(), lines)
            self.assertEqual(lines[-2:], [f'text {number - 1}'.encode(), b'.dot'])
        drop.dele(2)
        self.assertEqual(drop.stat()[0], 2)
        for gone in (lambda: drop.retr(2), lambda: drop.dele(2), lambda: drop.list(2), lambda: drop.uidl(2)):
            self.assertRaises(poplib.error_proto, gone)
        self.assertEqual([line.split()[0] for line in drop.list()[1]], [b'1', b'3'])
        drop.quit()
        drop = self.site.pop3('ana')
        self.assertEqual(drop.stat()[0], 2)
        self.assertIn(f'Message-ID: {ids[2]}'.encode(), drop.retr(2)[1])
        drop.quit()

    def test_unique_ids_are_stable(self):
        for i in range(3):
            self.site.deliver('ana', f'mail {i}')
        drop = self.site.pop3('ana')
        before = dict(line.split() for line in drop.uidl()[1])
        self.assertEqual(len(set(before.values())), 3)
        drop.dele(1)
        drop.quit()
        self.site.deliver('ana', 'one more')
        drop = self.site.pop3('ana')
        after = dict(line.split() for line in drop.uidl()[1])
        self.assertEqual(after[b'1'], before[b'2'])
        self.assertEqual(after[b'2'], before[b'3'])
        self.assertNotIn(after[b'3'], before.values())
        self.assertEqual(drop.uidl(3).split()[2], after[b'3'])
        drop.quit()

    def test_only_quit_deletes(self):
        self.site.deliver('ana')
        drop = self.site.pop3('ana')
        drop.dele(1)
        drop.rset()
        self.assertEqual(drop.stat()[0], 1)
        drop.quit()
        drop = self.site.pop3('ana')
        drop.dele(1)
        drop.close()  # no QUIT
        self.assertEqual(self._reopened().stat()[0], 1)

    def _reopened(self):
        """A new session, as soon as the server has seen that the old one is gone."""
        for _ in range(1000):
            try:
                drop = self.site.pop3('ana')
                self.addCleanup(drop.close)
                return drop
            except poplib.error_proto as failure:
                self.assertIn(b'IN-USE', failure.args[0])
        raise AssertionError('the lock of a closed session stays')

    def test_one_session_at_a_time(self):
        self.site.deliver('ana')
        first = self.site.pop3('ana')
        with self.assertRaises(poplib.error_proto) as caught:
            self.site.pop3('ana')
        self.assertTrue(caught.exception.args[0].startswith(b'-ERR [IN-USE]'), caught.exception)
        other = self.site.pop3('bruno')
        other.quit()
        first.quit()
        self.site.pop3('ana').quit()

    def test_top(self):
        self.site.deliver('ana', 'top', 'one\ntwo\nthree\n')
        drop = self.site.pop3('ana')
        whole = drop.retr(1)[1]
        head = whole[:whole.index(b'') + 1]
        self.assertEqual(drop.top(1, 0)[1], head)
        self.assertEqual(drop.top(1, 2)[1], head + [b'one', b'two'])
        self.assertEqual(drop.top(1, 99)[1], whole)
        drop.quit()

    def test_capabilities(self):
        drop = poplib.POP3(HOST, self.site.ports['POP3'])
        plain = drop.capa()
        self.assertIn('STLS', plain)
        self.assertNotIn('USER', plain)
        self.assertNotIn('SASL', plain)
        drop.host = DOMAIN
        drop.stls(self.site.tls())
        private = drop.capa()
        self.assertNotIn('STLS', private)
        self.assertLessEqual({'PLAIN', 'SCRAM-SHA-256'}, set(private['SASL']))
        self.assertLessEqual({'TOP', 'UIDL', 'USER', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING',
                              'EXPIRE', 'IMPLEMENTATION', 'LANG', 'UTF8'}, set(private))
        drop.quit()

    def test_no_password_in_clear(self):
        with Talk(self.site, 'POP3') as talk:
            self.assertTrue(talk.line().startswith('+OK'))
            for command in (f'USER {ANA}', f'PASS {PASSWORD}', 'AUTH PLAIN AGEAYg==', 'STAT', 'APOP ana x'):
                talk.send(command + '\r\n')
                self.assertTrue(talk.line().startswith('-ERR'), command)

    def test_auth_plain_in_its_three_shapes(self):
        plain = base64.b64encode(f'\0{ANA}\0{PASSWORD}'.encode()).decode()
        for given_at_once in (True, False):
            with Talk(self.site, 'POP3S', tls=True) as talk:
                talk.line()
                talk.send('AUTH PLAIN\r\n')
                self.assertEqual(talk.line().strip(), '+')
                talk.send('*\r\n')
                self.assertTrue(talk.line().startswith('-ERR'))
                if given_at_once:
                    talk.send(f'AUTH PLAIN {plain}\r\n')
                else:
                    talk.send('AUTH PLAIN\r\n')
                    self.assertEqual(talk.line().strip(), '+')
                    talk.send(plain + '\r\n')
                self.assertTrue(talk.line().startswith('+OK'))
                talk.send('QUIT\r\n')
                self.assertTrue(talk.line().startswith('+OK'))

    def test_wrong_password_has_its_code_and_its_limit(self):
        with Talk(self.site, 'POP3S', tls=True) as talk:
            talk.line()
            heard = []
            for _ in range(3):
                talk.send(f'USER {ANA}\r\nPASS wrong\r\n')
                self.assertTrue(talk.line().startswith('+OK'))
                heard.append(talk.line())
            self.assertTrue(all(line.startswith('-ERR [') for line in heard), heard)
            self.assertTrue(heard[0].startswith('-ERR [AUTH]'), heard)
            self.assertTrue(talk.is_closed())
        self.site.restart()  # forgets the failures of this peer

    def test_pipelining(self):
        for i in range(5):
            self.site.deliver('ana', f'mail {i}')
        with Talk(self.site, 'POP3S', tls=True) as talk:
            talk.line()
            talk.send(f'USER {ANA}\r\nPASS {PASSWORD}\r\nSTAT\r\nDELE 1\r\nDELE 9\r\nNOOP\r\nRETR 2\r\nQUIT\r\n')
            heard = self._all(talk)
        self.assertEqual([line[:3] for line in heard[:6]], ['+OK', '+OK', '+OK', '+OK', '-ER', '+OK'])
        self.assertTrue(heard[-1].startswith('+OK') and heard[-2] == '.')
        self.assertEqual(self.site.count('ana'), 4)

    @staticmethod
    def _all(talk):
        return talk.file.read().decode().split('\r\n')[:-1]

    def test_imap_sees_what_pop3_did(self):
        self.site.deliver('ana', 'read by pop')
        self.site.deliver('ana', 'not read')
        drop = self.site.pop3('ana')
        drop.retr(1)
        drop.quit()
        box = self.site.imap('ana')
        self.assertEqual(expect(box.search(None, 'SEEN'))[0].split(), [b'1'])
        self.assertEqual(expect(box.search(None, 'UNSEEN'))[0].split(), [b'2'])
        box.logout()

    def test_a_message_that_imap_removed_meanwhile(self):
        self.site.deliver('ana', 'first')
        self.site.deliver('ana', 'second')
        drop = self.site.pop3('ana')
        box = self.site.imap('ana')
        box.store('1', '+FLAGS', '(\\Deleted)')
        box.expunge()
        box.logout()
        drop.dele(1)
        self.assertIn(b'Subject: second', drop.retr(2)[1])
        drop.quit()
        self.assertEqual(self.site.count('ana'), 1)

    def test_a_large_mail_in_bounded_memory(self):
        text = '\n'.join('%06d ' % i + 'x' * 60 for i in range(100000)) + '\n'
        self.site.deliver('ana', 'large', text)
        drop = self.site.pop3('ana')
        lines = drop.retr(1)[1]
        self.assertEqual('\n'.join(line.decode() for line in lines[lines.index(b'') + 1:]) + '\n', text)
        drop.quit()


if __name__ == '__main__':
    main()
