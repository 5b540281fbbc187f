# SPDX-License-Identifier: ISC
"""Journey: a mail from another host comes to rest, and its reader finds it (doc/journey)."""
import pathlib
import re
import smtplib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, SiteTest, Talk, expect, main, message


class RemoteToLocal(SiteTest):
    settings = {'': {'log_level': '"debug"'}}

    def test_one_mail_comes_to_rest_whole(self):
        data, message_id = message('A letter', 'one\n.two\n..\n\nthree ' + 'x' * 900)
        client = self.site.smtp()
        client.sendmail('ze@elsewhere.test', [f'ana@{DOMAIN}'], data)
        client.quit()
        box = self.site.imap('ana')
        (uid,) = expect(box.uid('SEARCH', 'HEADER', 'Message-ID', message_id))[0].split()
        raw = expect(box.uid('FETCH', uid, '(BODY.PEEK[])'))[0][1]
        box.logout()
        self.assertTrue(raw.endswith(data), 'the message is not the one that was sent')
        head = raw[:-len(data)].decode()
        self.assertTrue(head.startswith('Return-Path: <ze@elsewhere.test>\r\n'), head)
        self.assertIn('Received: from elsewhere.test', head)
        self.assertTrue(head.endswith('\r\n') and '\r\n\r\n' not in head, head)

    def test_the_log_tells_the_rooms_in_order(self):
        """Each room tells what it decided, once, in the order of the decisions, under one id; and
        `taken` (250 was said) comes after `kept` (it is on disk)."""
        message_id = self.site.deliver('ana')
        self.site.stop()  # the log is complete then
        told = self.site.log()
        self.site.start()
        mail_id = re.search(rf'queue/accept kept id=(\w+) .*message_id={message_id}', told).group(1)
        # from the gate on that it came through: the log is written a moment later, so lines of others are near
        told = told[told.rindex('listen/gate admitted', 0, told.index(f'route/recipient local id={mail_id}')) - 1:]
        steps = ['listen/gate admitted', f'route/recipient local id={mail_id}', f'queue/accept kept id={mail_id}',
                 f'deliver/mailbox filed id={mail_id}', 'receive/data taken']
        places = [told.find(f' {step}') for step in steps]
        self.assertNotIn(-1, places, (steps, told))
        self.assertEqual(places, sorted(places), told)
        self.assertRegex(told, rf'receive/data taken .*id={mail_id} ')

    def test_several_recipients_share_one_mail(self):
        data, message_id = message('To both', 'the same for two')
        client = self.site.smtp()
        self.assertEqual(client.sendmail('ze@elsewhere.test',
                                         [f'ana@{DOMAIN}', f'bruno@{DOMAIN}'], data), {})
        client.quit()
        for user in ('ana', 'bruno'):
            box = self.site.imap(user)
            found = expect(box.search(None, 'HEADER', 'Message-ID', message_id))[0].split()
            box.logout()
            self.assertEqual(len(found), 1, user)

    def test_what_is_not_ours_is_refused(self):
        client = self.site.smtp()
        client.ehlo()
        self.assertEqual(client.mail('ze@elsewhere.test')[0], 250)
        for address, code in ((f'nobody@{DOMAIN}', 550), ('ze@elsewhere.test', 550),
                              (f'ana%elsewhere.test@{DOMAIN}', 550),
                              (f'"ana@elsewhere.test"@{DOMAIN}', 550),
                              ('ana@[192.0.2.1]', 550), ('nobody@[127.0.0.1]', 550)):
            got = client.rcpt(address)
            self.assertEqual(got[0], code, (address, got))
        self.assertEqual(client.rcpt(f'ana@{DOMAIN}')[0], 250)
        self.assertEqual(client.rcpt('ana@[127.0.0.1]')[0], 250)  # RFC 5321 4.5.1: where we listen
        client.quit()

    def test_some_recipients_refused_others_served(self):
        data, message_id = message('Half', 'for one of two')
        client = self.site.smtp()
        refused = client.sendmail('ze@elsewhere.test', [f'nobody@{DOMAIN}', f'bruno@{DOMAIN}'], data)
        client.quit()
        self.assertEqual(list(refused), [f'nobody@{DOMAIN}'])
        box = self.site.imap('bruno')
        self.assertTrue(expect(box.search(None, 'HEADER', 'Message-ID', message_id))[0])
        box.logout()

    def test_postmaster_and_upper_case_and_detail(self):
        for to in (f'POSTMASTER@{DOMAIN}', f'Ana@{DOMAIN.upper()}', f'ana+news@{DOMAIN}', 'postmaster'):
            before = self.site.count('ana')
            data, _ = message('Many names', to)
            client = self.site.smtp()
            client.ehlo()
            self.assertEqual(client.mail('ze@elsewhere.test')[0], 250)
            self.assertEqual(client.rcpt(to)[0], 250, to)
            self.assertEqual(client.data(data)[0], 250)
            client.quit()
            self.assertEqual(self.site.count('ana'), before + 1, to)

    def test_null_sender_and_8bit_and_chunking(self):
        with Talk(self.site, 'SMTP') as talk:
            self.assertEqual(talk.reply()[0], '220')
            talk.send('EHLO elsewhere.test\r\n')
            code, lines = talk.reply()
            self.assertEqual(code, '250')
            offered = {line[4:].split()[0] for line in lines[1:]}
            self.assertLessEqual({'PIPELINING', 'SIZE', '8BITMIME', 'SMTPUTF8', 'STARTTLS', 'CHUNKING',
                                  'ENHANCEDSTATUSCODES'}, offered)
            self.assertNotIn('AUTH', offered)
            self.assertEqual(talk.ask('MAIL FROM:<> BODY=8BITMIME'), '250')
            self.assertEqual(talk.ask(f'RCPT TO:<ana@{DOMAIN}>'), '250')
            body = 'Subject: chunks\r\n\r\nolá, mundo\r\n.\r\nstill here\r\n'.encode()
            talk.send(b'BDAT 20\r\n' + body[:20])
            self.assertEqual(talk.reply()[0], '250')
            talk.send(b'BDAT %d LAST\r\n' % len(body[20:]) + body[20:])
            self.assertEqual(talk.reply()[0], '250')
            self.assertEqual(talk.ask('QUIT'), '221')
        raw = self.site.raw_messages('ana')[-1]
        self.assertTrue(raw.endswith(body))
        self.assertTrue(raw.startswith(b'Return-Path: <>\r\n'))

    def test_a_mail_survives_a_restart(self):
        message_id = self.site.deliver('bruno', 'before the restart')
        self.site.restart()
        self.assertTrue(any(message_id.encode() in raw for raw in self.site.raw_messages('bruno')))

    def test_starttls_between_servers(self):
        data, message_id = message('Private', 'over TLS from server to server')
        client = self.site.smtp()
        client._host = DOMAIN
        client.starttls(context=self.site.tls())
        client.sendmail('ze@elsewhere.test', [f'ana@{DOMAIN}'], data)
        client.quit()
        raw = [raw for raw in self.site.raw_messages('ana') if message_id.encode() in raw]
        self.assertEqual(len(raw), 1)
        self.assertIn(b'with ESMTPS', raw[0].replace(b'\r\n\t', b' ').replace(b'\r\n ', b' '))

    def test_loop_of_received_lines_is_stopped(self):
        data, _ = message('Round and round', 'x')
        client = self.site.smtp()
        client.ehlo()
        client.mail('ze@elsewhere.test')
        client.rcpt(f'ana@{DOMAIN}')
        code, words = client.data(b'Received: from a by b; Fri, 1 Jan 2021 00:00:00 +0000\r\n' * 150 + data)
        client.quit()
        self.assertEqual(code // 100, 5, words)

    def test_the_session_goes_on_after_errors(self):
        client = self.site.smtp()
        client.ehlo()
        for line, code in (('RCPT TO:<x>', 503), ('DATA', 503), ('MAIL FROM:<a b>', 501), ('XYZZY', 500),
                           ('MAIL FROM:<ze@elsewhere.test> SIZE=999999999999', 552)):
            self.assertEqual(client.docmd(line)[0], code, line)
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            client.sendmail('ze@elsewhere.test', [f'nobody@{DOMAIN}'], b'x')
        client.sendmail('ze@elsewhere.test', [f'ana@{DOMAIN}'], message('After errors', 'y')[0])
        client.quit()


if __name__ == '__main__':
    main()
