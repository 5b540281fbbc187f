# SPDX-License-Identifier: ISC
"""carteiro mailbox search, index, reindex: with the index, without it, and while it is lost."""
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import testsite  # noqa: E402


class Search(unittest.TestCase):
    def setUp(self):
        self.site = self.enterContext(testsite.Site())
        self.site.deliver('ana', 'first zebra', 'the postman sees a Löwe')
        self.site.deliver('ana', 'second', 'a zebra crossing')
        self.site.deliver('bruno', 'his zebra', 'nothing for ana')

    def search(self, *arguments):
        return json.loads(self.site.run('mailbox', 'search', 'ana@example.test', *arguments, '--json'))

    def subjects(self, *arguments):
        return [row['subject'] for row in self.search(*arguments)['messages']]

    def index(self):
        return json.loads(self.site.run('mailbox', 'index', 'ana@example.test', '--json'))

    def check(self):
        self.assertEqual(self.subjects('ZEBRA'), ['second', 'first zebra'])
        self.assertEqual(self.subjects('INBOX', 'LÖwe'), ['first zebra'])
        self.assertEqual(self.subjects('zebra', '--body'), ['second'])
        self.assertEqual(self.subjects('zebra', '--subject'), ['first zebra'])
        self.assertEqual(self.subjects('ze@else', '--from'), ['second', 'first zebra'])
        self.assertEqual(self.subjects('bruno', '--to'), [])
        self.assertEqual(self.subjects('elsewhere', '--header', 'From'), ['second', 'first zebra'])
        self.assertEqual(self.subjects('nothing for ana'), [])
        with self.assertRaisesRegex(AssertionError, '--from and --subject exclude each other'):
            self.search('zebra', '--subject', '--from')

    def check_imap(self):
        """The same by IMAP, whose words may stand in literals and in any charset."""
        with self.site.imap('ana') as client:
            for key, found in (('BODY zebra', b'2'), ('TEXT ZEBRA', b'1 2'), ('SUBJECT "t zeb"', b'1'), ('BODY z', b'2'),
                               ('NOT BODY zebra', b'1'), ('OR BODY zebra FROM nobody', b'2'), ('BODY giraffe', b''),
                               ('HEADER Message-ID "@"', b'1 2')):
                self.assertEqual(client.search(None, key), ('OK', [found]), key)

    def test_the_same_is_found_with_and_without_the_index(self):
        self.check()
        self.check_imap()
        result = json.loads(self.site.run('mailbox', 'reindex', 'ana@example.test', '--wait', '--json'))
        self.assertEqual(result['waiting'], 0)
        self.assertEqual(self.index()['messages'], 2)
        self.check()
        self.check_imap()
        found = self.search('giraffe')
        self.assertEqual((found['messages'], found['read']), ([], 0))  # the index was enough
        self.site.kill()
        self.site.start()
        self.check()
        self.assertEqual(self.search('giraffe')['read'], 0)
        self.site.stop()
        self.check()  # by reading: no server fills or asks the index
        shutil.rmtree(self.site.data / 'search')
        self.site.start()
        self.check()

    def test_more_than_asked_for(self):
        found = self.search('zebra', '--limit', '1')
        self.assertEqual((len(found['messages']), found['more']), (1, True))
        text = self.site.run('mailbox', 'search', 'ana@example.test', 'zebra', '--limit', '1')
        self.assertIn('There are more', text)
        self.assertIn('ze@elsewhere.test', text)

    def test_who_waits_for_the_index_does_not_keep_the_server_up(self):
        self.site.stop()
        self.site.config.write_text(testsite.put_setting(self.site.config.read_text(), '', 'grace', '1h'))
        shutil.rmtree(self.site.data / 'search')
        (self.site.data / 'search').touch()  # where no index can be made
        self.site.start()
        waiting = subprocess.Popen([testsite.CARTEIRO, '--config', str(self.site.config), 'mailbox', 'reindex',
                                    'ana@example.test', '--wait'], stderr=subprocess.DEVNULL)
        testsite.until(lambda: 'the index of an account' in self.site.log(), 'the index is not made')
        self.site.stop()
        self.assertNotEqual(waiting.wait(testsite.PATIENCE), 0)

    def test_what_cannot_be_searched(self):
        for arguments, code in ((('nobody@example.test', 'x'), 67), (('ana@example.test', 'Nowhere', 'x'), 67),
                                (('ana@example.test', ''), 65)):
            done = subprocess.run([testsite.CARTEIRO, '--config', str(self.site.config), 'mailbox', 'search', *arguments],
                                  capture_output=True, text=True, timeout=testsite.PATIENCE, check=False)
            self.assertEqual(done.returncode, code, done.stderr)


if __name__ == '__main__':
    unittest.main()
