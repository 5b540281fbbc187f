# SPDX-License-Identifier: ISC
"""With other software: msmtp sends by submission, in each way it can sign in, and tells refusals."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, main, message, need_tool

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'
EX_DATAERR, EX_UNAVAILABLE, EX_NOPERM = 65, 69, 77


class Msmtp(SiteTest):
    def msmtp(self, port, *options, to=BRUNO, auth='on', password=PASSWORD, text=None):
        config = self.site.place / 'msmtprc'
        config.write_text(f'''defaults
tls on
tls_starttls {'off' if port == 'SUBMISSIONS' else 'on'}
tls_trust_file {self.site.ca}
tls_host_override {DOMAIN}
account here
host {HOST}
port {self.site.ports[port]}
from {ANA}
auth {auth}
user {ANA}
password {password}
account default : here
''')
        config.chmod(0o600)
        return subprocess.run(['msmtp', '-C', str(config), *options, *([to] if to else [])], input=text,
                              capture_output=True, check=False)

    def test_sends(self):
        for port in ('SUBMISSION', 'SUBMISSIONS'):
            for auth in ('on', 'plain', 'login', 'scram-sha-256'):
                data, message_id = message(f'{port} {auth}', 'by msmtp\n.\n..\n', sender=ANA, to=BRUNO)
                done = self.msmtp(port, auth=auth, text=data)
                if b'not supported' in done.stderr or b'not available' in done.stderr:
                    self.assertEqual(auth, 'scram-sha-256')  # this msmtp was built without it
                    continue
                self.assertEqual(done.returncode, 0, (port, auth, done.stderr))
                raw = [raw for raw in self.site.raw_messages('bruno') if message_id.encode() in raw]
                self.assertEqual(len(raw), 1)
                self.assertTrue(raw[0].endswith(b'by msmtp\r\n.\r\n..\r\n'))

    def test_asks_what_the_server_can(self):
        done = self.msmtp('SUBMISSION', '--serverinfo', to=None)
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in (b'SIZE', b'PIPELINING', b'AUTH', b'PLAIN'):
            self.assertIn(word, done.stdout)

    def test_refusals(self):
        data, _ = message('x', 'x')
        done = self.msmtp('SUBMISSION', to=f'nobody@{DOMAIN}', text=data)
        self.assertIn(done.returncode, (EX_DATAERR, EX_UNAVAILABLE), done.stderr)
        self.assertIn(b'5.1.1', done.stderr)
        done = self.msmtp('SUBMISSION', password='wrong', text=data)
        self.assertEqual(done.returncode, EX_NOPERM, done.stderr)


if __name__ == '__main__':
    need_tool('msmtp')
    main()
