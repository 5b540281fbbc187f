# SPDX-License-Identifier: ISC
"""Journey: an administrator changes things while people are signed in: a reload drops nobody, new
certificates are for new connections, accounts come and go, and an end is announced."""
import imaplib
import pathlib
import signal
import smtplib
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PASSWORD, SiteTest, Talk, expect, main, put_setting

ANA = f'ana@{DOMAIN}'


class KeepServing(SiteTest):
    def certificate(self):
        """The bytes of the certificate a new client of IMAPS is shown."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self.site.connect('IMAPS') as sock, context.wrap_socket(sock) as tls:
            return tls.getpeercert(binary_form=True)

    def test_new_certificate_without_dropping_anyone(self):
        old = self.certificate()
        box, drop = self.site.imap('ana'), self.site.pop3('bruno')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj',
                        f'/CN={DOMAIN}', '-addext', f'subjectAltName=DNS:{DOMAIN},DNS:mail.{DOMAIN}', '-keyout',
                        str(self.site.place / 'key.pem'), '-out', str(self.site.ca)], check=True, capture_output=True)
        self.site.run('reload')
        self.assertNotEqual(self.certificate(), old)
        expect(box.noop())
        drop.stat()
        box.logout()
        drop.quit()
        self.site.imap('ana').logout()  # verifies the new one

    def test_new_limits_for_new_mail(self):
        client = self.site.smtp()
        client.ehlo()
        text = self.site.config.read_text()
        self.site.config.write_text(put_setting(text, 'receive', 'message_size', '100K'))
        self.site.run('reload')
        self.assertEqual(client.noop()[0], 250)
        client.quit()
        client = self.site.smtp()
        client.ehlo()
        self.assertEqual(int(client.esmtp_features['size']), 100 * 1024)
        client.quit()
        self.site.config.write_text(text)
        self.site.run('reload')

    def test_a_bad_configuration_changes_nothing(self):
        text = self.site.config.read_text()
        self.site.config.write_text(put_setting(text, 'receive', 'mesage_size', '100K'))
        with self.assertRaises(AssertionError) as caught:
            self.site.run('reload')
        self.assertIn('message_size', str(caught.exception))  # the nearest name
        self.site.config.write_text(text)
        self.site.deliver('ana')

    def test_a_reload_asked_before_all_is_up_waits(self):
        self.site.stop()
        # Ignored until the server handles it, so that it comes as early as can be.
        self.site.start(preexec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN), poke=signal.SIGHUP)
        self.site.deliver('ana')
        self.site.run('status')

    def test_a_reload_asked_at_the_end_does_no_harm(self):
        self.site.deliver('ana')
        self.site.stop(poke=signal.SIGHUP)
        self.site.start()

    def test_accounts_come_and_go_while_it_runs(self):
        password = str(self.site.place / 'password')
        self.site.run('account', 'add', f'carla@{DOMAIN}', '--password-file', password)
        self.site.deliver('carla')
        self.assertEqual(self.site.count('carla'), 1)
        self.site.run('alias', 'add', f'vendas@{DOMAIN}', f'carla@{DOMAIN}', ANA)
        self.site.deliver('vendas')
        self.assertEqual(self.site.count('carla'), 2)
        self.site.run('alias', 'remove', f'vendas@{DOMAIN}')
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            self.site.deliver('vendas')
        other = self.site.place / 'password2'
        other.write_text('outra senha secreta\n')
        self.site.run('account', 'set', f'carla@{DOMAIN}', '--password-file', str(other))
        with self.assertRaises(imaplib.IMAP4.error):
            self.site.imap('carla')
        self.site.run('account', 'remove', f'carla@{DOMAIN}', '--yes')
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            self.site.deliver('carla')

    def test_the_end_is_announced_and_nothing_is_lost(self):
        message_id = self.site.deliver('bruno', 'before the end')
        smtp, pop3 = Talk(self.site, 'SMTP'), Talk(self.site, 'POP3')
        imap = Talk(self.site, 'IMAPS', tls=True)
        for talk in (smtp, pop3, imap):
            self.addCleanup(talk.close)
            self.assertTrue(talk.line())
        imap.send(f'a LOGIN {ANA} "{PASSWORD}"\r\nb SELECT INBOX\r\nc IDLE\r\n')
        while not imap.line().startswith('+'):
            pass
        self.site.stop()
        self.assertTrue(smtp.line().startswith('421 '))
        self.assertTrue(pop3.line().startswith('-ERR [SYS/TEMP] '))
        self.assertTrue(imap.line().startswith('* BYE'))
        for talk in (smtp, pop3, imap):
            self.assertTrue(talk.is_closed())
        self.site.start()
        self.assertTrue(any(message_id.encode() in raw for raw in self.site.raw_messages('bruno')))


if __name__ == '__main__':
    main()
