# SPDX-License-Identifier: ISC
"""sendmail, mailq and newaliases: what cron, git send-email and PHP call."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import testsite  # noqa: E402

MAIL = 'From: Cron <root@example.test>\nTo: ana@example.test\nSubject: {}\n\nall is well\n'


class Sendmail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(testsite.Site())
        for name in ('sendmail', 'mailq', 'newaliases'):
            os.symlink(testsite.CARTEIRO, cls.site.place / name)

    def call(self, name, *arguments, text='', code=0):
        done = subprocess.run([str(self.site.place / name), '-C', str(self.site.config), *arguments],
                              input=text.encode(), capture_output=True, timeout=testsite.PATIENCE, check=False)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def last(self, user, subject):
        """The newest mail of the user, with that subject."""
        with self.site.imap(user) as box:
            box.select('INBOX')
            numbers = box.search(None, 'SUBJECT', f'"{subject}"')[1][0].split()
            self.assertEqual(len(numbers), 1, subject)
            return box.fetch(numbers[0], '(BODY.PEEK[])')[1][0][1].decode()

    def test_a_mail_to_the_names_given(self):
        self.call('sendmail', '-i', 'ana@example.test', text=MAIL.format('named'))
        mail = self.last('ana', 'named')
        self.assertIn('\r\n\r\nall is well\r\n', mail)
        self.assertIn('\r\nDate: ', mail)
        self.assertIn('\r\nMessage-ID: <', mail)

    def test_recipients_of_the_header(self):
        self.call('sendmail', '-t', '-i', text='Subject: header\nTo: Ana <ana@example.test>\n'
                  'Bcc: bruno@example.test\n\nhello\n')
        for user in ('ana', 'bruno'):
            mail = self.last(user, 'header')
            self.assertNotIn('bruno@', mail.split('\r\n\r\n')[0])
            self.assertIn('\r\nFrom: ', mail)

    def test_bare_names_and_the_sender(self):
        self.call('sendmail', '-i', '-f', 'bruno', '-F', 'Bruno B', 'ana', text='Subject: bare\n\nx\n')
        mail = self.last('ana', 'bare')
        self.assertTrue(mail.startswith('Return-Path: <bruno@example.test>\r\n'), mail[:80])
        self.assertRegex(mail, r'\r\nFrom: "?Bruno B"? <bruno@example.test>\r\n')

    def test_a_dot_ends_it_unless_told_otherwise(self):
        self.call('sendmail', 'ana@example.test', text=MAIL.format('dotted') + '.\nbeyond\n')
        self.assertNotIn('beyond', self.last('ana', 'dotted'))
        self.call('sendmail', '-oi', 'ana@example.test', text=MAIL.format('undotted') + '.\nbeyond\n')
        self.assertIn('\r\n.\r\nbeyond\r\n', self.last('ana', 'undotted'))

    def test_the_null_sender(self):
        self.call('sendmail', '-i', '-f', '<>', 'ana@example.test', text=MAIL.format('null'))
        self.assertTrue(self.last('ana', 'null').startswith('Return-Path: <>\r\n'))

    def test_refusals(self):
        _, error = self.call('sendmail', '-i', 'nobody@example.test', text=MAIL.format('x'), code=67)
        self.assertIn('5.1.1', error)
        self.call('sendmail', '-i', text=MAIL.format('x'), code=64)
        self.call('sendmail', '-i', 'ana@@example', text=MAIL.format('x'), code=65)
        self.call('sendmail', '-bz', code=64)

    def test_smtp_by_pipes(self):
        talk = ('EHLO here\r\nMAIL FROM:<bruno@example.test>\r\nRCPT TO:<ana@example.test>\r\nDATA\r\n'
                'Subject: piped\r\n\r\nx\r\n.\r\nQUIT\r\n')
        out, _ = self.call('sendmail', '-bs', text=talk)
        self.assertIn('\r\n221 ', out)
        self.last('ana', 'piped')

    def test_no_aliases_to_rebuild(self):
        self.call('newaliases')
        self.call('sendmail', '-bi')

    def test_no_server(self):
        nobody = self.site.place / 'nobody.conf'
        nobody.write_text('listen {\n    sendmail = "nobody.sock"\n}\n')
        done = subprocess.run([str(self.site.place / 'sendmail'), '-C', str(nobody), 'ana@example.test'],
                              input=b'Subject: x\n\nx\n', capture_output=True, timeout=testsite.PATIENCE,
                              check=False)
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn(b'try again later', done.stderr)


if __name__ == '__main__':
    unittest.main()
