# SPDX-License-Identifier: ISC
"""With other software: Python's smtplib, imaplib and poplib, each sending, reading, flagging, moving
and deleting as far as its protocol can; over STARTTLS and over implicit TLS."""
import imaplib
import pathlib
import poplib
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, expect, main, message

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'


class Libraries(SiteTest):
    def context(self):
        context = self.site.tls()
        context.check_hostname = False  # the certificate names example.test, we dial an address
        return context

    def send(self, subject):
        data, message_id = message(subject, f'{subject}: text', sender=ANA, to=BRUNO)
        with smtplib.SMTP_SSL(HOST, self.site.ports['SUBMISSIONS'], context=self.context()) as client:
            client.login(ANA, PASSWORD)
            client.sendmail(ANA, [BRUNO], data)
        return message_id

    def test_imaplib(self):
        self.empty('bruno')
        message_id = self.send('for imaplib')
        with imaplib.IMAP4_SSL(HOST, self.site.ports['IMAPS'], ssl_context=self.context()) as box:
            box.login(BRUNO, PASSWORD)
            expect(box.select())
            uid = expect(box.uid('SEARCH', 'SUBJECT', '"for imaplib"'))[0]
            raw = expect(box.uid('FETCH', uid, '(RFC822)'))[0][1]
            self.assertIn(message_id.encode(), raw)
            expect(box.uid('STORE', uid, '+FLAGS', '(\\Flagged)'))
            expect(box.create('By-imaplib'))
            expect(box.subscribe('By-imaplib'))
            self.assertIn(b'By-imaplib', b''.join(expect(box.lsub())))
            expect(box.uid('MOVE', uid, 'By-imaplib'))
            expect(box.select('By-imaplib'))
            self.assertEqual(expect(box.search(None, 'FLAGGED'))[0], b'1')
            self.assertIn(b'MESSAGES 0', expect(box.status('INBOX', '(MESSAGES UIDNEXT UNSEEN)'))[0])
            expect(box.store('1', '+FLAGS', '(\\Deleted)'))
            self.assertEqual(expect(box.expunge()), [b'1'])
            expect(box.rename('By-imaplib', 'Renamed'))
            expect(box.unselect())
            expect(box.delete('Renamed'))

    def test_imaplib_authenticates_by_sasl(self):
        with imaplib.IMAP4_SSL(HOST, self.site.ports['IMAPS'], ssl_context=self.context()) as box:
            self.assertIn('AUTH=PLAIN', box.capabilities)
            expect(box.authenticate('PLAIN', lambda _: f'\0{BRUNO}\0{PASSWORD}'.encode()))
            expect(box.select())

    def test_imaplib_names_mailboxes_in_any_script(self):
        box = self.site.imap('bruno', None)
        for name in ('Entwürfe', '日本語', 'R&D'):
            encoded = name.encode('utf-7').replace(b'+', b'&') if not name.isascii() else b'R&-D'
            expect(box.create(encoded))
            self.assertIn(encoded, b'\n'.join(expect(box.list())))
            expect(box.delete(encoded))
        box.logout()

    def test_imaplib_more(self):
        """APPEND with flags and a date, SORT, THREAD, UID COPY, UID EXPUNGE, partial sections."""
        box = self.site.imap('bruno', None)
        expect(box.create('More'))
        for i, subject in enumerate(('pears', 'apples', 'Re: apples')):
            data, _ = message(subject, 'x' * 50)
            when = f'"0{i + 1}-Feb-2020 10:00:00 +0100"'
            kind, told = box.append('More', '(\\Flagged $Fruit)', when, data)
            self.assertEqual(kind, 'OK')
            self.assertRegex(told[0], rb'APPENDUID \d+ %d' % (i + 1))
        expect(box.select('More'))
        self.assertEqual(expect(box.sort('SUBJECT', 'UTF-8', 'ALL'))[0], b'2 3 1')
        self.assertEqual(expect(box.thread('REFERENCES', 'UTF-8', 'ALL'))[0].count(b'('), 2)
        self.assertEqual(expect(box.search(None, 'KEYWORD', '$Fruit', 'ON', '2-Feb-2020'))[0], b'2')
        told = expect(box.fetch('1', '(INTERNALDATE BODY.PEEK[TEXT]<10.5> FLAGS)'))
        self.assertIn(b'" 1-Feb-2020 10:00:00 +0100"', told[0][0] + told[-1])
        self.assertEqual(told[0][1], b'xxxxx')
        expect(box.uid('COPY', '1:2', 'INBOX'))
        expect(box.uid('STORE', '1,3', '+FLAGS.SILENT', '(\\Deleted)'))
        expect(box.uid('EXPUNGE', '3'))
        self.assertEqual(expect(box.search(None, 'ALL'))[0], b'1 2')
        expect(box.close())
        self.assertEqual(self.site.count('bruno', 'More'), 1)
        expect(box.delete('More'))
        box.logout()

    def test_poplib_more(self):
        """UIDL stays the same, RSET takes back, CAPA, TOP of a few lines; over STLS."""
        self.empty('bruno')
        for i in range(3):
            self.send(f'pop {i}')
        drop = self.site.pop3('bruno')
        self.assertIn('UIDL', drop.capa())
        uidl = drop.uidl()[1]
        self.assertEqual(len({line.split()[1] for line in uidl}), 3)
        drop.dele(2)
        drop.rset()
        drop.dele(1)
        self.assertEqual(drop.stat()[0], 2)
        drop.quit()
        drop = self.site.pop3('bruno')
        self.assertEqual([line.split()[1] for line in drop.uidl()[1]], [line.split()[1] for line in uidl[1:]])
        self.assertEqual(drop.top(1, 1)[1][-1], b'pop 1: text')
        drop.quit()

    def test_poplib(self):
        self.empty('bruno')
        message_id = self.send('for poplib')
        drop = poplib.POP3_SSL(HOST, self.site.ports['POP3S'], context=self.context())
        drop.user(BRUNO)
        drop.pass_(PASSWORD)
        self.assertEqual(drop.stat()[0], 1)
        self.assertIn(f'Message-ID: {message_id}'.encode(), drop.retr(1)[1])
        self.assertIn(b'Subject: for poplib', drop.top(1, 0)[1])
        drop.dele(1)
        drop.quit()
        self.assertEqual(self.site.count('bruno'), 0)

    def test_smtplib_many_mails_on_one_connection(self):
        self.empty('bruno')
        with self.site.submission('ana') as client:
            for i in range(20):
                client.sendmail(ANA, [BRUNO, ANA], message(f'mail {i}', 'x', sender=ANA)[0])
            self.assertEqual(client.noop()[0], 250)
            self.assertEqual(client.rset()[0], 250)
            self.assertIn(client.verify(BRUNO)[0], (250, 252))
            self.assertEqual(client.docmd('HELP')[0], 214)
        self.assertEqual(self.site.count('bruno'), 20)

    def test_send_message_with_attachment(self):
        import email
        import email.message
        import email.policy
        letter = email.message.EmailMessage()
        letter['From'], letter['To'], letter['Subject'] = ANA, BRUNO, 'Olá, João 📮'
        letter.set_content('çãõ\n')
        letter.add_attachment(bytes(range(256)) * 500, maintype='application', subtype='octet-stream',
                              filename='bytes.bin')
        with self.site.submission('ana') as client:
            client.send_message(letter)
        raw = [raw for raw in self.site.raw_messages('bruno') if b'bytes.bin' in raw][-1]
        got = email.message_from_bytes(raw, policy=email.policy.default)
        self.assertEqual(got['Subject'], 'Olá, João 📮')
        self.assertEqual(next(got.iter_attachments()).get_content(), bytes(range(256)) * 500)


if __name__ == '__main__':
    main()
