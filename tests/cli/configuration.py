# SPDX-License-Identifier: ISC
"""What is wrong in the configuration is told with file, line and cure, and exit status 78."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import CARTEIRO, main

BAD = (
    # text, line, what is told
    ('hostnme = a', 1, 'there is no setting "hostnme" here; did you mean "hostname"?'),
    ('\n\nlisten {\n  smpt = 1\n}', 4, 'there is no setting "smpt" in section listen; did you mean '
                                       '"smtp"?'),
    ('smtp = 1', 1, 'it belongs into listen { ... }'),
    ('listn {\n}', 1, 'did you mean "listen"?'),
    ('listen {\n smtp = 70000\n}', 2, 'smtp = 70000: must be at most'),
    ('receive {\n message_size = huge\n}', 2, 'message_size = huge: is not a size; write bytes, or '
                                              '512K, 10M, 1G'),
    ('receive {\n idle = 5\n}', 2, 'is not a duration; write 250ms, 30s, 5m, 2h or 1d'),
    ('sandbox = maybe', 1, 'sandbox = maybe: is neither yes nor no'),
    ('loops = 1\nloops = 1', 2, 'loops is set twice; it was set in line 1 already'),
    ('\nlisten {\n', 2, 'this { is never closed'),
    ('hostname = "a\n\n', 1, 'this quote is never closed'),
    ('hostname =', 1, 'the file ends in the middle'),
    ('hostname = a;', 1, 'no ; is needed'),
    ('// a', 1, 'comments begin with #'),
)


class Configuration(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix='carteiro-conf-')
        self.addCleanup(self.dir.cleanup)
        self.file = pathlib.Path(self.dir.name) / 'carteiro.conf'

    def carteiro(self, *words, **kwargs):
        return subprocess.run([CARTEIRO, *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, **kwargs)

    def test_bad_lines(self):
        for text, line, told in BAD:
            self.file.write_text(text)
            for command in ('check', 'serve', 'status'):
                done = self.carteiro(command, '--config', str(self.file))
                self.assertEqual(done.returncode, 78, (text, done.stderr))
                self.assertIn(f'{self.file}:{line}: ', done.stderr, text)
                self.assertIn(told, done.stderr, text)

    def test_all_bad_values_at_once(self):
        self.file.write_text('loops = x\ngrace = y\n')
        done = self.carteiro('check', '--config', str(self.file))
        self.assertIn(':1: loops', done.stderr)
        self.assertIn(':2: grace', done.stderr)

    def test_values_of_the_queue(self):
        for line, told in (('helo = "not a name"', 'helo = not a name is no host name'),
                           ('source = "nonsense"', 'source = nonsense is no address'),
                           ('report_language = "de"', 'report_language = de is neither en nor pt-BR')):
            self.file.write_text(f'data = "{self.dir.name}/data"\nqueue {{\n {line}\n}}\n')
            done = self.carteiro('check', '--config', str(self.file))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(told, done.stdout + done.stderr)

    def test_files_and_name_servers_that_are_not_there(self):
        place = pathlib.Path(self.dir.name)
        secret = place / 'passwords'
        secret.write_text('ana@mail.test secret\n')
        secret.chmod(0o644)
        for section, line, told in (
                ('queue', f'authorities = "{place}/none.pem"', 'queue.authorities: '),
                ('route', f'sts_authorities = "{place}/none.pem"', 'route.sts_authorities: '),
                ('route', f'transport_passwords = "{place}/none"', 'route.transport_passwords: '),
                ('route', f'transport_passwords = "{secret}"', 'read by everybody'),
                ('resolver', f'trust_anchor = "{place}/none.key"', 'resolver.trust_anchor: '),
                ('resolver', 'forward = {"192.0.2.1", "ns.test"}', 'forward: ns.test is no address'),
                ('resolver', 'forward = "192.0.2.1@0"', 'forward: 192.0.2.1@0 is no address'),
                ('resolver', 'root = "127.0.0.1@x"', 'root: 127.0.0.1@x is no address')):
            self.file.write_text(f'data = "{self.dir.name}/data"\n{section} {{\n {line}\n}}\n')
            done = self.carteiro('check', '--config', str(self.file))
            self.assertEqual(done.returncode, 78, line)
            self.assertIn(told, done.stdout + done.stderr)
        self.file.write_text(f'data = "{self.dir.name}/data"\nresolver {{\n forward = "::1@5353"\n}}\n')
        self.assertNotIn('name server', self.carteiro('check', '--config', str(self.file)).stdout)

    def test_no_file(self):
        done = self.carteiro('check', '--config', str(self.file))
        self.assertEqual(done.returncode, 78)
        self.assertIn('carteiro init', done.stderr)

    def test_directory_and_environment_name_it_too(self):
        self.file.write_text('loops = x\n')
        for words, environment in (((), {'CARTEIRO_CONFIG': str(self.file)}),
                                   (('-c', self.dir.name), {}), ((f'--config={self.file}',), {})):
            done = self.carteiro('check', *words, env=environment)
            self.assertIn(f'{self.file}:1: ', done.stderr)

    def test_check_names_what_is_wrong_with_the_host(self):
        place = pathlib.Path(self.dir.name)
        key = place / 'key.pem'
        key.write_text('no key\n')
        self.file.write_text(f'data = nowhere\ncertificate = cert.pem\nkey = {key}\n'
                             'log_level = loud\nroute {\n relay_networks = {"10.0.0.0/99"}\n}\n'
                             'listen {\n addresses = {"here"}\n}\n')
        done = self.carteiro('check', '--config', str(self.file), '--json')
        self.assertEqual(done.returncode, 78)
        found = json.loads(done.stdout)
        problems = [f'{f["what"]} -> {f["cure"]}' for f in found['findings'] if f['level'] == 'problem']
        self.assertEqual(len(problems), found['problems'])
        for words in (f'{place}/nowhere: No such file', f'{place}/cert.pem cannot be read', 'loud',
                      '10.0.0.0/99', 'addresses: here'):
            self.assertTrue(any(words in p for p in problems), (words, problems))


if __name__ == '__main__':
    main()
