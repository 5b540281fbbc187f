# SPDX-License-Identifier: ISC
"""carteiro mailbox share, shares, unshare; account delegate, undelegate: with a server and without."""
import imaplib
import json
import pathlib
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import testsite  # noqa: E402

INBOX = '"Other Users/ana@example.test"'


class Sharing(unittest.TestCase):
    def setUp(self):
        self.site = self.enterContext(testsite.Site())
        self.site.deliver('ana', 'for bruno too', 'text')

    def mailbox(self, *arguments):
        return json.loads(self.site.run('mailbox', *arguments, '--json'))

    def bruno(self):
        return self.enterContext(self.site.imap('bruno'))

    def test_a_mailbox_is_shared_and_taken_back(self):
        args = ('ana@example.test', 'INBOX')
        self.assertEqual(self.mailbox('shares', *args), [])
        shares = [{'who': 'bruno@example.test', 'rights': 'lr'}]
        self.assertEqual(self.mailbox('share', *args, 'bruno@example.test', 'lr'), shares)
        client = self.bruno()
        self.assertEqual(client.select(INBOX, readonly=True), ('OK', [b'1']))
        self.site.stop()
        self.assertEqual(self.mailbox('shares', *args), shares)
        self.site.start()
        self.assertEqual(self.bruno().select(INBOX, readonly=True), ('OK', [b'1']))
        self.assertEqual(self.mailbox('unshare', *args, 'bruno@example.test'), [])
        self.assertEqual(self.bruno().select(INBOX, readonly=True)[0], 'NO')

    def test_names_are_composed_as_those_of_clients_are(self):
        decomposed, name = 'Cafe\u0301', 'Caf\u00e9'
        self.mailbox('create', 'ana@example.test', decomposed)
        self.assertEqual(self.mailbox('show', 'ana@example.test', name)['name'], name)
        self.mailbox('rename', 'ana@example.test', decomposed, f'{decomposed}s')
        self.assertEqual(self.mailbox('shares', 'ana@example.test', f'{decomposed}s'), [])
        self.assertEqual(self.mailbox('search', 'ana@example.test', f'{decomposed}s', 'x')['messages'], [])
        self.assertEqual(self.enterContext(self.site.imap('ana')).select('Caf&AOk-s')[0], 'OK')

    def test_names_no_client_could_say_are_refused(self):
        for name in ('a//b', '/a', 'a/', 'a\tb'):
            with self.subTest(name), self.assertRaisesRegex(AssertionError, 'no mailbox can be called'):
                self.mailbox('create', 'ana@example.test', name)
            with self.subTest(name), self.assertRaisesRegex(AssertionError, 'no mailbox can be called'):
                self.mailbox('rename', 'ana@example.test', 'Junk', name)

    def test_a_name_of_others_is_not_given(self):
        for name in ('Other Users', 'Other Users/bruno@example.test/x'):
            with self.subTest(name), self.assertRaisesRegex(AssertionError, 'mailboxes of others'):
                self.mailbox('create', 'ana@example.test', name)
        self.mailbox('create', 'ana@example.test', 'Other Users2')

    def test_what_cannot_be_shared(self):
        for arguments in (('nobody@example.test', 'INBOX', 'anyone', 'l'), ('ana@example.test', 'None', 'anyone', 'l'),
                          ('ana@example.test', 'INBOX', 'nobody@example.test', 'l'),
                          ('ana@example.test', 'INBOX', 'ana@example.test', 'l'),
                          ('ana@example.test', 'INBOX', 'anyone', 'lq'), ('ana@example.test', 'INBOX', 'anyone', '')):
            with self.subTest(arguments), self.assertRaisesRegex(AssertionError, 'exit 6[57]'):
                self.site.run('mailbox', 'share', *arguments)

    def sign_in(self):
        """As bruno, for ana."""
        client = imaplib.IMAP4(self.site.host, self.site.ports['IMAP'], timeout=testsite.PATIENCE)
        client.host = self.site.domain
        client.starttls(self.site.tls())
        words = f'ana@example.test\0bruno@example.test\0{self.site.password}'
        client.authenticate('PLAIN', lambda challenge: words.encode())
        return self.enterContext(client)

    def test_a_delegate_reads_and_sends_for_another(self):
        args = ('ana@example.test', 'bruno@example.test')
        with self.assertRaises(imaplib.IMAP4.error):
            self.sign_in()
        done = json.loads(self.site.run('account', 'delegate', *args, '--json'))
        self.assertEqual(done['delegates'], ['bruno@example.test'])
        client = self.sign_in()
        self.assertEqual(client.select('INBOX'), ('OK', [b'1']))
        sender = self.site.submission('bruno')
        sender.sendmail('ana@example.test', ['ana@example.test'], 'From: ana@example.test\r\nSubject: x\r\n\r\nx\r\n')
        sender.quit()
        shown = json.loads(self.site.run('account', 'show', 'ana@example.test', '--json'))
        self.assertEqual(shown['delegates'], ['bruno@example.test'])
        self.site.run('account', 'undelegate', *args)
        with self.assertRaises(imaplib.IMAP4.error):
            client.noop()
            client.noop()
        with self.assertRaises(imaplib.IMAP4.error):
            self.sign_in()
        sender = self.site.submission('bruno')
        with self.assertRaises(smtplib.SMTPException):
            sender.sendmail('ana@example.test', ['ana@example.test'], 'From: ana@example.test\r\n\r\nx\r\n')
        sender.close()


if __name__ == '__main__':
    unittest.main()
