# SPDX-License-Identifier: ISC
"""Hostile input around TLS: what is sent in clear before the handshake must not survive it, and no
password is taken in clear. (CVE-2011-0411 and its relatives in IMAP and POP3.)"""
import base64
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PASSWORD, SiteTest, Talk, main

ANA = f'ana@{DOMAIN}'
PLAIN = base64.b64encode(f'\0{ANA}\0{PASSWORD}'.encode()).decode()


class BeforeTls(SiteTest):
    def test_smtp_injection(self):
        for port in ('SMTP', 'SUBMISSION'):
            with Talk(self.site, port) as talk:
                self.assertEqual(talk.reply()[0], '220')
                self.assertEqual(talk.ask('EHLO elsewhere.test'), '250')
                talk.send('STARTTLS\r\nRSET\r\nNOOP\r\n')  # the last two in the same packet
                self.assertEqual(talk.reply()[0], '220')
                talk.start_tls()
                # The first answer over TLS is to the first command sent over TLS
                self.assertEqual(talk.ask('VRFY'), '501')
                self.assertEqual(talk.ask('QUIT'), '221')

    def test_smtp_forgets_what_was_said_before(self):
        with Talk(self.site, 'SMTP') as talk:
            talk.reply()
            talk.ask('EHLO elsewhere.test')
            self.assertEqual(talk.ask('MAIL FROM:<ze@elsewhere.test>'), '250')
            self.assertIn(talk.ask('STARTTLS'), ('220', '503'))
            if talk.ask('RSET') == '250':
                self.assertEqual(talk.ask('STARTTLS'), '220')
            talk.start_tls()
            self.assertEqual(talk.ask('RCPT TO:<ana@example.test>'), '503')

    def test_pop3_injection(self):
        with Talk(self.site, 'POP3') as talk:
            talk.line()
            talk.send(f'STLS\r\nUSER {ANA}\r\n')
            self.assertTrue(talk.line().startswith('+OK'))
            talk.start_tls()
            talk.send(f'PASS {PASSWORD}\r\n')
            self.assertEqual(talk.line(), '-ERR USER first')
            talk.send('QUIT\r\n')
            self.assertTrue(talk.line().startswith('+OK'))

    def test_imap_injection(self):
        with Talk(self.site, 'IMAP') as talk:
            talk.line()
            talk.send('a STARTTLS\r\nb NOOP\r\n')
            self.assertTrue(talk.line().startswith('a OK'))
            talk.start_tls()
            talk.send('c NOOP\r\n')
            self.assertTrue(talk.line().startswith('c OK'))

    def test_no_password_in_clear(self):
        for port in ('SMTP', 'SUBMISSION'):
            for command in ('AUTH PLAIN ' + PLAIN, 'AUTH PLAIN', 'AUTH LOGIN', 'AUTH SCRAM-SHA-256'):
                with Talk(self.site, port) as talk:
                    talk.reply()
                    talk.ask('EHLO elsewhere.test')
                    self.assertIn(talk.ask(command)[0], '5', (port, command))
        for command in ('a AUTHENTICATE PLAIN ' + PLAIN, 'a AUTHENTICATE PLAIN', f'a LOGIN {ANA} "{PASSWORD}"'):
            with Talk(self.site, 'IMAP') as talk:
                talk.line()
                talk.send(command + '\r\n')
                self.assertRegex(talk.line(), '^a (NO|BAD)', command)
        for command in ('AUTH PLAIN ' + PLAIN, 'AUTH PLAIN', f'USER {ANA}'):
            with Talk(self.site, 'POP3') as talk:
                talk.line()
                talk.send(command + '\r\n')
                self.assertTrue(talk.line().startswith('-ERR'), command)

    def test_no_tls_twice(self):
        with Talk(self.site, 'SMTP') as talk:
            talk.reply()
            talk.ask('EHLO elsewhere.test')
            self.assertEqual(talk.ask('STARTTLS'), '220')
            talk.start_tls()
            talk.send('EHLO elsewhere.test\r\n')
            self.assertNotIn('STARTTLS', ''.join(talk.reply()[1]))
            self.assertIn(talk.ask('STARTTLS')[0], '5')
            self.assertEqual(talk.ask('NOOP'), '250')
        with Talk(self.site, 'POP3S', tls=True) as talk:
            talk.line()
            talk.send('STLS\r\n')
            self.assertTrue(talk.line().startswith('-ERR'))

    def test_a_handshake_that_is_none(self):
        for port, command in (('SMTP', 'EHLO x\r\nSTARTTLS\r\n'), ('POP3', 'STLS\r\n'), ('IMAP', 'a STARTTLS\r\n'),
                              ('IMAPS', ''), ('POP3S', ''), ('SUBMISSIONS', '')):
            with Talk(self.site, port) as talk:
                if command:
                    talk.line()
                    for line in command.splitlines(True):
                        talk.send(line)
                        talk.reply() if line[0] == 'E' else talk.line()
                talk.send(b'this is no client hello' * 10)
                self.assertTrue(talk.is_closed(), port)
        self.site.pop3('ana').quit()


if __name__ == '__main__':
    main()
