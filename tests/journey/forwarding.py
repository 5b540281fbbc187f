# SPDX-License-Identifier: ISC
"""Journey: mail that an alias or a list passes on to other hosts, and how what goes wrong there finds
who must know it: the stranger who wrote, the owner of the list (doc/journey/bounce.md). Addresses that
do not exist are not tried again."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest, blocks
from testsite import main, message, until


class Forwarding(LabTest):
    """ana@example.org, a stranger here, writes to addresses at example.test that lead on to others."""
    domains = ('example.test', 'example.org', 'example.net')

    @classmethod
    def prepare(cls):
        cls.there = cls.lab['example.org']
        for name, target in (('away', 'carla@example.net'), ('lost', 'nobody@example.net'), ('later', 'x@third.test'),
                             ('round', 'robin@example.test'), ('robin', 'round@example.test')):
            cls.here.run('alias', 'add', f'{name}@example.test', target)
        cls.third = cls.far_side('third.test')

    def test_it_arrives_under_our_name(self):
        self.there.submit('ana', 'away@example.test', 'passed on')
        mail = self.lab['example.net'].wait_for('carla', 'passed on')
        self.assertEqual(mail['From'].addresses[0].addr_spec, 'ana@example.org')
        self.assertTrue(mail['Return-Path'].startswith('<SRS0='), mail['Return-Path'])
        self.assertTrue(mail['Return-Path'].endswith('@example.test>'), mail['Return-Path'])

    def test_the_stranger_hears_that_it_was_refused(self):
        message_id = self.there.submit('ana', 'lost@example.test', 'refused far away')
        report = self.there.wait_for_report('ana', message_id)
        about, block = blocks(report)
        self.assertEqual((about['Reporting-MTA'], block['Action'], block['Status']),
                         ('dns; mail.example.test', 'failed', '5.1.1'))
        for site in self.lab.sites.values():
            self.queue_is_empty(site)

    def test_a_report_of_the_third_host_finds_the_stranger(self):
        """It took the mail and thought otherwise: it writes to the return path."""
        message_id = self.there.submit('ana', 'later@example.test', 'taken, then not')
        self.third.wait(lambda: self.third.mails)
        path = self.third.mails[0].sender.split()[0].strip('<>')
        data, _ = message('it could not be delivered', f'about {message_id}', sender='postmaster@third.test', to=path)
        client = self.here.smtp()
        client.ehlo()
        self.assertEqual(client.mail('ana@third.test')[0], 250)
        self.assertEqual(client.rcpt(path)[0], 550, 'nobody but a report may use it')
        client.rset()
        client.mail('')
        forged = path.replace('ana@', 'eva@').replace('=ana', '=eva')
        self.assertNotEqual(forged, path)
        self.assertEqual(client.rcpt(forged)[0], 550, 'nobody but we can make one')
        self.assertEqual(client.rcpt(path)[0], 250)
        client.data(data)
        client.quit()
        mail = self.there.wait_for_report('ana', message_id)
        self.assertEqual(mail['Return-Path'], '<>')

    def test_an_alias_that_leads_to_itself(self):
        for client in self.here.smtp(), self.here.submission('bruno'):
            client.ehlo_or_helo_if_needed()
            client.mail('bruno@example.test')
            code, text = client.rcpt('round@example.test')
            self.assertEqual((code, text[:5]), (550, b'5.4.6'))
            client.quit()


class Lists(LabTest):
    domains = ('example.test', 'example.org')

    @classmethod
    def prepare(cls):
        cls.there = cls.lab['example.org']
        cls.here.run('list', 'add', 'friends@example.test', 'ana@example.test', 'nobody@example.org', 'carla@example.org',
                     '--owner', 'bruno@example.test')

    def test_the_owner_hears_of_it_and_it_is_left_out_then(self):
        message_id = self.there.submit('ana', 'friends@example.test', 'first to all')
        self.here.wait_for('ana', 'first to all')
        self.there.wait_for('carla', 'first to all')
        _, block = blocks(self.here.wait_for_report('bruno', message_id))
        self.assertEqual((block['Action'], block['Status'], block['Final-Recipient']),
                         ('failed', '5.1.1', 'rfc822; nobody@example.org'))
        self.queue_is_empty()
        self.assertFalse([mail for mail in self.there.mails('ana') if message_id in mail.as_string()],
                         'the author is not bothered')
        message_id = self.there.submit('ana', 'friends@example.test', 'second to all')
        self.there.wait_for('carla', 'second to all')
        self.queue_is_empty()
        self.assertNotIn('nobody@example.org', self.story(message_id))
        self.assertEqual(len([mail for mail in self.here.mails('bruno') if mail['Return-Path'] == '<>']), 1)


class Suppressed(LabTest):
    def rcpt(self, address):
        client = self.here.submission('ana')
        client.mail('ana@example.test')
        answer = client.rcpt(address)
        client.quit()
        return answer

    def test_what_does_not_exist_is_tried_once(self):
        self.assertIn('No', self.here.run('suppress', 'list'))
        self.report(self.here.submit('ana', 'wrong@example.org', 'nobody there'))
        self.assertIn('wrong@example.org', self.here.run('suppress', 'list'))
        self.here.restart()
        code, text = self.rcpt('Wrong@Example.ORG')
        self.assertEqual((code, text[:5]), (550, b'5.1.1'))
        self.assertIn(b'carteiro suppress remove', text)
        self.assertEqual(self.rcpt('carla@example.org')[0], 250)

        self.lab['example.org'].run('alias', 'add', 'wrong@example.org', 'carla@example.org')
        self.here.run('suppress', 'remove', 'wrong@example.org')
        self.here.submit('ana', 'wrong@example.org', 'now there is')
        self.lab['example.org'].wait_for('carla', 'now there is')

    def test_a_refusal_of_this_mail_is_none_of_the_address(self):
        far = self.rude
        self.report(self.here.submit('ana', 'x@rude.test', 'not this one'), status='5.6.0')
        self.assertNotIn('x@rude.test', self.here.run('suppress', 'list'))
        far.behave('well')
        self.here.submit('ana', 'x@rude.test', 'but this one')
        far.wait(lambda: any(b'but this one' in mail.body for mail in far.mails))

    @classmethod
    def prepare(cls):
        cls.rude = cls.far_side('rude.test', 'dot_554')


if __name__ == '__main__':
    main()
