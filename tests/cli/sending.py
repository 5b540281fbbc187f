# SPDX-License-Identifier: ISC
"""carteiro send against carteiro serve: what was handed in is what is read, and what went wrong is
told with the right exit status."""
import email
import email.policy
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import CARTEIRO, DOMAIN, PASSWORD, SiteTest, main

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'


class Sending(SiteTest):
    def send(self, *words, code=0, port='SUBMISSION', trust=True, password=PASSWORD, text=None):
        environment = dict(os.environ, CARTEIRO_PASSWORD=password)
        command = [CARTEIRO, 'send', '--server', 'localhost', '--port', str(self.site.ports[port]),
                   *(['--ca-file', str(self.site.ca)] if trust else []), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment,
                              input=text or '')
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done

    def last(self, user='bruno'):
        return email.message_from_bytes(self.site.raw_messages(user)[-1], policy=email.policy.default)

    def test_text_names_and_attachments_arrive_whole(self):
        blob = bytes(range(256)) * 300
        place = self.site.place / 'relatório é.bin'
        place.write_bytes(blob)
        text = 'Olá!\n.\n..dots\nFrom here\n' + 'long ' * 300 + '\n'
        self.send('--user', ANA, '--from', f'Ana Líma <{ANA}>', '--to', f'"Bruno, o" <{BRUNO}>',
                  '--cc', ANA, '--subject', 'Olá' + ' palavra' * 30, '--attach', str(place), text=text)
        mail = self.last()
        self.assertEqual(mail['subject'], 'Olá' + ' palavra' * 30)
        self.assertEqual(mail['from'].addresses[0].display_name, 'Ana Líma')
        self.assertEqual(mail['to'].addresses[0].display_name, 'Bruno, o')
        self.assertEqual(mail.get_body().get_content().replace('\r\n', '\n'), text)
        attachment, = mail.iter_attachments()
        self.assertEqual(attachment.get_filename(), 'relatório é.bin')
        self.assertEqual(attachment.get_content(), blob)

    def test_bcc_is_seen_by_nobody(self):
        self.send('--user', ANA, '--to', ANA, '--bcc', BRUNO, '--subject', 'quiet', '--body', 'x')
        raw = self.site.raw_messages('bruno')[-1]
        self.assertIn(b'Subject: quiet', raw)
        self.assertNotIn(BRUNO.encode(), raw.partition(b'\r\n\r\n')[0].replace(b'Return-Path', b''))

    def test_implicit_tls_and_transcript(self):
        done = self.send('--tls', '--user', ANA, '--to', BRUNO, '--subject', 't', '--body', 'x',
                         '--transcript', port='SUBMISSIONS')
        for line in ('S: 220 ', 'C: EHLO ', 'S: 235 ', f'C: MAIL FROM:<{ANA}>', f'C: RCPT TO:<{BRUNO}>',
                     'C: DATA', 'S: 354 ', 'S: 250 2.0.0 ', 'C: QUIT'):
            self.assertIn(line, done.stderr)
        self.assertNotIn(PASSWORD, done.stderr)
        self.assertIn(f'{BRUNO}: sent: 250', done.stdout)

    def test_each_recipient_has_its_outcome(self):
        done = self.send('--user', ANA, '--to', BRUNO, '--to', f'nobody@{DOMAIN}', '--body', 'x',
                         '--json', code=69)
        found = {o['recipient']: (o['verdict'], o['code']) for o in json.loads(done.stdout)['outcomes']}
        self.assertEqual(found, {BRUNO: ('sent', 250), f'nobody@{DOMAIN}': ('refused', 550)})

    def test_wrong_password(self):
        done = self.send('--user', ANA, '--to', BRUNO, '--body', 'x', password='not this one', code=77)
        self.assertIn('535', done.stderr)

    def test_a_certificate_nobody_trusts(self):
        done = self.send('--user', ANA, '--to', BRUNO, '--body', 'x', trust=False, code=69)
        self.assertIn('--ca-file', done.stderr)
        self.send('--user', ANA, '--to', BRUNO, '--body', 'x', '--insecure', trust=False)

    def test_no_password_in_plain_text(self):
        done = self.send('--no-tls', '--user', ANA, '--to', BRUNO, '--body', 'x', code=done_any())
        self.assertNotIn('sent', done.stdout)

    def test_what_cannot_be_sent(self):
        for words, code in ((['--to', BRUNO], 64), (['--user', ANA], 64),
                            (['--user', ANA, '--to', 'bruno'], 65),
                            (['--user', ANA, '--to', BRUNO, '--attach', '/nowhere/x'], 66),
                            (['--user', ANA, '--to', BRUNO, '--tls', '--no-tls'], 64)):
            self.send(*words, code=code, text='x')

    def test_print_sends_nothing(self):
        before = self.site.count('bruno')
        done = self.send('--print', '--from', ANA, '--to', BRUNO, '--subject', 's', '--body', 'b')
        self.assertIn(f'To: {BRUNO}\n', done.stdout)
        self.assertEqual(self.site.count('bruno'), before)


class done_any:
    """Any exit status but 0."""
    def __eq__(self, other):
        return other != 0


if __name__ == '__main__':
    main()
