# SPDX-License-Identifier: ISC
"""The command line explains itself: every command has a page with examples, words that are nearly
right get the right one, and the manual is made from the same tables."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import CARTEIRO, main


def carteiro(*words, **kwargs):
    return subprocess.run([CARTEIRO, *words], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **kwargs)


def children(page):
    """The names in the list of commands of a help page."""
    part = page.partition('\nCommands:\n')[2].partition('\nOptions:\n')[0]
    return re.findall(r'(?m)^  ([a-z][a-z-]*)(?: |$)', part)


def all_commands(path=()):
    for name in children(carteiro(*path, '--help').stdout):
        yield (*path, name)
        yield from all_commands((*path, name))


class Pages(unittest.TestCase):
    def test_every_command_has_a_page_with_examples(self):
        found = list(all_commands())
        self.assertGreater(len(found), 30)
        for path in found:
            done = carteiro(*path, '--help')
            self.assertEqual((done.returncode, done.stderr), (0, ''), path)
            self.assertIn(f'Usage: carteiro {" ".join(path)}', done.stdout)
            self.assertIn('\nExamples:\n', done.stdout, path)
            self.assertTrue(all(len(line) <= 100 for line in done.stdout.splitlines()), path)
            self.assertEqual(carteiro('help', *path).stdout, done.stdout)

    def test_the_commands_that_must_exist(self):
        found = {' '.join(path) for path in all_commands()}
        for name in ('serve', 'init', 'check', 'send', 'status', 'reload'):
            self.assertIn(name, found)
        for what in ('account', 'domain', 'alias', 'list'):
            for verb in ('add', 'list', 'show', 'set', 'remove'):
                self.assertIn(f'{what} {verb}', found)
        for verb in ('list', 'show', 'create', 'remove', 'rename'):
            self.assertIn(f'mailbox {verb}', found)
        for verb in ('list', 'show', 'retry', 'hold', 'release', 'remove', 'bounce', 'summary'):
            self.assertIn(f'queue {verb}', found)
        for name in ('trace', 'dns route', 'dns check', 'dns report', 'suppress list', 'suppress remove'):
            self.assertIn(name, found)

    def test_examples_name_options_that_exist(self):
        for path in all_commands():
            page = carteiro(*path, '--help').stdout
            head, _, examples = page.partition('\nExamples:\n')
            if '\nCommands:\n' in head:
                continue
            for option in set(re.findall(r'(?<= )--[a-z-]+', examples)):
                self.assertIn(option, head, path)

    def test_version(self):
        self.assertRegex(carteiro('--version').stdout, r'^carteiro \d+\.\d+\.\d+\n$')
        self.assertEqual(carteiro('--version').returncode, 0)

    def test_nothing_gives_the_page(self):
        self.assertEqual(carteiro().returncode, 0)
        self.assertEqual(carteiro().stdout, carteiro('--help').stdout)
        self.assertEqual(carteiro('account').returncode, 64)

    def test_typos_get_the_nearest_word(self):
        for words, nearest in (
                (['acount'], '"account"'), (['serv'], '"serve"'), (['stauts'], '"status"'),
                (['account', 'ad'], '"add"'), (['mailbox', 'crate'], '"create"'),
                (['account', 'add', 'x', '--pasword-file=y'], '--password-file'),
                (['send', '--sever', 'x'], '--server'), (['send', '--preset', 'gmial'], 'gmail')):
            done = carteiro(*words)
            self.assertEqual(done.returncode, 64, words)
            self.assertIn(f'did you mean {nearest}', done.stderr, words)
        self.assertNotIn('did you mean', carteiro('xyzzyxyzzy').stderr)

    def test_what_is_missing_or_too_much(self):
        for words, told in ((['account', 'add'], 'ADDRESS is missing'),
                            (['account', 'show', 'a', 'b'], '"b" is too much'),
                            (['send', '--server'], '--server needs a HOST'),
                            (['status', '--json=x'], '--json takes no value'),
                            (['send', '--port', 'many', '--server', 'h'], 'a number up to 65535')):
            done = carteiro(*words)
            self.assertEqual(done.returncode, 64, words)
            self.assertIn(told, done.stderr)

    def test_errors_as_json(self):
        done = carteiro('acount', '--json')
        self.assertEqual(json.loads(done.stdout)['exit'], 64)
        self.assertEqual(done.stderr, '')

    def test_manual_pages_come_from_the_tables(self):
        page = carteiro('man', 'carteiro.1').stdout
        for path in all_commands():
            self.assertIn('carteiro ' + ' '.join(path).replace('-', '\\-'), page)
        settings = carteiro('man', 'carteiro.conf.5').stdout
        example = carteiro('man', 'carteiro.conf').stdout
        names = re.findall(r'(?m)^\s*#(\w+) = ', example)
        self.assertGreater(len(names), 40)
        for name in names:
            self.assertIn(f'.BR {name} ', settings)
        for line in (page + settings).splitlines():
            self.assertRegex(line, r"^(\.(TH|SH|SS|TP|B|BR|I|PP|EX|EE|br)\b.*|[^.'].*|)$")

    def test_the_example_is_a_right_configuration(self):
        place = pathlib.Path(os.environ.get('TMPDIR', '/tmp')) / f'carteiro-example-{os.getpid()}.conf'
        place.write_text(carteiro('man', 'carteiro.conf').stdout)
        try:
            done = carteiro('check', '--config', str(place), '--json')
            self.assertIn(f'{place} is understood', done.stdout)
            # Every default, written out, is what the tables take.
            place.write_text(re.sub(r'(?m)^(\s*)#(\w+ = )', r'\1\2', place.read_text()))
            done = carteiro('check', '--config', str(place), '--json')
            self.assertIn(f'{place} is understood', done.stdout, done.stdout)
        finally:
            place.unlink()


if __name__ == '__main__':
    main()
