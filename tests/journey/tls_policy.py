# SPDX-License-Identifier: ISC
"""Journey: DANE (RFC 7672) in every state of the far side's records: over real DNSSEC, real TLS and the
whole way. Each domain has a server of its own with the laboratory's certificate for its name."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labcert import tlsa
from labdns import BOGUS, EXPIRED, UNSIGNED
from labtest import LabTest
from testsite import main, until

WRONG = '3 1 1 ' + '00' * 32


def good(cert):
    return tlsa(cert)


CASES = {
    # name: (the zone's state, TLSA made from the certificate or None, is the TLSA's signature wrong?,
    #        does the mail go, with TLS?)
    'right': ('signed', good, False, True, True),
    'wrong': ('signed', lambda cert: WRONG, False, False, None),
    'missing': ('signed', None, False, True, True),
    'unsigned': (UNSIGNED, lambda cert: WRONG, False, True, True),
    'expired': (EXPIRED, good, False, False, None),
    'bogus': (BOGUS, good, False, False, None),
    'bogustlsa': ('signed', good, True, False, None),
    'unusable': ('signed', lambda cert: '9 9 9 00', False, True, True),
    'full': ('signed', lambda cert: tlsa(cert, 3, 0, 0), False, True, True),
    'nostarttls': ('signed', good, False, False, None),
}


class Dane(LabTest):
    domains = ('example.test',)

    @classmethod
    def prepare(cls):
        cls.sides = {}
        for name, (state, record, is_bogus, _, _) in CASES.items():
            domain = f'{name}.test'
            cert, key = cls.lab.ca.issue(cls.lab.place / domain, f'mail.{domain}')
            options = {} if name == 'nostarttls' else {'certificate': cert, 'key': key}
            cls.sides[name] = cls.far_side(domain, **options)
            zone = cls.lab.dns.zone(domain)
            zone.state = state
            owner = f'_{cls.lab.smtp_port}._tcp.mail'
            if record:
                zone.add(f'{owner} TLSA {record(cert)}')
            if is_bogus:
                zone.bogus_names.add(owner)

    def test_table(self):
        ids = {name: self.here.submit('ana', f'x@{name}.test', f'case {name}') for name in CASES}
        for name, (_, _, _, goes, has_tls) in CASES.items():
            with self.subTest(name):
                far = self.sides[name]
                word = 'queue/attempt       ' + ('done' if goes else 'later')
                until(lambda word=word, name=name: word in self.story(ids[name]), f'{name} is {word}', patience=30)
                self.assertEqual(len(far.mails), int(goes))
                if goes:
                    self.assertEqual(far.mails[0].has_tls, has_tls)


if __name__ == '__main__':
    main()
