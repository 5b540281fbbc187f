# SPDX-License-Identifier: ISC
"""With other software: fetchmail takes mail away by IMAP and by POP3, over STARTTLS and over implicit
TLS: keeping it there and knowing what it has seen (flags, UIDL), or emptying the mailbox."""
import os
import pathlib
import secrets
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, main, need_tool

GOT_MAIL, NO_MAIL, LIMIT_REACHED = 0, 1, 13
WAYS = {'IMAP': ('imap', 'IMAP', 'sslproto "TLS1.2+"'), 'IMAPS': ('imap', 'IMAPS', 'ssl'),
        'POP3': ('pop3', 'POP3', 'sslproto "TLS1.2+"'), 'POP3S': ('pop3', 'POP3S', 'ssl')}


class Fetchmail(SiteTest):
    def setUp(self):
        self.empty('ana')
        self.home = self.site.place / f'fetchmail-{secrets.token_hex(4)}'
        self.got = self.home / 'got'
        self.got.mkdir(parents=True)

    def fetch(self, way, options, expected=GOT_MAIL):
        """Runs it once; how many mails it brought, all of them of ours and whole."""
        protocol, port, tls = WAYS[way]
        config = self.home / 'fetchmailrc'
        config.write_text(f'''poll "carteiro" via {HOST} protocol {protocol} port {self.site.ports[port]} {options[0]}
    user "ana@{DOMAIN}" password "{PASSWORD}" {tls} sslcertck sslcertfile "{self.site.ca}"
    sslcommonname "{DOMAIN}" no rewrite no mimedecode {options[1]}
    mda "sh -c 'cat > $(mktemp {self.got}/XXXXXXXX)'"
''')
        config.chmod(0o600)
        before = set(self.got.iterdir())
        done = subprocess.run(['fetchmail', '-f', str(config), '--verbose', '--nosyslog', '--nodetach'],
                              env=dict(os.environ, FETCHMAILHOME=str(self.home), HOME=str(self.home)),
                              capture_output=True, text=True, check=False, timeout=120)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, expected, said[-4000:])
        new = set(self.got.iterdir()) - before
        for file in new:
            self.assertIn(b'the postman works', file.read_bytes())
        return len(new)

    def test_keep_and_seen(self):
        """What was fetched and kept is not fetched again, what is new is; `fetchall` fetches all."""
        for way in ('IMAP', 'IMAPS'):
            self.empty('ana')
            for i in range(3):
                self.site.deliver('ana', f'{way} {i}')
            self.assertEqual(self.fetch(way, ('', 'keep')), 3)
            self.assertEqual(self.fetch(way, ('', 'keep'), NO_MAIL), 0)
            self.site.deliver('ana', f'{way} again')
            self.assertEqual(self.fetch(way, ('', 'keep')), 1)
            self.assertEqual(self.fetch(way, ('', 'keep fetchall')), 4)
            self.assertEqual(self.site.count('ana'), 4)

    def test_keep_by_uidl(self):
        for way in ('POP3', 'POP3S'):
            self.empty('ana')
            (self.home / '.fetchids').unlink(missing_ok=True)
            for i in range(3):
                self.site.deliver('ana', f'{way} {i}')
            self.assertEqual(self.fetch(way, ('uidl', 'keep')), 3)
            self.assertEqual(self.fetch(way, ('uidl', 'keep'), NO_MAIL), 0)
            self.site.deliver('ana', f'{way} again')
            self.assertEqual(self.fetch(way, ('uidl', 'keep')), 1)
            self.assertEqual(self.site.count('ana'), 4)

    def test_nokeep(self):
        for way in WAYS:
            for i in range(3):
                self.site.deliver('ana', f'{way} {i}')
            self.assertEqual(self.fetch(way, ('', 'nokeep fetchall')), 3)
            self.assertEqual(self.site.count('ana'), 0)
            self.assertEqual(self.fetch(way, ('', 'nokeep fetchall'), NO_MAIL), 0)

    def test_some_at_a_time(self):
        """`fetchlimit` and `expunge`: the rest stays for the next time."""
        for way in ('IMAPS', 'POP3S'):
            for i in range(5):
                self.site.deliver('ana', f'{way} {i}')
            self.assertEqual(self.fetch(way, ('', 'nokeep fetchall fetchlimit 2 expunge 1'), LIMIT_REACHED), 2)
            self.assertEqual(self.site.count('ana'), 3)
            self.assertEqual(self.fetch(way, ('', 'nokeep fetchall')), 3)
            self.assertEqual(self.site.count('ana'), 0)

    def test_dots_and_long_lines(self):
        text = '.\n..\n.dot at the start\n' + 'x' * 900 + '\nthe postman works'
        for way in WAYS:
            self.site.deliver('ana', 'dots', text)
            self.fetch(way, ('', 'nokeep fetchall'))
            bodies = [file.read_bytes() for file in self.got.iterdir()]
            self.assertTrue(any(body.endswith(text.encode() + b'\n') for body in bodies), way)
            for file in self.got.iterdir():
                file.unlink()


if __name__ == '__main__':
    need_tool('fetchmail')
    main()
