# SPDX-License-Identifier: ISC
"""With other software: swaks, which says what other SMTP clients say: each AUTH type, STARTTLS and
implicit TLS, pipelining, and the roles of the ports."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, main, need_tool

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'
SWAKS_REFUSED_RCPT, SWAKS_NO_AUTH = 24, 28


class Swaks(SiteTest):
    def swaks(self, port, *options, code=0):
        done = subprocess.run(['swaks', '--server', HOST, '--port', str(self.site.ports[port]), '--timeout',
                               '60s', '--helo', 'swaks.elsewhere.test', *options],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def auth(self, kind='PLAIN', password=PASSWORD):
        return ['--auth', kind, '--auth-user', ANA, '--auth-password', password]

    def test_mx(self):
        told = self.swaks('SMTP', '--from', 'ze@elsewhere.test', '--to', ANA, '--header', 'Subject: by swaks')
        self.assertIn('<-  250', told)
        self.assertTrue(any(b'Subject: by swaks' in raw for raw in self.site.raw_messages('ana')))

    def test_mx_with_tls_and_pipelining(self):
        self.swaks('SMTP', '--from', 'ze@elsewhere.test', '--to', f'{ANA},{BRUNO}', '--tls', '--pipeline')
        self.swaks('SMTP', '--from', '<>', '--to', ANA, '--pipeline')

    def test_auth_types(self):
        for kind in ('PLAIN', 'LOGIN'):
            before = self.site.count('bruno')
            self.swaks('SUBMISSION', '--from', ANA, '--to', BRUNO, '--tls', *self.auth(kind))
            self.swaks('SUBMISSIONS', '--from', ANA, '--to', BRUNO, '--tls-on-connect', *self.auth(kind))
            self.assertEqual(self.site.count('bruno'), before + 2)

    def test_wrong_password(self):
        self.swaks('SUBMISSION', '--from', ANA, '--to', BRUNO, '--tls', *self.auth(password='wrong'),
                   code=SWAKS_NO_AUTH)

    def test_submission_needs_auth_and_auth_needs_tls(self):
        self.swaks('SUBMISSION', '--from', ANA, '--to', BRUNO, *self.auth(), code=SWAKS_NO_AUTH)
        told = self.swaks('SUBMISSION', '--from', ANA, '--to', BRUNO, '--tls', code=23)
        self.assertIn('530', told)

    def test_mx_does_not_relay(self):
        told = self.swaks('SMTP', '--from', 'ze@elsewhere.test', '--to', 'x@elsewhere.test',
                          code=SWAKS_REFUSED_RCPT)
        self.assertIn('550', told)

    def test_large_attachment(self):
        path = self.site.place / 'large.bin'
        path.write_bytes(bytes(range(256)) * 8192)
        self.swaks('SUBMISSION', '--from', ANA, '--to', BRUNO, '--tls', *self.auth(), '--attach', f'@{path}')
        self.assertTrue(any(len(raw) > 2500000 for raw in self.site.raw_messages('bruno')))


if __name__ == '__main__':
    need_tool('swaks')
    main()
