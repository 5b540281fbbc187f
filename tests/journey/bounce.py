# SPDX-License-Identifier: ISC
"""Journey: what cannot be delivered comes back to its sender with the reason, once, and never to
nobody (doc/journey; RFC 3464, 3461)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labdns import BROKEN
from labtest import LabTest
from testsite import main, message, until


class Bounce(LabTest):
    @classmethod
    def prepare(cls):
        cls.lab.dns.zone('null.test').add('@ MX 0 .')
        cls.lab.dns.zone('nothing.test')
        cls.lab.dns.zone('lost.test').add('@ MX 10 gone')
        cls.rude = cls.far_side('rude.test', 'dot_554')
        cls.lab.host('ours.test', cls.here.host)  # its MX is we ourselves, who do not know it
        cls.lab.dns.zone('ours.test').remove('MX').add('@ MX 10 mail.example.test.')

    def test_wrong_address(self):
        message_id = self.here.submit('ana', 'nobody@example.org', 'wrong address')
        (block,) = self.report(message_id, status='5.1.1')
        self.assertEqual(block['Final-Recipient'], 'rfc822; nobody@example.org')
        self.assertEqual(block['Remote-MTA'], 'dns; mail.example.org')
        self.assertTrue(block['Diagnostic-Code'].startswith('smtp; 550 5.1.1'))

    def test_null_mx(self):
        self.report(self.here.submit('ana', 'x@null.test', 'null mx'), status='5.1.10')

    def test_no_such_domain(self):
        self.report(self.here.submit('ana', 'x@nowhere.test', 'no domain'), status='5.1.2')

    def test_a_domain_without_mail(self):
        (block,) = self.report(self.here.submit('ana', 'x@nothing.test', 'no mail there'))
        self.assertIn(block['Status'], ('5.1.2', '5.4.4'))

    def test_an_mx_without_address(self):
        self.report(self.here.submit('ana', 'x@lost.test', 'no host'), status='5.4.4')

    def test_an_mx_that_is_ourselves(self):
        self.report(self.here.submit('ana', 'x@ours.test', 'to ourselves'), status='5.4.6')

    def test_refused_after_the_dot(self):
        (block,) = self.report(self.here.submit('ana', 'x@rude.test', 'after the dot'), status='5.6.0')
        self.assertIn('554 5.6.0', block['Diagnostic-Code'])

    def test_one_of_three(self):
        message_id = self.here.submit('ana', ['carla@example.org', 'nowhere@example.org', 'bruno@example.org'],
                                      'one of three')
        (block,) = self.report(message_id, status='5.1.1')
        self.assertIn('nowhere@example.org', block['Final-Recipient'])
        for user in ('carla', 'bruno'):
            self.lab['example.org'].wait_for(user, 'one of three')

    def test_notify_never_is_silent(self):
        never = self.here.submit('ana', 'never@example.org', 'never', rcpt_options=['NOTIFY=NEVER'])
        last = self.here.submit('ana', 'last@example.org', 'the last one')
        self.report(last)
        self.queue_is_empty()
        self.assertFalse([mail for mail in self.here.mails('ana') if never in mail.as_string()])

    def test_a_report_about_a_report_does_not_exist(self):
        """The null sender has nobody who could get it: RFC 5321 4.5.5."""
        data, message_id = message('from nobody', 'a report', sender='ana@example.test', to='empty@example.org')
        client = self.here.submission('ana')
        client.sendmail('', ['empty@example.org'], data)
        client.quit()
        until(lambda: 'never' in self.story(message_id), 'it is refused')
        self.queue_is_empty()
        for user in ('ana', 'bruno', 'carla'):
            self.assertFalse([mail for mail in self.here.mails(user) if message_id in mail.as_string()])


class Success(LabTest):
    """RFC 3461 over a chain of servers that all know it."""

    def test_it_was_delivered(self):
        message_id = self.here.submit('ana', 'carla@example.org', 'tell me', options=['ENVID=q1'],
                                      rcpt_options=['NOTIFY=SUCCESS', 'ORCPT=rfc822;carla+2Bx@example.org'])
        (block,) = self.report(message_id, action='delivered')
        self.assertEqual(block['Final-Recipient'], 'rfc822; carla@example.org')
        self.assertEqual(block['Original-Recipient'], 'rfc822; carla+x@example.org')

    def report(self, message_id, action='failed', status=None, site=None, user='ana'):
        """Made by the last server, so it names that one."""
        report = self.here.wait_for_report(user, message_id)
        about, *recipients = report.get_payload()[1].get_payload()
        self.assertEqual(about['Reporting-MTA'], 'dns; mail.example.org')
        self.assertEqual(about['Original-Envelope-Id'], 'q1')
        self.assertEqual([block['Action'] for block in recipients], [action])
        return recipients


class Patience(LabTest):
    """What stays impossible is told after a while, and ends."""
    settings = {'queue': {'delay_warning': '1s', 'lifetime': '4s', 'retry_first': '300ms', 'retry_max': '500ms'}}

    @classmethod
    def prepare(cls):
        cls.busy = cls.far_side('busy.test', 'rcpt_450')
        cls.lab.dns.zone('broken.test').add('@ MX 10 mail').state = BROKEN

    def test_delayed_then_failed(self):
        message_id = self.here.submit('ana', 'x@busy.test', 'patience')
        found = self.all_reports(message_id, 2)
        first, last = (mail.get_payload()[1].get_payload()[1] for mail in found)
        self.assertEqual((first['Action'], last['Action']), ('delayed', 'failed'))
        self.assertIn('Will-Retry-Until', first)
        self.assertIn('450', last['Diagnostic-Code'])
        self.assertTrue(last['Status'].startswith('4.') or last['Status'] == '5.4.7', last['Status'])

    def test_a_name_server_that_fails_is_no_refusal(self):
        found = self.all_reports(self.here.submit('ana', 'x@broken.test', 'servfail'), 2)
        self.assertEqual([mail.get_payload()[1].get_payload()[1]['Action'] for mail in found],
                         ['delayed', 'failed'])

    def all_reports(self, message_id, count):
        """In the order in which they came."""
        def find():
            found = [mail for mail in self.here.mails('ana') if message_id in mail.as_string()]
            return found if len(found) >= count else None

        found = until(find, f'{count} reports about {message_id}')
        self.queue_is_empty()
        self.assertEqual(len(found), count)
        return found


if __name__ == '__main__':
    main()
