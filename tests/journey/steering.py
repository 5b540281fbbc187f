# SPDX-License-Identifier: ISC
"""Journey: mail that waits, and what ends its waiting: the administrator, a host that comes back and asks
for its mail (ETRN, RFC 1985), room in a mailbox, or the end of its time."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest
from testsite import expect, main, until


class Steering(LabTest):
    """Without help the next attempt is an hour away."""
    settings = {'queue': {'retry_first': '1h', 'retry_max': '4h'}}

    @classmethod
    def prepare(cls):
        cls.away = cls.far_side('away.test', 'greet_421')
        cls.full = cls.far_side('full.test', 'rcpt_450')

    def waits(self, recipient, subject):
        message_id = self.here.submit('ana', recipient, subject)
        until(lambda: 'later' in self.story(message_id), 'an attempt came to nothing')
        return message_id

    def has(self, far, subject):
        return sum(subject.encode() in mail.body for mail in far.mails)

    def queue(self, deed, recipient, *more):
        return self.here.run('queue', deed, '--recipient', recipient, *more)

    def test_a_host_that_was_away_asks(self):
        self.waits('x@away.test', 'asked for')
        self.away.behave('well')
        stranger = self.here.smtp()
        stranger.ehlo()
        self.assertEqual(stranger.docmd('ETRN', 'away.test')[0], 459)
        stranger.quit()
        client = self.here.submission('ana')
        self.assertEqual(client.docmd('ETRN', 'away.test')[0], 250)
        client.quit()
        self.away.wait(lambda: self.has(self.away, 'asked for'))
        self.assertEqual(self.has(self.away, 'asked for'), 1)

    def test_hold_and_release(self):
        self.waits('held@full.test', 'held and let go')
        self.assertIn('1 entry', self.queue('hold', 'held@full.test'))
        self.full.behave('well')
        self.here.restart()
        self.here.run('queue', 'retry', '--all')
        self.here.submit('ana', 'other@full.test', 'passes by')
        self.full.wait(lambda: self.has(self.full, 'passes by'))
        self.assertFalse(self.has(self.full, 'held and let go'))
        self.queue('release', 'held@full.test')
        self.full.wait(lambda: self.has(self.full, 'held and let go'))
        self.full.behave('rcpt_450')

    def test_given_up(self):
        message_id = self.waits('back@full.test', 'given up')
        self.queue('bounce', 'back@full.test', '--yes')
        (block,) = self.report(message_id)
        self.assertIn('back@full.test', block['Final-Recipient'])

    def test_removed(self):
        message_id = self.waits('gone@full.test', 'removed')
        self.queue('remove', 'gone@full.test', '--yes')
        self.assertIn('Nothing', self.queue('list', 'gone@full.test'))
        last = self.waits('last@full.test', 'and this comes back')
        self.queue('bounce', 'last@full.test', '--yes')
        self.report(last)
        self.assertFalse([mail for mail in self.here.mails('ana') if message_id in mail.as_string()])


class Quota(LabTest):
    """Carla's mailbox at the other host takes one mail."""
    settings = {'queue': {'retry_first': '200ms', 'retry_max': '500ms', 'lifetime': '1h'}}

    @classmethod
    def prepare(cls):
        cls.there = cls.lab['example.org']
        for user in 'carla', 'bruno':
            cls.there.run('account', 'set', f'{user}@example.org', '--quota-messages', '1')

    def test_room_is_made(self):
        self.here.submit('ana', 'bruno@example.org', 'the first')
        self.there.wait_for('bruno', 'the first')
        message_id = self.here.submit('ana', 'bruno@example.org', 'the second')
        until(lambda: 'later' in self.story(message_id), 'the mailbox is full')
        self.assertIn('452', self.story(message_id))
        box = self.there.imap('bruno')
        expect(box.store('1:*', '+FLAGS', '(\\Deleted)'))
        expect(box.expunge())
        box.logout()
        self.there.wait_for('bruno', 'the second')
        self.queue_is_empty()
        self.assertEqual(self.there.count('bruno'), 1)


class QuotaEnd(Quota):
    settings = {'queue': {'retry_first': '200ms', 'retry_max': '500ms', 'lifetime': '3s', 'delay_warning': '0s'}}

    def test_room_is_made(self):
        """It is not."""
        self.here.submit('ana', 'carla@example.org', 'the first')
        self.there.wait_for('carla', 'the first')
        message_id = self.here.submit('ana', 'carla@example.org', 'the second')
        (block,) = self.report(message_id)
        self.assertIn(block['Status'], ('4.2.2', '5.2.2', '5.4.7', '4.4.7'))
        self.assertIn('452', block['Diagnostic-Code'])
        self.assertEqual(self.there.count('carla'), 1)


if __name__ == '__main__':
    main()
