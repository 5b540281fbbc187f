# SPDX-License-Identifier: ISC
"""With other software: curl, by smtp, smtps, imap, imaps, pop3 and pop3s: sends, reads, flags, moves
and deletes."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PASSWORD, SiteTest, main, message, need_tool

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'


class Curl(SiteTest):
    def curl(self, scheme, path='', *options, user=BRUNO, text=None, ok=True):
        """What curl printed. Plain schemes must upgrade to TLS; the certificate is verified."""
        name = {'smtp': 'SUBMISSION', 'smtps': 'SUBMISSIONS', 'imap': 'IMAP', 'imaps': 'IMAPS',
                'pop3': 'POP3', 'pop3s': 'POP3S'}[scheme]
        port = self.site.ports[name]
        command = ['curl', '--silent', '--show-error', '--verbose', '--max-time', '60', '--ssl-reqd',
                   '--cacert', str(self.site.ca), '--resolve', f'{DOMAIN}:{port}:127.0.0.1',
                   '--user', f'{user}:{PASSWORD}', *options, f'{scheme}://{DOMAIN}:{port}/{path}']
        done = subprocess.run(command, input=text, capture_output=True, check=False)
        if ok:
            self.assertEqual(done.returncode, 0, (command, done.stderr.decode()[-3000:]))
        else:
            self.assertNotEqual(done.returncode, 0, command)
        return done.stdout

    def heard(self, scheme, path, command, user=BRUNO):
        """Answers to an IMAP command: curl shows untagged ones of commands it does not know."""
        return self.curl(scheme, path, '--request', command, user=user)

    def send(self, scheme, subject):
        data, message_id = message(subject, f'{subject}\n.dot\n', sender=ANA, to=BRUNO)
        self.curl(scheme, '', '--mail-from', ANA, '--mail-rcpt', BRUNO, '--upload-file', '-', user=ANA,
                  text=data)
        return message_id.encode()

    def test_smtp_and_smtps(self):
        for scheme in ('smtp', 'smtps'):
            message_id = self.send(scheme, f'by {scheme}')
            raw = [raw for raw in self.site.raw_messages('bruno') if message_id in raw]
            self.assertEqual(len(raw), 1)
            self.assertTrue(raw[0].endswith(f'by {scheme}\r\n.dot\r\n'.encode()))

    def test_smtp_mechanisms(self):
        for mechanism in ('PLAIN', 'LOGIN'):
            data, _ = message(mechanism, 'x', sender=ANA, to=BRUNO)
            for initial in ([], ['--sasl-ir']):
                self.curl('smtp', '', '--login-options', f'AUTH={mechanism}', *initial, '--mail-from', ANA,
                          '--mail-rcpt', BRUNO, '--upload-file', '-', user=ANA, text=data)

    def test_smtp_refusals(self):
        data, _ = message('x', 'x')
        self.curl('smtp', '', '--mail-from', ANA, '--mail-rcpt', f'nobody@{DOMAIN}', '--upload-file', '-',
                  user=ANA, text=data, ok=False)
        told = self.curl('smtp', '', '--mail-rcpt', BRUNO, user=ANA)  # VRFY
        self.assertRegex(told, rb'25[02] ')

    def test_imap_and_imaps(self):
        for scheme in ('imap', 'imaps'):
            self.empty('bruno')
            message_id = self.send('smtps', f'for {scheme}')
            self.assertIn(b'INBOX', self.curl(scheme))
            self.assertIn(b'* SEARCH 1', self.curl(scheme, 'INBOX?SUBJECT%20for'))
            self.assertIn(message_id, self.curl(scheme, 'INBOX;MAILINDEX=1'))
            self.assertIn(b'for', self.curl(scheme, 'INBOX;MAILINDEX=1;SECTION=TEXT'))
            self.assertIn(b'Flagged', self.heard(scheme, 'INBOX', 'STORE 1 +FLAGS (\\Flagged)'))
            self.heard(scheme, '', f'CREATE Curl-{scheme}')
            self.heard(scheme, 'INBOX', f'MOVE 1 Curl-{scheme}')
            self.assertIn(message_id, self.curl(scheme, f'Curl-{scheme};MAILINDEX=1'))
            data, appended = message('appended by curl', 'x')
            path = self.site.place / 'appended.eml'
            path.write_bytes(data)
            self.curl(scheme, f'Curl-{scheme}', '--upload-file', str(path))
            self.assertIn(appended.encode(), self.curl(scheme, f'Curl-{scheme};MAILINDEX=2'))
            self.heard(scheme, f'Curl-{scheme}', 'STORE 1:2 +FLAGS (\\Deleted)')
            self.heard(scheme, f'Curl-{scheme}', 'EXPUNGE')
            self.assertEqual(self.site.count('bruno', f'Curl-{scheme}'), 0)
            self.heard(scheme, '', f'DELETE Curl-{scheme}')

    def test_imap_sections_and_partials(self):
        """By URL (RFC 5092, as far as curl goes) and by requests of one's own."""
        self.empty('bruno')
        data = (b'Subject: two parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n'
                b'--b\r\n\r\nthe first\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>the second\r\n--b--\r\n')
        path = self.site.place / 'parts.eml'
        path.write_bytes(data)
        for scheme in ('imap', 'imaps'):
            self.empty('bruno')
            self.curl(scheme, 'INBOX', '--upload-file', str(path))
            self.assertEqual(self.curl(scheme, 'INBOX;MAILINDEX=1'), data)
            for section, want in (('1', b'the first'), ('2', b'<p>the second'), ('2.MIME', b'Content-Type: text/html\r\n\r\n'),
                                  ('HEADER.FIELDS%20(SUBJECT)', b'Subject: two parts\r\n\r\n')):
                self.assertEqual(self.curl(scheme, f'INBOX;MAILINDEX=1;SECTION={section}'), want, section)
            uid = self.curl(scheme, 'INBOX', '--request', 'UID SEARCH HEADER Subject "two parts"').split()[-1].decode()
            self.assertEqual(self.curl(scheme, f'INBOX;UID={uid};SECTION=2'), b'<p>the second')
            self.assertIn(b'("text" "html"', self.heard(scheme, 'INBOX', 'FETCH 1 BODYSTRUCTURE'))
            self.assertIn(b'* SEARCH 1', self.curl(scheme, 'INBOX?BODY%20second%20LARGER%20100'))
            self.assertNotIn(b'1', self.curl(scheme, 'INBOX?BODY%20third'))

    def test_imap_requests_of_extensions(self):
        self.empty('bruno')
        for subject in ('b', 'a', 'Re: a'):
            self.send('smtps', subject)
        has = self.heard('imap', '', 'CAPABILITY').decode().split()
        for capability, command, want in (
                ('ESEARCH', 'SEARCH RETURN (MIN MAX COUNT) ALL', 'MIN 1 MAX 3 COUNT 3'),
                ('SORT', 'SORT (SUBJECT) UTF-8 ALL', '* SORT 2 3 1'),
                ('THREAD=ORDEREDSUBJECT', 'THREAD ORDEREDSUBJECT UTF-8 ALL', '* THREAD (1)(2 3)'),
                ('NAMESPACE', 'NAMESPACE', '* NAMESPACE (("" "'),
                ('QUOTA', 'GETQUOTAROOT INBOX', '* QUOTAROOT')):
            if capability in has:
                mailbox = 'INBOX' if command.split()[0] in ('SEARCH', 'SORT', 'THREAD') else ''
                self.assertIn(want, self.heard('imap', mailbox, command).decode(), command)

    def test_imap_mechanisms(self):
        for mechanism in ('AUTH=PLAIN', 'AUTH=LOGIN'):
            self.assertIn(b'INBOX', self.curl('imap', '', '--login-options', mechanism))

    def test_pop3_and_pop3s(self):
        for scheme in ('pop3', 'pop3s'):
            self.empty('bruno')
            message_id = self.send('smtps', f'for {scheme}')
            self.assertTrue(self.curl(scheme).startswith(b'1 '))
            self.assertIn(message_id, self.curl(scheme, '1'))
            self.assertIn(b'.', self.curl(scheme, '', '--request', 'UIDL'))
            self.assertIn(b'for', self.curl(scheme, '', '--request', 'TOP 1 0'))
            self.curl(scheme, '2', ok=False)
            self.curl(scheme, '1', '--request', 'DELE', '--list-only')
            self.assertEqual(self.site.count('bruno'), 0)

    def test_pop3_mechanisms(self):
        for mechanism in ('AUTH=PLAIN', 'AUTH=LOGIN'):
            self.curl('pop3', '', '--login-options', mechanism)

    def test_without_tls_there_is_no_login(self):
        for scheme, name in (('imap', 'IMAP'), ('pop3', 'POP3')):
            done = subprocess.run(['curl', '--silent', '--user', f'{BRUNO}:{PASSWORD}',
                                   f'{scheme}://127.0.0.1:{self.site.ports[name]}/'],
                                  capture_output=True, check=False)
            self.assertNotEqual(done.returncode, 0, scheme)


if __name__ == '__main__':
    need_tool('curl')
    main()
