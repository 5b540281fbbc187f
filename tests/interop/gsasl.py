# SPDX-License-Identifier: ISC
"""With other software: the gsasl program (GNU SASL over GnuTLS) signs in by every mechanism it has,
by IMAP and by submission; SCRAM-SHA-256-PLUS is bound to TLS 1.3 by tls-exporter (RFC 9266)."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, PATIENCE, SiteTest, main, need_tool

# Not SCRAM-SHA-256: by TLS this client wants to bind, and takes it for an attack when it is told not to.
MECHANISMS = ('SCRAM-SHA-256-PLUS', 'PLAIN', 'LOGIN')


class Gsasl(SiteTest):
    settings = {'account': {'login_failures_max': 1000}}

    def gsasl(self, protocol, *options, password=PASSWORD):
        port = self.site.ports[{'imap': 'IMAP', 'smtp': 'SUBMISSION'}[protocol]]
        return subprocess.run(
            ['gsasl', f'--{protocol}', '--connect', f'{HOST}:{port}', '--starttls', '--x509-ca-file', '',
             '--authentication-id', f'ana@{DOMAIN}', '--authorization-id', '', '--password', password,
             '--quality-of-protection', 'qop-auth', '--verbose', *options, HOST],
            input=b'', capture_output=True, timeout=PATIENCE, check=False)

    def is_let_in(self, *arguments, **more):
        done = self.gsasl(*arguments, **more)
        said = (done.stdout + done.stderr).decode(errors='replace')
        is_in = re.search(r'(?m)^(\. OK \[CAPABILITY|235 )', said) is not None
        self.assertTrue(is_in or 'AUTHENTICATIONFAILED' in said or '\n535 ' in said, said)
        return is_in

    def test_every_mechanism(self):
        for protocol in ('imap', 'smtp'):
            for mechanism in MECHANISMS:
                with self.subTest(protocol, mechanism=mechanism):
                    self.assertTrue(self.is_let_in(protocol, '--mechanism', mechanism))
                    self.assertFalse(self.is_let_in(protocol, '--mechanism', mechanism, password='wrong'))

    def test_the_best_is_taken(self):
        for protocol in ('imap', 'smtp'):
            before = self.site.log().count('mechanism=SCRAM-SHA-256-PLUS')
            self.assertTrue(self.is_let_in(protocol))
            self.assertEqual(self.site.log().count('mechanism=SCRAM-SHA-256-PLUS'), before + 1)


if __name__ == '__main__':
    need_tool('gsasl')
    main()
