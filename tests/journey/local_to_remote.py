# SPDX-License-Identifier: ISC
"""Journey: a user's mail goes to another domain by its MX, and is read there (doc/journey)."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest
from testsite import main, message, until


class LocalToRemote(LabTest):
    @classmethod
    def prepare(cls):
        cls.dead = cls.lab.address()
        cls.lab.host('two.test', cls.dead, 5, 'dead')  # nobody listens there
        cls.second = cls.far_side('two.test', preference=20, name='second')
        cls.third = cls.far_side('two.test', preference=30, name='third')
        cls.grey = cls.far_side('grey.test', 'rcpt_450')
        cls.lab.dns.zone('implicit.test').add(f'@ A {cls.second.address}')
        cls.old = cls.far_side('old.test')
        cls.old.extensions = []

    def test_whole_and_once(self):
        text = '.a dot\n..two dots\n\nthree ' + 'x' * 900
        self.here.submit('ana', 'carla@example.org', 'whole and once', text)
        mail = self.lab['example.org'].wait_for('carla', 'whole and once')
        self.assertEqual(mail.get_content().splitlines(), text.splitlines())
        self.assertEqual(mail['Return-Path'], '<ana@example.test>')
        hops = mail.get_all('Received')
        self.assertEqual(len(hops), 2)
        self.assertIn('by mail.example.org with ESMTPS', hops[0])
        self.assertIn(f'from mail.example.test ([{self.here.host}])', hops[0])
        self.assertIn('by mail.example.test with ESMTPSA', hops[1])
        found = [mail for mail in self.lab['example.org'].mails('carla') if mail['Subject'] == 'whole and once']
        self.assertEqual(len(found), 1)

    def test_its_story_names_the_rooms_in_order(self):
        message_id = self.here.submit('ana', 'carla@example.org', 'a story')
        self.lab['example.org'].wait_for('carla', 'a story')
        until(lambda: 'dialogue' in self.story(message_id), 'the story is whole')
        told = self.story(message_id)
        rooms = re.findall(r'(?m)^ +[\d.]+ +(\w+)/', told)
        self.assertEqual([room for n, room in enumerate(rooms) if room not in rooms[:n]][:2], ['route', 'queue'])
        for words in ('MX 10 mail.example.org', 'signed', 'C: STARTTLS', 'C: RCPT TO:<carla@example.org>'):
            self.assertIn(words, told)
        self.assertNotIn('the postman works', told)

    def test_local_and_remote_recipients_of_one_mail(self):
        self.here.submit('ana', ['bruno@example.test', 'carla@example.org', 'bruno@example.org'], 'to three')
        for site, user in ((self.here, 'bruno'), (self.lab['example.org'], 'carla'),
                           (self.lab['example.org'], 'bruno')):
            site.wait_for(user, 'to three')

    def test_a_dead_mx_is_passed_over(self):
        self.here.submit('ana', 'x@two.test', 'to the second')
        self.second.wait(lambda: self.has(self.second, 'to the second'))
        self.assertFalse(self.has(self.third, 'to the second'))

    def test_an_address_without_mx(self):
        self.here.submit('ana', 'x@implicit.test', 'without mx')
        self.second.wait(lambda: self.has(self.second, 'without mx'))

    def test_greylisting(self):
        message_id = self.here.submit('ana', 'x@grey.test', 'later please')
        self.grey.wait(lambda: self.grey.refusals('450 4.2.1 later\r\n') >= 2)  # on one connection or on two
        self.grey.behave('well')
        self.grey.wait(lambda: self.has(self.grey, 'later please'))
        self.assertEqual(sum('later please' in text_of(mail) for mail in self.grey.mails), 1)
        until(lambda: 'queue/attempt       done' in self.story(message_id), 'it is told')
        self.assertIn('later', self.story(message_id))

    def test_an_old_server_gets_what_it_can_read(self):
        data, _ = message('eight bits', 'schöne grüße', sender='ana@example.test', to='x@old.test',
                          **{'MIME-Version': '1.0', 'Content-Type': 'text/plain; charset=utf-8',
                             'Content-Transfer-Encoding': '8bit'})
        client = self.here.submission('ana')
        client.sendmail('ana@example.test', ['x@old.test'], data, ['BODY=8BITMIME'])
        client.quit()
        self.old.wait(lambda: self.has(self.old, 'eight bits'))
        body = text_of(next(mail for mail in self.old.mails if 'eight bits' in text_of(mail)))
        self.assertTrue(body.isascii())
        self.assertIn('sch=C3=B6ne', body)

    @staticmethod
    def has(far, words):
        return any(words in text_of(mail) for mail in far.mails)


def text_of(mail):
    return mail.body.decode('utf-8', 'replace') if isinstance(mail.body, bytes) else mail.body


if __name__ == '__main__':
    main()
