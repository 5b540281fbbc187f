# SPDX-License-Identifier: ISC
"""Journey: through several servers in a row, and round in circles: aliases that lead to other domains,
mail that comes back to where it was, long lists. Each ends (RFC 5321 6.3)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest
from testsite import main, until

MEMBERS = 10000


class Hops(LabTest):
    domains = ('example.test', 'example.org', 'example.net')

    @classmethod
    def prepare(cls):
        test, org, net = (cls.lab[domain] for domain in cls.domains)
        test.run('alias', 'add', 'first@example.test', 'second@example.org')
        org.run('alias', 'add', 'second@example.org', 'ana@example.net')
        # round and round: two servers, and three
        test.run('alias', 'add', 'two@example.test', 'two@example.org')
        org.run('alias', 'add', 'two@example.org', 'two@example.test')
        test.run('alias', 'add', 'three@example.test', 'three@example.org')
        org.run('alias', 'add', 'three@example.org', 'three@example.net')
        net.run('alias', 'add', 'three@example.net', 'three@example.test')

    def test_three_in_a_row(self):
        self.here.submit('bruno', 'first@example.test', 'three in a row')
        mail = self.lab['example.net'].wait_for('ana', 'three in a row')
        hops = mail.get_all('Received')
        self.assertEqual([next(word for word in hop.split() if word.startswith('mail.') and f'by {word}' in hop)
                          for hop in hops], ['mail.example.net', 'mail.example.org', 'mail.example.test'])

    def test_a_loop_of_two_servers_ends(self):
        self.ends('two@example.test', 'loop of two')

    def test_a_loop_of_three_servers_ends(self):
        self.ends('three@example.test', 'loop of three')

    def ends(self, address, subject):
        message_id = self.here.submit('ana', address, subject)
        report = self.here.wait_for_report('ana', message_id)
        block = report.get_payload()[1].get_payload()[1]
        self.assertEqual((block['Action'], block['Status']), ('failed', '5.4.6'))
        for site in self.lab.sites.values():
            self.queue_is_empty(site)
        found = [mail for mail in self.here.mails('ana') if message_id in mail.as_string()]
        self.assertEqual(len(found), 1, 'one report, not one for each round')


class Lists(LabTest):
    @classmethod
    def prepare(cls):
        cls.far = [cls.far_side('far.test', 'well')]
        names = [f'member{n}@far.test' for n in range(MEMBERS - 2)]
        members = cls.here.place / 'members'
        members.write_text('# everybody\n' + '\n'.join(names) + '\n\ncarla@example.org  # far away\n')
        cls.here.run('list', 'add', 'all@example.test', 'ana@example.test', '--file', str(members), '--owner',
                     'bruno@example.test')

    def test_each_member_once(self):
        self.here.submit('bruno', 'all@example.test', 'to all')
        self.here.wait_for('ana', 'to all')
        self.lab['example.org'].wait_for('carla', 'to all')
        (far,) = self.far
        until(lambda: sum(len(mail.recipients) for mail in far.mails) >= MEMBERS - 2, 'all members have it')
        self.queue_is_empty()
        got = sorted(name for mail in far.mails for name in mail.recipients)
        self.assertEqual(len(got), len(set(got)), 'nobody has it twice')
        self.assertEqual(len(got), MEMBERS - 2)
        self.assertLessEqual(far.at_once_max, 20)


if __name__ == '__main__':
    main()
