# SPDX-License-Identifier: ISC
"""Journey: a user hands a mail to her server: smtplib's session as everybody writes it, and what
submission adds, refuses and hides."""
import base64
import os
import pathlib
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, Talk, expect, main, message, start_tls, until

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'


class Submission(SiteTest):
    def test_the_session_of_smtplib(self):
        """SMTP(host, port), ehlo, starttls, login, sendmail, quit: nothing else, nothing changed."""
        server = smtplib.SMTP(HOST, self.site.ports['SUBMISSION'])
        server.ehlo()
        server.starttls()
        server.login(ANA, PASSWORD)
        server.sendmail(ANA, BRUNO, 'Subject: The first mail\n\nDear Bruno,\nthe postman works.\n')
        server.quit()
        raw = self.site.raw_messages('bruno')[-1]
        head, _, body = raw.partition(b'\r\n\r\n')
        self.assertEqual(body, b'Dear Bruno,\r\nthe postman works.\r\n')
        self.assertIn(b'\r\nMessage-ID: <', head)  # added here, because the client gave none
        self.assertIn(b'\r\nDate: ', head)
        self.assertIn(b'ESMTPSA', head)

    def test_every_port_of_submission(self):
        for port in ('SUBMISSION', 'SUBMISSIONS', 'SUBMISSION_ALT'):
            if port not in self.site.ports:
                continue
            if port == 'SUBMISSIONS':
                client = smtplib.SMTP_SSL(HOST, self.site.ports[port], context=_name_blind(self.site))
            else:
                client = self.site.smtp(port)
                start_tls(client, self.site)
            client.login(ANA, PASSWORD)
            data, message_id = message(f'By {port}', 'x', sender=ANA, to=BRUNO)
            client.sendmail(ANA, [BRUNO], data)
            client.quit()
            self.assertTrue(any(message_id.encode() in raw for raw in self.site.raw_messages('bruno')))

    def test_held_mail_for_a_user_of_this_server(self):
        """RFC 4865: filed when it is time, or when the administrator says so."""
        client = self.site.submission('ana')
        data, message_id = message('Held', 'happy birthday', sender=ANA, to=BRUNO)
        client.sendmail(ANA, [BRUNO], data, mail_options=['HOLDFOR=3600'])
        client.quit()

        def copies():
            return sum(message_id.encode() in raw for raw in self.site.raw_messages('bruno'))
        self.assertEqual(copies(), 0)
        self.assertIn(BRUNO, self.site.run('queue', 'list', '--recipient', BRUNO))
        self.site.run('queue', 'retry', '--recipient', BRUNO)
        until(lambda: copies() == 1, 'it is filed')
        self.assertNotIn(BRUNO, self.site.run('queue', 'list', '--recipient', BRUNO))

    def test_nothing_without_signing_in(self):
        client = self.site.smtp('SUBMISSION')
        client.ehlo()
        self.assertNotIn('auth', client.esmtp_features)
        self.assertEqual(client.mail(ANA)[0], 530)
        start_tls(client, self.site)
        self.assertIn('auth', client.esmtp_features)
        self.assertEqual(client.mail(ANA)[0], 530)
        client.quit()

    def test_auth_in_clear_is_refused(self):
        client = self.site.smtp('SUBMISSION')
        client.ehlo()
        plain = base64.b64encode(f'\0{ANA}\0{PASSWORD}'.encode()).decode()
        code = client.docmd('AUTH', 'PLAIN ' + plain)[0]
        self.assertIn(code, (502, 503, 504, 530, 538))
        self.assertEqual(client.mail(ANA)[0], 530)
        client.quit()

    def test_wrong_password(self):
        for user, password in ((ANA, 'wrong'), (f'nobody@{DOMAIN}', PASSWORD)):
            client = self.site.smtp('SUBMISSION')
            start_tls(client, self.site)
            with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
                client.login(user, password)
            self.assertEqual(caught.exception.smtp_code, 535)
            client.close()

    def test_each_mechanism_of_smtplib(self):
        for mechanism in ('plain', 'login'):
            client = self.site.smtp('SUBMISSION')
            start_tls(client, self.site)
            client.user, client.password = ANA, PASSWORD
            code = client.auth(mechanism, getattr(client, f'auth_{mechanism}'))[0]
            self.assertEqual(code, 235, mechanism)
            client.quit()

    def test_scram_is_offered(self):
        client = self.site.smtp('SUBMISSION')
        start_tls(client, self.site)
        offered = client.esmtp_features['auth'].split()
        self.assertLessEqual({'PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'}, set(offered))
        client.quit()

    def test_message_id_and_date_of_the_client_stay(self):
        data, message_id = message('Mine', 'x', sender=ANA, to=BRUNO)
        client = self.site.submission('ana')
        client.sendmail(ANA, [BRUNO], data)
        client.quit()
        raw = [raw for raw in self.site.raw_messages('bruno') if message_id.encode() in raw]
        self.assertEqual(len(raw), 1)
        self.assertEqual(raw[0].lower().count(b'\r\nmessage-id:'), 1)
        self.assertEqual(raw[0].lower().count(b'\r\ndate:'), 1)

    def test_a_mail_to_oneself_and_to_many(self):
        client = self.site.submission('ana')
        data, message_id = message('To us', 'x', sender=ANA, to=ANA)
        self.assertEqual(client.sendmail(ANA, [ANA, BRUNO], data), {})
        client.quit()
        for user in ('ana', 'bruno'):
            self.assertEqual(sum(message_id.encode() in raw for raw in self.site.raw_messages(user)), 1)

    def test_lines_in_one_piece_and_byte_by_byte(self):
        """The answers do not depend on how the bytes were cut."""
        data, _ = message('Cut', 'a\n.b\n', sender='ze@elsewhere.test')
        script = (b'EHLO elsewhere.test\r\nMAIL FROM:<ze@elsewhere.test>\r\nRCPT TO:<%s>\r\nDATA\r\n' %
                  BRUNO.encode())
        end = data.replace(b'\r\n.', b'\r\n..') + b'.\r\nQUIT\r\n'
        heard = []
        for step in (1, 7, 100000):
            with Talk(self.site, 'SMTP') as talk:
                whole = script + end
                for at in range(0, len(whole), step):
                    talk.send(whole[at:at + step])
                heard.append([line[:3] for line in iter(talk.line, '')])
        self.assertEqual(heard[0], heard[1])
        self.assertEqual(heard[0], heard[2])
        self.assertIn('354', heard[0])

    def test_by_the_programs_own_client(self):
        if '\n  send ' not in self.site.run('--help', config=False):
            self.skipTest('carteiro send is not there yet')
        self.site.run('send', '--server', HOST, '--port', str(self.site.ports['SUBMISSION']), '--starttls',
                      '--ca-file', str(self.site.ca), '--user', ANA, '--to', BRUNO, '--subject',
                      'From a terminal', '--body', 'sent from a terminal', config=False,
                      env=dict(os.environ, CARTEIRO_PASSWORD=PASSWORD))
        box = self.site.imap('bruno')
        self.assertTrue(expect(box.search(None, 'SUBJECT', '"From a terminal"'))[0])
        box.logout()


def _name_blind(site):
    context = site.tls()
    context.check_hostname = False
    return context


if __name__ == '__main__':
    main()
