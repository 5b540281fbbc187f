# SPDX-License-Identifier: ISC
"""carteiro queue and mailq: looking at what waits, and steering it. No resolver answers here, so
nothing leaves by itself."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import testsite  # noqa: E402


class Queue(unittest.TestCase):
    def setUp(self):
        # port 9 of this host: nobody answers there
        self.site = self.enterContext(testsite.Site(settings={'resolver': {'forward': '{"127.0.0.1@9"}'}}))

    def send(self, *recipients, sender='ana'):
        """Hands a mail in; gives its id."""
        client = self.site.submission(sender)
        data, _ = testsite.message('to others', 'text', sender=f'{sender}@{testsite.DOMAIN}')
        client.mail(f'{sender}@{testsite.DOMAIN}')
        for recipient in recipients:
            self.assertEqual(client.rcpt(recipient)[0], 250)
        code, text = client.data(data)
        self.assertEqual(code, 250)
        client.quit()
        return text.split()[-1].decode().zfill(16)

    def entries(self, *arguments):
        return json.loads(self.site.run('queue', 'list', '--json', *arguments))

    def recipients(self, *arguments):
        return sorted(e['recipient'] for e in self.entries(*arguments))

    def refused(self, *arguments, code):
        done = subprocess.run([testsite.CARTEIRO, '--config', str(self.site.config), *arguments],
                              capture_output=True, text=True, timeout=testsite.PATIENCE, check=False,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_looking(self):
        self.assertIn('Nothing waits.', self.site.run('queue', 'list'))
        first = self.send('carla@example.org', 'zoe@example.net')
        second = self.send('Carla@example.org', sender='bruno')
        self.assertEqual(len(self.entries()), 3)
        self.assertEqual(self.recipients(first), ['carla@example.org', 'zoe@example.net'])
        self.assertEqual(self.recipients('--recipient', 'CARLA'), ['Carla@example.org', 'carla@example.org'])
        self.assertEqual(self.recipients('--lane', 'example.net'), ['zoe@example.net'])
        self.assertEqual(self.recipients('--sender', 'bruno'), ['Carla@example.org'])
        self.assertEqual(len(self.entries('--max', '2')), 2)
        self.assertIn('Goes by', self.site.run('queue', 'show', second))
        self.assertIn('3 in all', self.site.run('queue', 'summary'))
        lanes = json.loads(self.site.run('queue', 'summary', '--json'))['lanes']
        self.assertEqual([(lane['lane'], lane['entries']) for lane in lanes], [('example.org', 2), ('example.net', 1)])

    def test_steering(self):
        self.send('carla@example.org', 'zoe@example.net')
        self.assertIn('1 entry would be put on hold',
                      self.site.run('queue', 'hold', '--recipient', 'zoe@', '--dry-run'))
        self.assertEqual(self.recipients('--held'), [])
        self.site.run('queue', 'hold', '--recipient', 'zoe@')
        self.assertEqual(self.recipients('--held'), ['zoe@example.net'])
        self.assertEqual(self.recipients('--not-held'), ['carla@example.org'])
        self.site.run('queue', 'release', '--all')
        self.assertEqual(self.recipients('--held'), [])
        self.site.run('queue', 'remove', '--recipient', 'zoe@', '--yes')
        self.assertEqual(self.recipients(), ['carla@example.org'])
        self.site.run('queue', 'retry', '--all')
        self.assertEqual(self.recipients(), ['carla@example.org'])

    def test_what_is_on_hold_stays_so_over_a_restart(self):
        self.send('carla@example.org')
        self.site.run('queue', 'hold', '--all')
        self.site.stop()
        self.assertEqual(self.recipients('--held'), ['carla@example.org'])  # without a server
        self.site.start()
        self.assertEqual(self.recipients('--held'), ['carla@example.org'])

    def test_giving_up_tells_the_sender(self):
        mail = self.send('carla@example.org')
        self.site.run('queue', 'hold', mail)
        self.site.run('queue', 'bounce', mail, '--yes')
        self.assertEqual(self.recipients(), [])
        with self.site.imap('ana') as box:
            box.select('INBOX')
            report = box.fetch(b'1', '(BODY.PEEK[])')[1][0][1]
        self.assertTrue(report.startswith(b'Return-Path: <>\r\n'))
        self.assertIn(b'Final-Recipient: rfc822; carla@example.org', report.replace(b';carla', b'; carla'))

    def test_mistakes(self):
        self.assertIn('which mail?', self.refused('queue', 'hold', code=64))
        self.assertIn('no id of a mail', self.refused('queue', 'list', 'carla@example.org', code=64))
        self.assertIn('carteiro trace', self.refused('queue', 'show', 'abc', code=67))
        self.send('carla@example.org')
        self.assertIn('give --yes', self.refused('queue', 'remove', '--all', code=64))

    def test_mailq(self):
        self.send('carla@example.org')
        os.symlink(testsite.CARTEIRO, self.site.place / 'mailq')
        done = subprocess.run([str(self.site.place / 'mailq'), '-C', str(self.site.config)], capture_output=True,
                              text=True, timeout=testsite.PATIENCE, check=True)
        self.assertIn('carla@example.org', done.stdout)


if __name__ == '__main__':
    unittest.main()
