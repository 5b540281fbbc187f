# SPDX-License-Identifier: ISC
"""Hostile input to IMAP and POP3: endless lines and literals, NULs, garbage, nesting without end.
After each a good client is served, and memory has not grown with what was sent."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PASSWORD, SiteTest, Talk, expect, main

ANA = f'ana@{DOMAIN}'
GARBAGE = (os.urandom(200000), b'\r\n' * 20000, b'\0' * 100000, b'a ' * 50000, b'EHLO x\r\n' * 1000,
           b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'{4294967295}\r\n' * 100, b'"' * 1000 + b'\r\n')


class Readers(SiteTest):
    def imap(self, signed_in=True):
        talk = Talk(self.site, 'IMAPS', tls=True)
        self.addCleanup(talk.close)
        talk.line()
        if signed_in:
            talk.send(f'l LOGIN {ANA} "{PASSWORD}"\r\n')
            self.assertTrue(self.tagged(talk, 'l').startswith('l OK'))
        return talk

    def tagged(self, talk, tag):
        while (line := talk.line()) and not line.startswith(tag + ' '):
            pass
        return line

    def pop3(self):
        talk = Talk(self.site, 'POP3S', tls=True)
        self.addCleanup(talk.close)
        talk.line()
        return talk

    def assert_serves(self):
        box = self.site.imap('ana')
        expect(box.noop())
        box.logout()
        drop = self.site.pop3('ana')
        drop.stat()
        drop.quit()

    def test_garbage(self):
        for port in ('IMAP', 'POP3'):
            for garbage in GARBAGE:
                talk = Talk(self.site, port)
                self.addCleanup(talk.close)
                talk.line()
                try:
                    talk.send(garbage + (b'\r\nz LOGOUT\r\n' if port == 'IMAP' else b'\r\nQUIT\r\n'))
                    talk.sock.shutdown(1)
                except OSError:
                    pass
                self.assertTrue(talk.is_closed(), (port, garbage[:20]))
        self.assert_serves()

    def test_endless_lines(self):
        before = self.site.memory()
        for port in ('IMAP', 'POP3'):
            talk = Talk(self.site, port)
            self.addCleanup(talk.close)
            talk.line()
            try:
                for _ in range(1024):
                    talk.send(b'x' * 65536)
            except OSError:
                pass
            self.assertTrue(talk.is_closed(), port)
        self.assertLess(self.site.memory() - before, 48 << 20)
        self.assert_serves()

    def test_pop3_line_limit_keeps_the_session(self):
        talk = self.pop3()
        talk.send('NOOP ' + 'x' * 100000 + '\r\n')
        self.assertEqual(talk.line(), '-ERR line too long')
        talk.send('CAPA\r\n')
        self.assertEqual(talk.line(), '+OK')

    def test_pop3_numbers(self):
        self.site.deliver('ana')
        talk = self.pop3()
        talk.send(f'USER {ANA}\r\nPASS {PASSWORD}\r\n')
        self.assertTrue(talk.line().startswith('+OK') and talk.line().startswith('+OK'))
        for command in ('RETR 0', 'RETR -1', 'RETR 999999999', 'RETR 99999999999999999999', 'DELE 0', 'TOP 1',
                        'TOP 1 -1', 'LIST x', 'UIDL 0', 'RETR 1 1', 'RETR \0'):
            talk.send(command + '\r\n')
            self.assertTrue(talk.line().startswith('-ERR'), command)
        talk.send('TOP 1 4294967295\r\n')
        self.assertTrue(talk.line().startswith('+OK'))

    def test_pop3_bad_commands_have_an_end(self):
        talk = self.pop3()
        talk.send('XYZZY\r\n' * 1000)
        heard = list(iter(talk.line, ''))
        self.assertLess(len(heard), 100)
        self.assertTrue(heard[-1].startswith('-ERR too many'))

    def test_literals_that_are_too_long(self):
        for signed_in in (False, True):
            for size in ('99999999999', '4294967296', '18446744073709551616', '1000000000'):
                for plus in ('', '+'):
                    talk = self.imap(signed_in)
                    talk.send(f'a LOGIN {{{size}{plus}}}\r\n')
                    line = self.tagged(talk, 'a')
                    # Refused, or the connection closed: never "+ go ahead"
                    self.assertTrue(not line or line[2:5] in ('BAD', 'NO '), line)
        self.assert_serves()

    def test_append_larger_than_allowed(self):
        talk = self.imap()
        talk.send('a APPEND INBOX {9999999999}\r\n')
        self.assertRegex(self.tagged(talk, 'a') or 'a NO', '^a (NO|BAD)')
        self.assert_serves()

    def test_append_that_breaks_off(self):
        before = self.site.count('ana')
        talk = self.imap()
        talk.send('a APPEND INBOX {100000}\r\n')
        self.assertTrue(talk.line().startswith('+'))
        talk.send('Subject: half\r\n')
        talk.close()
        self.assertEqual(self.site.count('ana'), before)

    def test_nesting_without_end(self):
        for command in ('a SEARCH ' + '(' * 5000, 'a SEARCH ' + 'NOT ' * 5000 + 'SEEN', 'a SEARCH ' + 'OR SEEN ' * 3000 +
                        'SEEN', 'a FETCH 1 ' + '(' * 5000, 'a LIST (' + '(' * 5000, 'a LIST "" ' + '%' * 3000,
                        'a LIST "" "' + '*a' * 1000 + '"', 'a STORE 1 FLAGS (' + 'x ' * 5000 + ')',
                        'a FETCH ' + '1,' * 5000 + '1 FLAGS', 'a CREATE ' + 'a/' * 200 + 'a',
                        'a FETCH 1 BODY[' + '1.' * 1000 + '1]', 'a SELECT "' + 'x' * 5000 + '"'):
            talk = self.imap()
            talk.send('s SELECT INBOX\r\n')
            self.tagged(talk, 's')
            talk.send(command + '\r\n')
            line = self.tagged(talk, 'a')
            self.assertRegex(line or 'a BAD closed', '^a (BAD|NO|OK)', command[:40])
        self.assert_serves()

    def test_nul_and_8bit(self):
        talk = self.imap()
        for command in (b'a NO\0OP\r\n', b'a SELECT "IN\0BOX"\r\n', b'a SELECT "\xff\xfe"\r\n', b'a LIST "" {3+}\r\n\0\0\0\r\n',
                        b'a SEARCH SUBJECT {1+}\r\n\0\r\n'):
            talk.send(command)
            self.assertRegex(self.tagged(talk, 'a') or 'a BAD closed', '^a (BAD|NO|OK)')
        self.assert_serves()

    def test_messages_that_are_no_messages(self):
        """Any bytes, filed by APPEND, can be fetched in every shape."""
        bodies = [b'', b'\r\n', b'\0' * 1000, os.urandom(5000), b'Content-Type: multipart/mixed; boundary=a\r\n\r\n' +
                  b'--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n' * 2000, b'Subject: ' + b'=?utf-8?b?' * 5000,
                  b'Content-Type: message/rfc822\r\n\r\n' * 3000, b'From: ' + b'(' * 10000 + b'\r\n\r\n', b'a\nb\n\nc\rd',
                  b'To: ' + b'<a@b.test>, ' * 5000 + b'\r\n\r\nx', b'X' * 100000]
        for body in bodies:
            talk = self.imap()
            talk.send('s SELECT INBOX\r\n')
            self.tagged(talk, 's')
            talk.send(b'b APPEND INBOX {%d+}\r\n' % len(body) + body + b'\r\n')
            line = self.tagged(talk, 'b')
            self.assertRegex(line, '^b (OK|NO|BAD)', body[:40])
            if line.startswith('b OK'):
                talk.send('c FETCH * (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE BODY.PEEK[] BODY.PEEK[1] '
                          'BODY.PEEK[HEADER] BODY.PEEK[1.MIME] BODY.PEEK[2.1.TEXT])\r\n')
                self.assertRegex(self.fetched(talk, 'c'), '^c (OK|NO)')
        self.fetch_all_by_pop3()

    def fetch_all_by_pop3(self):
        """poplib would not do: it gives up at lines of 2,048 bytes."""
        talk = self.pop3()
        talk.send(f'USER {ANA}\r\nPASS {PASSWORD}\r\n')
        self.assertTrue(talk.line().startswith('+OK'))
        count = int(talk.line().split()[1])
        self.assertGreater(count, 0)
        for number in range(1, count + 1):
            talk.send(f'RETR {number}\r\n')
            self.assertTrue(talk.file.readline().startswith(b'+OK'))
            while (line := talk.file.readline()) != b'.\r\n':
                self.assertTrue(line.endswith(b'\r\n'), 'it broke off')
        talk.send('QUIT\r\n')
        self.assertTrue(talk.line().startswith('+OK'))

    def fetched(self, talk, tag):
        """The tagged line, reading literals by their length."""
        while True:
            line = talk.file.readline()
            if not line:
                return ''
            if line.rstrip().endswith(b'}') and b'{' in line:
                talk.file.read(int(line.rstrip()[line.rindex(b'{') + 1:-1].rstrip(b'+')))
            elif line.startswith(tag.encode() + b' '):
                return line.decode()


if __name__ == '__main__':
    main()
