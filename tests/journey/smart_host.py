# SPDX-License-Identifier: ISC
"""Journey: mail by the ways that an administrator chose: smart hosts that want a password, fixed
servers, another server's LMTP port (src/route/transport.h)."""
import base64
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from farside import FarSide
from labdns import free_port
from labtest import LabTest
from testsite import PASSWORD, main, until

WRONG = 'quatro tigres alegres'


class SmartHost(LabTest):
    """example.test hands all its mail to smart.test, which brings it to example.org."""
    domains = ('example.test', 'smart.test', 'example.org')

    @classmethod
    def prepare(cls):
        cls.smart = cls.lab['smart.test']
        ports = [free_port(cls.smart.host) for _ in range(2)]
        cls.smart.set('listen', submission=ports[0], submissions=ports[1])
        cls.smart.set('receive', sender_check='no', login_failures=100)
        cls.fixed = cls.far_side('elsewhere.test', name='fixed')  # elsewhere.test, but not its MX below
        cls.lab.dns.zone('elsewhere.test').remove(' MX ')
        cls.passwords = cls.here.place / 'passwords'
        cls.write_passwords()
        cls.here.set('queue', mails_per_connection=1, authorities=f'"{cls.lab.ca.cert}"')
        cls.here.set('route', transport_passwords=f'"{cls.passwords}"', transports='{' + ', '.join(f'"{line}"' for line in (
            f'wrong.test submission://carla@smart.test@mail.smart.test:{ports[0]}',
            f'other-name.test submission://ana@smart.test@alias.smart.test:{ports[0]}',
            'fixed.test smtp://fixed.elsewhere.test',
            'no.test error:5.7.1 we do not write to them',
            'later.test error:4.7.1 not this week',
            f'from:bruno@example.test submissions://bruno@smart.test@mail.smart.test:{ports[1]}',
            f'* submission://ana@smart.test@mail.smart.test:{ports[0]}')) + '}')
        cls.lab.dns.zone('smart.test').add(f'alias A {cls.smart.host}')

    @classmethod
    def write_passwords(cls, carla=WRONG):
        cls.passwords.write_text(f'ana@smart.test@mail.smart.test {PASSWORD}\n'
                                 f'bruno@smart.test@mail.smart.test {PASSWORD}\n'
                                 f'ana@smart.test@alias.smart.test {PASSWORD}\n'
                                 f'carla@smart.test@mail.smart.test {carla}\n')
        cls.passwords.chmod(0o600)

    def signed_in(self, message_id):
        """Who handed that mail in at the smart host, by its story there."""
        told = until(lambda: self.story(message_id, self.smart) if message_id in self.smart.log() else None,
                     'the smart host has it')
        return told.partition(' user=')[2].split()[0]

    def test_for_everybody(self):
        message_id = self.here.submit('ana', 'carla@example.org', 'by the smart host')
        mail = self.lab['example.org'].wait_for('carla', 'by the smart host')
        hops = mail.get_all('Received')
        self.assertEqual(len(hops), 3)
        self.assertIn('by mail.smart.test with ESMTPSA', hops[1])
        self.assertEqual(mail['Return-Path'], '<ana@example.test>')
        self.assertEqual(self.signed_in(message_id), 'ana@smart.test')

    def test_by_the_sender(self):
        message_id = self.here.submit('bruno', 'carla@example.org', 'by the way of bruno')
        self.lab['example.org'].wait_for('carla', 'by the way of bruno')
        self.assertEqual(self.signed_in(message_id), 'bruno@smart.test')

    def test_no_password_is_told(self):
        """Neither the right nor the wrong one, in no form, by nobody."""
        message_id = self.here.submit('ana', 'carla@example.org', 'no secrets')
        self.lab['example.org'].wait_for('carla', 'no secrets')
        until(lambda: 'C: AUTH' in self.story(message_id), 'the story is whole')
        self.has_no_secret(self.story(message_id), self.here.log(), self.smart.log())

    def test_a_bounce_of_the_smart_host_comes_back(self):
        message_id = self.here.submit('ana', 'nobody@example.org', 'bounced by the smart host')
        report = self.here.wait_for_report('ana', message_id)
        self.assertEqual(report.get_payload()[1].get_payload()[0]['Reporting-MTA'], 'dns; mail.smart.test')

    def test_a_wrong_password_waits_for_the_right_one(self):
        message_id = self.here.submit('ana', 'x@wrong.test', 'wrong password')
        (entry,) = until(lambda: [e for e in self.entries('x@wrong.test') if e['attempts'] > 0], 'an attempt fails')
        shown = self.here.run('queue', 'show', entry['mail'])
        self.assertIn('user or password is wrong', shown)
        self.assertIn('carla@smart.test', shown, 'it says whose password is wrong')
        told = self.story(message_id)
        self.assertIn('later', told)
        self.assertNotIn('never', told)
        self.has_no_secret(shown, told, self.here.log(), self.smart.log())
        self.write_passwords(carla=PASSWORD)
        self.here.run('queue', 'retry', '--all')
        self.assertEqual(self.signed_in(message_id), 'carla@smart.test')

    def test_a_smart_host_under_another_name_gets_no_password(self):
        """Its certificate is not one for alias.smart.test."""
        message_id = self.here.submit('ana', 'x@other-name.test', 'another name')
        until(lambda: 'later' in self.story(message_id), 'the attempt fails')
        self.assertNotIn('C: AUTH', self.story(message_id))
        self.assertNotIn(message_id, self.smart.log())
        self.here.run('queue', 'bounce', '--recipient', 'other-name.test', '--yes')
        self.report(message_id)

    def test_a_fixed_server(self):
        self.here.submit('ana', 'x@fixed.test', 'to the fixed server')
        self.fixed.wait(lambda: self.fixed.mails)
        self.assertIn(b'to the fixed server', self.fixed.mails[0].body)
        self.assertEqual(self.fixed.mails[0].recipients, ['<x@fixed.test>'])

    def test_nowhere(self):
        client = self.here.submission('ana')
        client.mail('ana@example.test')
        code, text = client.rcpt('x@no.test')
        self.assertEqual((code, text), (550, b'5.7.1 we do not write to them'))
        self.assertEqual(client.rcpt('x@later.test')[0] // 100, 4)
        client.quit()

    def entries(self, recipient):
        return json.loads(self.here.run('queue', 'list', '--json', '--recipient', recipient))

    def has_no_secret(self, *texts):
        for text in texts:
            for secret in (PASSWORD, WRONG):
                self.assertNotIn(secret, text)
                for user in 'ana', 'bruno', 'carla':
                    for login in f'\0{user}@smart.test\0{secret}', secret:
                        self.assertNotIn(base64.b64encode(login.encode()).decode(), text)


class Lmtp(LabTest):
    """A server in front, and behind it one that keeps the mailboxes of its domain."""
    domains = ('example.test', 'example.org')

    @classmethod
    def prepare(cls):
        cls.back = cls.lab['example.org']
        port = free_port(cls.back.host)
        cls.back.set('listen', lmtp=f'"{cls.back.host}:{port}"')
        cls.there = FarSide(str(cls.lab.address()), 0, lmtp=True, behaviour='rcpt_550_nobody')
        cls.unix = cls.here.place / 'lmtp'
        cls.far.append(cls.there)
        cls.here.set('route', transports=f'{{"example.org lmtp://{cls.back.host}:{port}", '
                                         f'"far.test lmtp://{cls.there.address}:{cls.there.port}"}}')

    def test_to_a_port(self):
        self.here.submit('ana', ['carla@example.org', 'bruno@example.org'], 'by LMTP')
        for user in 'carla', 'bruno':
            mail = self.back.wait_for(user, 'by LMTP')
            self.assertIn('with LMTP', mail.get_all('Received')[0])

    def test_each_recipient_has_an_outcome(self):
        message_id = self.here.submit('ana', ['ana@example.org', 'nobody@example.org'], 'one of them')
        (block,) = self.report(message_id, status='5.1.1')
        self.assertIn('nobody@example.org', block['Final-Recipient'])
        self.back.wait_for('ana', 'one of them')

    def test_outcomes_after_the_dot(self):
        """One answer per recipient: RFC 2033 4.2."""
        answers = iter(['250 2.0.0 kept\r\n', '552 5.2.2 full\r\n', '250 2.0.0 kept\r\n'])
        self.there.behave({'dot': lambda talk: talk.say(next(answers))})
        message_id = self.here.submit('ana', ['a@far.test', 'b@far.test', 'c@far.test'], 'three answers')
        (block,) = self.report(message_id, status='5.2.2')
        self.assertIn('b@far.test', block['Final-Recipient'])
        self.queue_is_empty()
        self.assertEqual(len(self.there.mails), 1)


class LmtpBySocket(LabTest):
    @classmethod
    def prepare(cls):
        cls.back = cls.lab['example.org']
        cls.socket = cls.back.place / 'lmtp'
        cls.back.set('listen', lmtp=f'"{cls.socket}"')
        cls.here.set('route', transports=f'{{"example.org lmtp://{cls.socket}", "gone.test lmtp:///nowhere/lmtp"}}')

    def test_to_a_socket(self):
        self.here.submit('ana', ['carla@example.org'], 'by a socket')
        self.assertIn('with LMTP', self.back.wait_for('carla', 'by a socket').get_all('Received')[0])

    def test_a_socket_that_is_not_there(self):
        message_id = self.here.submit('ana', 'x@gone.test', 'no socket')
        until(lambda: 'later' in self.story(message_id), 'it waits')
        self.assertIn('/nowhere/lmtp', self.story(message_id))
        self.here.run('queue', 'remove', '--recipient', 'gone.test', '--yes')


if __name__ == '__main__':
    main()
