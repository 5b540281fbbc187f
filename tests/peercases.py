# SPDX-License-Identifier: ISC
"""What must work between Carteiro and another mail server, in both directions; tests/interop/postfix.py
and its neighbours name the server and what it can."""
import re
import subprocess

import peers
from lab import Lab, need_lab
from testsite import CARTEIRO, message, until

SETTINGS = {'queue': {'retry_first': '1s', 'retry_max': '5s'}}


def reports(mail):
    """The blocks of its message/delivery-status, the first about the message."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == 'message/delivery-status']
    return part.get_payload()


class PeerCases:
    """Mixed into a TestCase that sets `peer_class`."""
    peer_class = peer = None
    envid = 'q+7'  # as its reports give q+2B7 back
    can_tls = can_utf8 = can_pipeline = can_chunk = True

    @classmethod
    def setUpClass(cls):
        need_lab()
        peers.need_peer(cls.peer_class.package)
        cls.lab = Lab(settings=SETTINGS)
        try:
            cls.site = cls.lab.add('example.test', settings=SETTINGS)
            cls.clear = cls.lab.add('clear.test', settings=SETTINGS)
            cls.clear.config.write_text(re.sub(r'(?m)^(certificate|key) =', r'#\1 =', cls.clear.config.read_text()))
            cls.domain = f'{cls.peer_class.__name__.lower()}.test'
            cls.site.set('route', tls_policies=f'{{"plain.{cls.domain} never"}}')
            cls.peer = cls.peer_class(cls.lab, cls.domain, (cls.site.host, cls.lab.smtp_port),
                                      (cls.clear.host, cls.lab.smtp_port))
            cls.eva = f'eva@{cls.domain}'
            cls.lab.start()
            cls.peer.start()
        except BaseException:
            cls.end(cls.lab.drop)
            raise

    @classmethod
    def tearDownClass(cls):
        cls.end(cls.lab.stop)

    @classmethod
    def end(cls, end_lab):
        try:
            if cls.peer:
                cls.peer.stop()
        finally:
            end_lab()

    def story(self, message_id):
        return subprocess.run([CARTEIRO, '--config', str(self.site.config), 'trace', message_id],
                              capture_output=True, text=True, check=True, timeout=60).stdout

    def dialogue(self, message_id):
        """Once the attempt is over and told, which is a moment after the far side has the mail."""
        told = []

        def is_told():
            told[:] = [self.story(message_id)]
            return 'dialogue' in told[0]

        until(is_told, 'the story has a dialogue')
        return told[0]

    # ---- from Carteiro to it

    def test_out_with_tls(self):
        self.site.submit('ana', self.eva, 'out with tls', '.a dot\n..two dots\nand the end')
        mail = self.peer.wait_for('out with tls')
        self.assertEqual(bool(re.search(r'ESMTPS|TLSv1', mail['Received'], re.I)), self.can_tls)
        self.assertEqual(mail.get_content().splitlines(), ['.a dot', '..two dots', 'and the end'])

    def test_out_plain(self):
        self.site.submit('ana', f'eva@plain.{self.domain}', 'out plain', 'no secrets')
        mail = self.peer.wait_for('out plain')
        self.assertNotRegex(mail['Received'], re.compile(r'ESMTPS|TLSv1', re.I))

    def test_out_large(self):
        lines = [f'{n:06} ' + 'x' * 70 for n in range(30000)]
        message_id = self.site.submit('ana', self.eva, 'out large', '\n'.join(lines))
        self.assertEqual(self.peer.wait_for('out large').get_content().splitlines(), lines)
        said = self.dialogue(message_id)
        self.assertEqual('BDAT' in said, self.can_chunk, said)

    def test_out_pipelined(self):
        message_id = self.site.submit('ana', self.eva, 'out pipelined', 'all at once')
        self.peer.wait_for('out pipelined')
        said = self.dialogue(message_id)
        talk = said[said.index('C: MAIL'):]
        first = re.search(r'S: 250', talk).start()
        self.assertEqual('C: RCPT' in talk[:first], self.can_pipeline, said)

    def test_out_success_report(self):
        message_id = self.site.submit('ana', self.eva, 'out success', 'tell me', options=('RET=HDRS', 'ENVID=q+2B7'),
                                      rcpt_options=('NOTIFY=SUCCESS,FAILURE', f'ORCPT=rfc822;{self.eva}'))
        report = self.site.wait_for_report('ana', message_id)
        about, block = reports(report)[:2]
        self.assertEqual(block['Action'], 'delivered', report)
        self.assertTrue(block['Status'].startswith('2.'), report)
        self.assertEqual(about['Original-Envelope-Id'], self.envid, report)
        self.assertIn(self.eva, block.get('Original-Recipient', block['Final-Recipient']))

    def test_out_bounce(self):
        message_id = self.site.submit('ana', f'nobody@{self.domain}', 'out bounce', 'hello?')
        report = self.site.wait_for_report('ana', message_id)
        block = reports(report)[1]
        self.assertEqual(block['Action'], 'failed')
        self.assertTrue(block['Status'].startswith('5.'), block)
        self.assertIn(f'nobody@{self.domain}', block['Final-Recipient'])
        self.assertIn(f'mail.{self.domain}', block['Remote-MTA'])

    def test_out_utf8(self):
        client = self.site.submission('ana')
        data, message_id = message('grüße', 'schöne grüße', sender='ana@example.test', to=self.eva)
        client.sendmail('ana@example.test', [self.eva], data, ['SMTPUTF8', 'BODY=8BITMIME'])
        client.quit()
        if self.can_utf8:
            self.assertIn('schöne grüße'.encode(), self.raw_of(self.peer, message_id))
        else:
            report = self.site.wait_for_report('ana', message_id)
            self.assertEqual(reports(report)[1]['Status'], '5.6.7')

    @staticmethod
    def raw_of(peer, words):
        return until(lambda: next((raw for raw in peer.raw_messages() if words.encode() in raw), None), words)

    # ---- from it to Carteiro

    def inject(self, subject, text, to='ana@example.test', options=(), rcpt_options=()):
        data, message_id = message(subject, text, sender=self.eva, to=to)
        self.peer.inject(self.eva, to, data, options, rcpt_options)
        return message_id

    def test_in_with_tls(self):
        self.inject('in with tls', '.a dot\n..two dots\nand the end')
        mail = self.site.wait_for('ana', 'in with tls')
        self.assertIn('ESMTPS', mail['Received'])
        self.assertEqual(mail.get_content().splitlines(), ['.a dot', '..two dots', 'and the end'])
        self.assertEqual(mail['Return-Path'], f'<{self.eva}>')

    def test_in_plain(self):
        """To a server that has no certificate, and so no STARTTLS."""
        message_id = self.inject('in plain', 'no secrets', to='ana@clear.test')
        until(lambda: f'message_id={message_id}' in self.clear.log() and ' with=' in self.clear.log(), 'it is taken')
        self.assertRegex(self.clear.log(), r'(?m) with=E?SMTP$')

    def test_in_large(self):
        lines = [f'{n:06} ' + 'y' * 70 for n in range(30000)]
        self.inject('in large', '\n'.join(lines))
        self.assertEqual(self.site.wait_for('ana', 'in large').get_content().splitlines(), lines)

    def test_in_success_report(self):
        message_id = self.inject('in success', 'tell me', rcpt_options=('NOTIFY=SUCCESS',))
        report = until(lambda: next((mail for mail in self.peer.mails() if message_id in mail.as_string() and
                                     mail.get_content_type() == 'multipart/report'), None),
                       'the far side gets a report of success')
        about, block = reports(report)[:2]
        self.assertEqual(block['Action'], 'delivered', report)
        self.assertIn('mail.example.test', about['Reporting-MTA'])
        self.assertIn(report['Return-Path'], ('<>', None))

    def test_in_bounce(self):
        message_id = self.inject('in bounce', 'hello?', to='nobody@example.test')
        report = until(lambda: next((mail for mail in self.peer.mails() if message_id in mail.as_string()), None),
                       'the far side bounces what we refuse')
        self.assertIn('5.1.1', report.as_string())

    def test_in_utf8(self):
        if not self.can_utf8:
            self.skipTest('it cannot')
        data, message_id = message('grüße', 'schöne grüße', sender=self.eva)
        self.peer.inject(self.eva, 'ana@example.test', data, ('SMTPUTF8', 'BODY=8BITMIME'))
        until(lambda: any(message_id.encode() in raw and 'Subject: grüße'.encode() in raw
                          for raw in self.site.raw_messages('ana')), 'it comes as it was sent')
