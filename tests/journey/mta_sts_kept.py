# SPDX-License-Identifier: ISC
"""Journey: what becomes of a policy of MTA-STS that is kept (RFC 8461 3.3, 5.1, 10.2): it holds while it
is valid, whoever takes away the records or the web server, is fetched again when its id changes, and
ends with its time."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from https import Answer, Web
from labtest import LabTest
from testsite import main, until


def policy(mode, mx, max_age=86400):
    return f'version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n'.encode()


class Kept(LabTest):
    domains = ('example.test',)
    lab_options = {'ttl': 1}

    @classmethod
    def prepare(cls):
        lab = cls.lab
        cls.web = Web(lab.address())
        cls.far.append(cls.web)
        names = ('long.test', 'short.test')
        cls.files = lab.ca.issue(lab.place / 'web', *(f'mta-sts.{name}' for name in names))
        for name in names:
            lab.host(name, lab.address())
            lab.dns.zone(name).add('_mta-sts TXT "v=STSv1; id=1;"', f'mta-sts A {cls.web.address}')
        cls.here.set('route', sts_port=cls.web.port, sts_authorities=f'"{lab.ca.cert}"', sts_retry='0s')

    def says(self, domain, answer):
        self.web.host(f'mta-sts.{domain}', *self.files, answer)

    def announce(self, domain, *records):
        self.lab.dns.zone(domain).remove('^_mta-sts').add(*(f'_mta-sts TXT "{record}"' for record in records))
        self.lab.dns.restart()

    def route(self, domain):
        """What it says of MTA-STS, and the host's verification."""
        found = json.loads(self.here.run('dns', 'route', domain, '--json'))
        (line,) = [line for line in found['story'] if 'MTA-STS: ' in line and 'try ' not in line]
        return line, found['hosts'][0]['verify']

    def becomes(self, domain, words, verify):
        """Soon: names are kept for a second, and a refresh lets no mail wait."""
        def holds():
            self.last = self.route(domain)
            return words in self.last[0] and self.last[1] == verify
        try:
            until(holds, words, patience=30)
        except AssertionError:
            raise AssertionError(f'{words}, {verify} not found in {self.last}') from None

    def test_a_policy_is_kept(self):
        domain, host = 'long.test', 'mta-sts.long.test'
        self.says(domain, Answer(policy('enforce', 'mail.long.test')))
        self.assertIn('fetched policy: enforce', self.route(domain)[0])
        self.assertIn('kept policy: enforce', self.route(domain)[0])
        self.assertEqual(self.web.count(host), 1)

        with self.subTest('another id: fetched again'):
            self.says(domain, Answer(policy('testing', 'mail.long.test')))
            self.announce(domain, 'v=STSv1; id=2;')
            self.becomes(domain, 'kept policy: testing', 'none')
            self.says(domain, Answer(policy('enforce', 'mail.long.test')))
            self.announce(domain, 'v=STSv1; id=3;')
            self.becomes(domain, 'kept policy: enforce', 'pkix')

        for name, broken in {'gone': Answer(status=404), 'noise': Answer(b'noise'),
                             'moved': Answer(status=302, headers={'Location': f'https://{host}/'})}.items():
            with self.subTest(f'what cannot be fetched leaves the valid one: {name}'):
                count = self.web.count(host)
                self.says(domain, broken)
                self.announce(domain, f'v=STSv1; id=4{name};')
                until(lambda: self.route(domain) and self.web.count(host) > count, 'it is asked again')
                self.becomes(domain, 'kept policy: enforce', 'pkix')
        until(lambda: 'the old one holds' in self.here.log(), 'the log says so')

        with self.subTest('without its record it holds'):
            self.announce(domain)
            self.becomes(domain, 'kept policy (its TXT record is gone): enforce', 'pkix')

        with self.subTest('and after a restart'):
            self.here.restart()
            self.becomes(domain, 'kept policy (its TXT record is gone): enforce', 'pkix')

    def test_its_time_ends(self):
        self.says('short.test', Answer(policy('enforce', 'mail.short.test', 2)))
        self.assertEqual(self.route('short.test')[1], 'pkix')
        self.says('short.test', Answer(status=404))
        self.becomes('short.test', 'not to be had', 'none')
        self.says('short.test', Answer(policy('enforce', 'mail.short.test')))
        self.becomes('short.test', 'policy: enforce', 'pkix')


if __name__ == '__main__':
    main()
