# SPDX-License-Identifier: ISC
"""carteiro trace: what became of a mail, while the server runs and after."""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import testsite  # noqa: E402


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(testsite.Site())

    def story(self, what, *arguments):
        return json.loads(self.site.run('trace', what, '--json', *arguments))['mails']

    def test_a_mail_is_found_by_all_its_names(self):
        message_id = self.site.deliver('ana', 'traced')
        [mail] = self.story(message_id)
        self.assertEqual(mail['to'], 'ana@example.test')
        places = [event['where'] for event in mail['events']]
        for place in ('route/recipient', 'queue/accept', 'deliver/mailbox', 'receive/data'):
            self.assertIn(place, places)
        self.assertEqual([m['id'] for m in self.story(mail['id'])], [mail['id']])
        self.assertEqual([m['id'] for m in self.story(message_id.strip('<>').upper())], [mail['id']])
        self.assertIn(mail['id'], [m['id'] for m in self.story('ANA@example.test')])
        self.assertRegex(mail['at'], r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')
        text = self.site.run('trace', mail['id'])
        self.assertIn('deliver/mailbox', text)
        self.assertNotIn('the postman works', text)  # never the text of a mail

    def test_many_mails_are_listed(self):
        for number in range(3):
            self.site.deliver('bruno', f'one of many {number}')
        text = self.site.run('trace', 'bruno@example.test')
        self.assertIn('--all', text)
        self.assertEqual(text.count('to <bruno@example.test>'), 3)
        self.assertEqual(self.site.run('trace', 'bruno@example.test', '--all').count('Message-ID:'), 3)
        self.assertEqual(len(self.story('bruno@example.test', '--max', '2')), 2)

    def test_what_is_not_known(self):
        done = subprocess.run([testsite.CARTEIRO, '--config', str(self.site.config), 'trace', 'nobody@example.test'],
                              capture_output=True, text=True, timeout=testsite.PATIENCE, check=False)
        self.assertEqual(done.returncode, 67)
        self.assertIn('nothing is known of nobody@example.test', done.stderr)

    def test_stories_outlive_the_server(self):
        site = self.enterContext(testsite.Site())
        message_id = site.deliver('ana', 'before the end')
        site.stop()
        self.assertEqual(len(json.loads(site.run('trace', message_id, '--json'))['mails']), 1)
        site.start()
        self.assertEqual(len(json.loads(site.run('trace', message_id, '--json'))['mails']), 1)


if __name__ == '__main__':
    unittest.main()
