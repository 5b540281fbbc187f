# SPDX-License-Identifier: ISC
"""Hostile input to SMTP: bare CR and LF and each known smuggling sequence, NULs, endless lines and
headers, garbage in one piece, 10,000 recipients, one byte too many. After each the same session, or
at least the next one, works as if nothing had been."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, SiteTest, Talk, main

ANA = f'ana@{DOMAIN}'
SIZE = 300000

# What stands between the visible end of one mail and the commands of a second, smuggled one; none
# of them is CRLF.CRLF, so none ends DATA (the "SMTP smuggling" table and its relatives).
FALSE_ENDS = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r', b'\r.\r\n', b'\r\n.\r', b'\n.\r', b'\r.\n',
              b'\r\n\0.\r\n', b'\r\n.\0\r\n', b'\r\n\x00.\x00\r\n', b'\r\r\n.\r\r\n', b'\n\n.\n\n', b'\r\n.\r\r\n',
              b'\r\n .\r\n', b'\r\n.\x85', b'\r\n\xe2\x80\xa8.\r\n', b'\r\n.\x0b\r\n', b'\x0c.\x0c']


class SmtpBytes(SiteTest):
    settings = {'receive': {'message_size': SIZE, 'errors_max': 100, 'junk_max': 1000}}

    def open(self, port='SMTP'):
        talk = Talk(self.site, port)
        self.addCleanup(talk.close)
        self.assertEqual(talk.reply()[0], '220')
        self.assertEqual(talk.ask('EHLO elsewhere.test'), '250')
        return talk

    def begin(self, talk):
        self.assertEqual(talk.ask('MAIL FROM:<ze@elsewhere.test>'), '250')
        self.assertEqual(talk.ask(f'RCPT TO:<{ANA}>'), '250')
        self.assertEqual(talk.ask('DATA'), '354')

    def assert_serves(self, talk=None):
        """A whole mail goes through, in this session or in a new one."""
        before = self.site.count('ana')
        talk = talk or self.open()
        self.begin(talk)
        talk.send('Subject: good\r\n\r\ngood\r\n.\r\n')
        self.assertEqual(talk.reply()[0], '250')
        self.assertEqual(talk.ask('QUIT'), '221')
        self.assertEqual(self.site.count('ana'), before + 1)

    def test_no_sequence_smuggles_a_mail(self):
        smuggled = (b'MAIL FROM:<smuggler@elsewhere.test>\r\nRCPT TO:<%s>\r\nDATA\r\n'
                    b'Subject: smuggled\r\n\r\nsmuggled\r\n' % ANA.encode())
        self.empty('ana')
        kept = 0
        for end in FALSE_ENDS:
            with self.subTest(end=end):
                talk = self.open()
                self.begin(talk)
                talk.send(b'Subject: outer\r\n\r\nouter' + end + smuggled + b'\r\n.\r\n')
                code, lines = talk.reply()
                # One answer for one mail: refused for its bytes, or kept as the one it is
                if b'\r' in end.replace(b'\r\n', b'') or b'\n' in end.replace(b'\r\n', b''):
                    self.assertEqual(code[0], '5', lines)
                kept += code == '250'
                self.assertEqual(talk.ask('NOOP'), '250')
                self.assertEqual(talk.ask('QUIT'), '221')
        self.assertEqual(self.site.count('ana'), kept)
        for raw in self.site.raw_messages('ana'):
            self.assertNotIn(b'\r\nReturn-Path: <smuggler', b'\r\n' + raw)
        self.assert_serves()

    def test_smuggling_by_bdat_stays_inside(self):
        self.empty('ana')
        body = b'Subject: x\r\n\r\n\r\n.\r\nMAIL FROM:<evil@elsewhere.test>\r\n.\r\n'
        talk = self.open()
        self.assertEqual(talk.ask('MAIL FROM:<ze@elsewhere.test>'), '250')
        self.assertEqual(talk.ask(f'RCPT TO:<{ANA}>'), '250')
        talk.send(b'BDAT %d LAST\r\n' % len(body) + body)
        self.assertEqual(talk.reply()[0], '250')
        self.assert_serves(talk)
        self.assertTrue(self.site.raw_messages('ana')[0].endswith(body))

    def test_bare_line_ends_in_commands(self):
        for line in (b'MAIL FROM:<ze@elsewhere.test>\nRCPT TO:<%s>\r\n' % ANA.encode(), b'NOOP\rNOOP\r\n',
                     b'MAIL FROM:<a@b.test>\r\r\n', b'NO\0OP\r\n', b'\0\r\n', b'MAIL FROM:<a\0b@c.test>\r\n'):
            with self.subTest(line=line):
                talk = self.open()
                talk.send(line + b'QUIT\r\n')
                heard = [text[:3] for text in iter(talk.line, '')]
                self.assertNotIn('250', heard[:1] if line.count(b'\n') == 1 else [], heard)
                self.assertEqual(heard[-1], '221', heard)
        self.assert_serves()

    def test_nul_in_data(self):
        talk = self.open()
        self.begin(talk)
        talk.send(b'Subject: nul\r\n\r\na\0b\r\n.\r\n')
        code, lines = talk.reply()
        self.assertIn(code[0], '25', lines)
        self.assert_serves(talk)

    def test_endless_command_line(self):
        talk = self.open()
        talk.send(b'MAIL FROM:<' + b'a' * 1000000 + b'@b.test>\r\n')
        self.assertEqual(talk.reply()[0][0], '5')
        self.assert_serves(talk)

    def test_a_line_that_never_ends_is_given_up(self):
        before = self.site.memory()
        talk = self.open()
        try:
            for _ in range(1024):
                talk.send(b'x' * 65536)
        except OSError:
            pass
        self.assertTrue(talk.is_closed())
        self.assertLess(self.site.memory() - before, 48 << 20)
        self.assert_serves()

    def test_endless_header(self):
        for piece in (b'X-A: ' + b'b' * 900 + b'\r\n', b'X: ' + b'b' * 400 + b'\r\n ' + b'c' * 400 + b'\r\n'):
            talk = self.open()
            self.begin(talk)
            for _ in range(2 * SIZE // len(piece)):
                talk.send(piece)
            talk.send(b'\r\n\r\n.\r\n')
            self.assertEqual(talk.reply()[0][0], '5')
            self.assert_serves(talk)

    def test_endless_line_in_data(self):
        talk = self.open()
        self.begin(talk)
        talk.send(b'Subject: long\r\n\r\n' + b'x' * (SIZE * 2) + b'\r\n.\r\n')
        self.assertEqual(talk.reply()[0][0], '5')
        self.assert_serves(talk)

    def test_size_limit_and_one_byte_more(self):
        """A mail of exactly the limit is kept, with one byte more refused: declared or not."""
        head = b'Subject: size\r\n\r\n'

        def body(size):
            rest = size - len(head)
            lines, last = divmod(rest, 100)
            if last < 2:
                lines, last = lines - 1, last + 100
            return head + (b'x' * 98 + b'\r\n') * lines + b'y' * (last - 2) + b'\r\n'

        self.empty('ana')
        for extra, code in ((0, '250'), (1, '552')):
            data = body(SIZE + extra)
            self.assertEqual(len(data), SIZE + extra)
            talk = self.open()
            self.begin(talk)
            talk.send(data + b'.\r\n')
            self.assertEqual(talk.reply()[0], code)
            self.assertEqual(talk.ask(f'MAIL FROM:<ze@elsewhere.test> SIZE={SIZE + extra}'), code)
            self.assertEqual(talk.ask('RSET'), '250')
            self.assertEqual(talk.ask('MAIL FROM:<ze@elsewhere.test>'), '250')
            self.assertEqual(talk.ask(f'RCPT TO:<{ANA}>'), '250')
            talk.send(b'BDAT %d LAST\r\n' % len(data) + data)
            self.assertEqual(talk.reply()[0], code)
            self.assertEqual(talk.ask('QUIT'), '221')
        self.assertEqual(self.site.count('ana'), 2)

    def test_ten_thousand_recipients(self):
        talk = self.open()
        self.assertEqual(talk.ask('MAIL FROM:<ze@elsewhere.test>'), '250')
        before = self.site.memory()
        sent = heard = 0
        codes = {}
        while heard < 10000:
            if sent < 10000:
                talk.send(b''.join(b'RCPT TO:<ana+%d@example.test>\r\n' % i for i in range(sent, sent + 100)))
                sent += 100
            for _ in range(100):
                code, lines = talk.reply()
                if not code:
                    break
                codes[code] = codes.get(code, 0) + 1
                heard += 1
            if not code or code == '421':
                break
        self.assertGreaterEqual(codes.get('250', 0), 100)  # RFC 5321 4.5.3.1.8
        self.assertLess(codes['250'], 10000, 'no limit')
        self.assertIn('452', codes)  # RFC 5321 4.5.3.1.10
        self.assertLess(self.site.memory() - before, 32 << 20)
        if code and code != '421':
            self.assertEqual(talk.ask('RSET'), '250')
            self.assert_serves(talk)
        else:
            self.assert_serves()

    def test_garbage_in_one_piece(self):
        for garbage in (os.urandom(200000), b'\r\n' * 50000, b'\0' * 100000, b'EHLO x\r\n' * 5000,
                        b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' * 100):
            talk = Talk(self.site, 'SMTP')
            self.addCleanup(talk.close)
            try:
                talk.send(garbage + b'\r\nQUIT\r\n')
            except OSError:
                pass
            self.assertTrue(talk.is_closed())
        self.assert_serves()

    def test_bdat_liars(self):
        for command, code in ((b'BDAT -1 LAST', '501'), (b'BDAT 99999999999999999999 LAST', '5'),
                              (b'BDAT x', '501'), (b'BDAT 0', '503')):
            talk = self.open()
            talk.send(command + b'\r\n')
            self.assertTrue(talk.reply()[0].startswith(code[0]), command)
        talk = self.open()
        self.assertEqual(talk.ask('MAIL FROM:<ze@elsewhere.test>'), '250')
        self.assertEqual(talk.ask(f'RCPT TO:<{ANA}>'), '250')
        talk.send(b'BDAT 100000 LAST\r\nonly this')
        talk.close()
        self.assert_serves()

    def test_a_connection_that_breaks_leaves_nothing(self):
        self.empty('ana')
        script = (b'EHLO elsewhere.test\r\nMAIL FROM:<ze@elsewhere.test>\r\nRCPT TO:<%s>\r\nDATA\r\n'
                  b'Subject: broken\r\n\r\nbroken\r\n.\r\n' % ANA.encode())
        for cut in range(1, len(script) - 1, 7):
            talk = Talk(self.site, 'SMTP')
            talk.send(script[:cut])
            talk.close()
        talk = self.open()
        self.begin(talk)
        talk.send(b'Subject: whole\r\n\r\nwhole\r\n.\r\n')
        self.assertEqual(talk.reply()[0], '250')
        self.assertEqual(self.site.count('ana'), 1)


if __name__ == '__main__':
    main()
