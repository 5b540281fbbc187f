# SPDX-License-Identifier: ISC
"""Journey: what a sender may ask for with a mail, from the first server to the last: no way without TLS
(REQUIRETLS, RFC 8689), not before a time (FUTURERELEASE, RFC 4865), not after one (DELIVERBY, RFC 2852)."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labcert import tlsa
from labtest import LabTest
from testsite import main, until


class Wishes(LabTest):
    settings = {'queue': {'retry_first': '200ms', 'retry_max': '500ms'}, 'receive': {'deliver_by_min': '1s'}}

    @classmethod
    def prepare(cls):
        cls.there = cls.lab['example.org']
        cls.lab.dane('example.org')
        cls.plain = cls.far_side('plain.test')
        cert, key = cls.lab.ca.issue(cls.lab.place / 'modest.test', 'mail.modest.test')
        cls.modest = cls.far_side('modest.test', certificate=cert, key=key)
        cls.lab.dns.zone('modest.test').add(f'_{cls.lab.smtp_port}._tcp.mail TLSA {tlsa(cert)}')
        cls.busy = cls.far_side('busy.test', 'rcpt_450')
        cls.busy.extensions = [*cls.busy.extensions, 'DELIVERBY']

    def entry(self, recipient):
        return json.loads(self.here.run('queue', 'list', '--json', '--recipient', recipient))

    # ---- REQUIRETLS

    def test_tls_all_the_way(self):
        message_id = self.here.submit('ana', 'carla@example.org', 'only by TLS', options=['REQUIRETLS'])
        self.there.wait_for('carla', 'only by TLS')
        until(lambda: ' REQUIRETLS' in self.story(message_id), 'the next host is asked for it, too')

    def test_no_tls_no_mail(self):
        message_id = self.here.submit('ana', 'x@plain.test', 'not in clear', 'the secret', options=['REQUIRETLS'])
        (block,) = self.report(message_id, status='5.7.10')
        self.assertIn('x@plain.test', block['Final-Recipient'])
        report = self.here.wait_for_report('ana', message_id)
        self.assertNotIn('the secret', report.as_string(), 'only the header goes back')
        self.assertFalse([talk for talk in self.plain.talks if any('not in clear' in line for line in talk.heard)])
        self.assertFalse([mail for mail in self.plain.mails if b'not in clear' in mail.body])

    def test_it_is_not_offered_in_clear(self):
        client = self.here.smtp()
        client.ehlo()
        self.assertNotIn('requiretls', client.esmtp_features)
        client.quit()

    def test_tls_but_no_promise(self):
        """The next host has TLS and does not know REQUIRETLS."""
        message_id = self.here.submit('ana', 'x@modest.test', 'promised by nobody', options=['REQUIRETLS'])
        self.report(message_id, status='5.7.30')
        self.assertFalse(self.modest.mails)

    # ---- FUTURERELEASE

    def test_not_before(self):
        self.here.submit('ana', 'later@plain.test', 'an hour later', options=['HOLDFOR=3600'])
        (entry,) = self.entry('later@plain.test')
        self.assertGreater(entry['due'], time.time() + 3000)
        self.assertEqual(entry['attempts'], 0)
        self.here.run('queue', 'remove', '--recipient', 'later@plain.test', '--yes')

    def test_after_it_here(self):
        """Users of this server wait as others do."""
        begin = time.time()
        message_id = self.here.submit('ana', 'bruno@example.test', 'a moment later here', options=['HOLDFOR=2'])
        until(lambda: any(message_id.encode() in raw for raw in self.here.raw_messages('bruno')), 'it is there')
        self.assertGreaterEqual(time.time(), int(begin) + 2)

    def test_after_it(self):
        begin = time.time()
        self.here.submit('ana', 'x@plain.test', 'a moment later', options=['HOLDFOR=2'])
        self.plain.wait(lambda: any(b'a moment later' in mail.body for mail in self.plain.mails))
        self.assertGreaterEqual(time.time(), int(begin) + 2)

    # ---- DELIVERBY

    def test_the_time_goes_on_with_the_mail(self):
        message_id = self.here.submit('ana', 'carla@example.org', 'in time', options=['BY=600;R'])
        self.there.wait_for('carla', 'in time')
        until(lambda: ' BY=' in self.story(message_id), 'the story is whole')
        left = int(self.story(message_id).partition(' BY=')[2].partition(';')[0])
        self.assertTrue(0 < left <= 600, left)

    def test_too_late_it_goes_back(self):
        message_id = self.here.submit('ana', 'x@busy.test', 'too late', options=['BY=2;R'])
        self.report(message_id, status='5.4.7')
        self.assertFalse(self.entry('x@busy.test'))

    def test_too_late_it_is_told_and_tried_on(self):
        message_id = self.here.submit('ana', 'y@busy.test', 'late but wanted', options=['BY=2;N'])
        self.report(message_id, action='delayed')
        self.assertTrue(self.entry('y@busy.test'))
        self.here.run('queue', 'bounce', '--recipient', 'y@busy.test', '--yes')

    def test_a_host_that_does_not_know_it_gets_no_mail_that_must_go_back(self):
        """RFC 2852 4.1.4.2."""
        message_id = self.here.submit('ana', 'z@plain.test', 'it would not know', options=['BY=600;R'])
        self.report(message_id)
        self.assertFalse([mail for mail in self.plain.mails if b'it would not know' in mail.body])


if __name__ == '__main__':
    main()
