# SPDX-License-Identifier: ISC
"""With other software: getmail takes mail by IMAP and by POP3 over implicit TLS:
leaving it there and knowing what it has, or deleting it."""
import pathlib
import secrets
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, main, need_tool

KINDS = {'IMAPS': 'SimpleIMAPSSLRetriever', 'POP3S': 'SimplePOP3SSLRetriever'}


class Getmail(SiteTest):
    def setUp(self):
        self.empty('ana')
        self.home = self.site.place / f'getmail-{secrets.token_hex(4)}'
        self.got = self.home / 'got'
        self.got.mkdir(parents=True)

    def get(self, kind, options='', retriever=''):
        """Runs it once; how many mails it has brought so far, none of them cut."""
        (self.home / 'getmailrc').write_text(f'''[retriever]
type = {KINDS[kind]}
server = {HOST}
port = {self.site.ports[kind]}
username = ana@{DOMAIN}
password = {PASSWORD}
ca_certs = {self.site.ca}
{retriever}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat > $(mktemp {self.got}/XXXXXXXX)")
allow_root_commands = true
[options]
verbose = 2
message_log = {self.home}/log
{options}
''')
        done = subprocess.run(['getmail', f'--getmaildir={self.home}'], capture_output=True, text=True,
                              check=False, timeout=120)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-4000:])
        files = list(self.got.iterdir())
        for file in files:
            self.assertIn(b'the postman works', file.read_bytes())
        return len(files)

    def test_leaves_and_remembers(self):
        for kind in KINDS:
            self.empty('ana')
            before = self.get(kind)
            for i in range(3):
                self.site.deliver('ana', f'{kind} {i}')
            self.assertEqual(self.get(kind, 'read_all = false'), before + 3)
            self.assertEqual(self.get(kind, 'read_all = false'), before + 3)
            self.site.deliver('ana', f'{kind} again')
            self.assertEqual(self.get(kind, 'read_all = false'), before + 4)
            self.assertEqual(self.site.count('ana'), 4)

    def test_deletes(self):
        for kind in KINDS:
            before = self.get(kind)
            for i in range(3):
                self.site.deliver('ana', f'{kind} {i}')
            self.assertEqual(self.get(kind, 'delete = true'), before + 3)
            self.assertEqual(self.site.count('ana'), 0)

    def test_other_mailboxes(self):
        box = self.site.imap('ana')
        self.site.deliver('ana', 'first')
        box.create('Projects')
        box.select()
        box.copy('1', 'Projects')
        box.logout()
        self.assertEqual(self.get('IMAPS', 'delete = true', 'mailboxes = ("INBOX", "Projects")'), 2)
        self.assertEqual(self.site.count('ana'), 0)
        self.assertEqual(self.site.count('ana', 'Projects'), 0)


if __name__ == '__main__':
    need_tool('getmail')
    main()
