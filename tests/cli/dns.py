# SPDX-License-Identifier: ISC
"""`carteiro dns route` and `dns check` over a laboratory's zones, as text and as JSON."""
import ipaddress
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labdns import BOGUS, BROKEN
from labtest import LabTest
from testsite import CARTEIRO, main


class DnsCommand(LabTest):
    lab_options = {'ttl': 1}

    @classmethod
    def prepare(cls):
        cls.lab.dane('example.org')
        cls.lab.dns.zone('null.test').add('@ MX 0 .')
        for name, state in (('broken.test', BROKEN), ('bogus.test', BOGUS)):
            cls.lab.host(name, cls.lab.address())
            cls.lab.dns.zone(name).state = state
        cls.reverse = ipaddress.ip_address(cls.here.host).reverse_pointer
        cls.lab.dns.zone(cls.reverse.partition('.')[2]).add('@ TXT "nobody has a name yet"')

    def dns(self, *words):
        return subprocess.run([CARTEIRO, '--config', str(self.here.config), 'dns', *words], capture_output=True,
                              text=True, check=False, timeout=60)

    def test_route_of_a_domain_with_dane(self):
        done = self.dns('route', 'example.org')
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ('example.org.', 'MX', 'mail.example.org', self.lab['example.org'].host, 'Order of attempts:',
                      'TLS must, certificate verified (dane): DANE: 1 TLSA record of mail.example.org, signed'):
            self.assertIn(words, done.stdout)
        found = json.loads(self.dns('route', 'carla@example.org', '--json').stdout)
        (host,) = found['hosts']
        self.assertEqual((found['verdict'], found['policy'], found['lane'], found['local']),
                         ('done', 'tlsa', 'example.org', False))
        self.assertEqual((host['host'], host['addresses'], host['port'], host['tls'], host['verify']),
                         ('mail.example.org', [self.lab['example.org'].host], self.lab.smtp_port, 'must', 'dane'))

    def test_route_where_none_leads(self):
        for domain, code, verdict, words in (
                ('null.test', 68, 'never', '556 5.1.10'), ('nosuch.test', 68, 'never', '550 5.1.2'),
                ('broken.test', 75, 'later', '451 4.4.3'), ('bogus.test', 75, 'later', '451 4.7.5')):
            with self.subTest(domain):
                done = self.dns('route', domain)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertIn(words, done.stdout)
                found = json.loads(self.dns('route', domain, '--json').stdout)
                self.assertEqual((found['verdict'], found['hosts']), (verdict, []))
                self.assertEqual(f'{found["code"]} {found["enhanced"]}', words)
        self.assertEqual(self.dns('route', 'no domain').returncode, 65)

    def test_route_of_our_own(self):
        self.assertIn('the domain is one of ours', self.dns('route', 'example.test').stdout)

    def findings(self):
        done = self.dns('check', 'example.test', '--json')
        return done.returncode, json.loads(done.stdout)

    def test_check_tells_what_to_put_and_is_content_then(self):
        code, told = self.findings()
        self.assertEqual(code, 78)
        self.assertGreater(told['problems'], 0)
        by = {finding['about']: finding for finding in told['findings']}
        self.assertEqual((by['MX']['state'], by['A']['state'], by['DNSSEC']['state']), ('ok', 'ok', 'ok'))
        self.assertEqual((by['PTR']['state'], by['SPF']['state'], by['TLSA']['state']), ('missing',) * 3)
        text = self.dns('check', 'example.test').stdout
        for finding in told['findings']:
            if finding['state'] != 'ok' and finding['about'] in ('PTR', 'SPF', 'TLSA', 'DMARC'):
                self.assertIn(f'-> {finding["record"]}', text)
                name, _, kind, data = finding['record'].split(None, 3)
                zone = self.reverse.partition('.')[2] if kind == 'PTR' else 'example.test'
                self.lab.dns.zone(zone).add(f'{name} {kind} {data}')
        self.lab.dns.restart()
        self.here.restart()
        code, told = self.findings()
        by = {finding['about']: finding['state'] for finding in told['findings']}
        self.assertEqual([by[about] for about in ('PTR', 'SPF', 'TLSA', 'DMARC')], ['ok'] * 4, told)
        self.assertEqual((code, told['problems']), (0, 0), told)


if __name__ == '__main__':
    main()
