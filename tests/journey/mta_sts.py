# SPDX-License-Identifier: ISC
"""Journey: MTA-STS (RFC 8461) in every state of the far side's policy, its web server and its
certificates, over real DNSSEC, HTTPS and SMTP; and the reports about it (RFC 8460), which go out by the
queue and are read at the other end. One mail server and one web server play all domains."""
import dataclasses
import email
import email.policy
import gzip
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from https import Answer, Web, server_context
from labcert import Authority, tlsa
from labtest import LabTest
from testsite import main, until

WRONG_TLSA = '3 1 1 ' + '00' * 32


def policy(mode='enforce', mx='mail.{}.test', max_age=86400):
    return f'version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age}\r\n'


@dataclasses.dataclass
class Case:
    goes: bool = True
    says: str = ''  # in the mail's story
    notes: set = dataclasses.field(default_factory=set)  # of the report: (policy, result)
    policy: str = policy()
    answer: dict = dataclasses.field(default_factory=dict)
    txt: tuple = ('v=STSv1; id=1;',)
    cert: str = 'good'  # of the mail server; None: it has no TLS
    web_cert: str = 'good'
    tlsa: str = ''  # of the mail server; GOOD: of its certificate
    has_web: bool = True

    def meets_tls(self):
        return self.cert is not None and 'does not name this host' not in self.says


GOOD = 'good'
FINE = {('sts', '')}
FETCH = {('sts', 'sts-policy-fetch-error'), ('no-policy-found', '')}
INVALID = {('sts', 'sts-policy-invalid'), ('no-policy-found', '')}
WEBPKI = {('sts', 'sts-webpki-invalid'), ('no-policy-found', '')}
NONE = {('no-policy-found', '')}

CASES = {
    # the policy holds, and so does the host
    'right': Case(True, 'MTA-STS: enforce, the host is in the policy', FINE),
    'star': Case(True, 'certificate verified', FINE, policy=policy(mx='*.{}.test')),
    'lines': Case(True, 'MTA-STS: enforce', FINE, policy=policy().replace('\r\n', '\n') + 'x: y\n'),
    # it holds, but not the host: later, and TLS is not given up
    'wrongname': Case(False, 'not for mail.wrongname.test', {('sts', 'certificate-host-mismatch')},
                      cert='othername'),
    'expired': Case(False, 'expired on', {('sts', 'certificate-expired')}, cert='expired'),
    'stranger': Case(False, 'no trusted TLS connection', {('sts', 'certificate-not-trusted')},
                     cert='stranger'),
    'notls': Case(False, 'STARTTLS', {('sts', 'starttls-not-supported')}, cert=None),
    'notnamed': Case(False, 'the policy does not name this host', {('sts', 'validation-failure')},
                     policy=policy(mx='mx.{}.test')),
    'deepstar': Case(False, 'the policy does not name this host', {('sts', 'validation-failure')},
                     policy=policy(mx='*.mail.{}.test')),
    # in testing all goes, and is told
    'testing': Case(True, 'testing, the host is in the policy', FINE, policy=policy('testing')),
    'testingname': Case(True, 'testing', {('sts', 'certificate-host-mismatch')}, policy=policy('testing'),
                        cert='othername'),
    'testingexpired': Case(True, 'testing', {('sts', 'certificate-expired')}, policy=policy('testing'),
                           cert='expired'),
    'testingstranger': Case(True, 'testing', {('sts', 'certificate-not-trusted')}, policy=policy('testing'),
                            cert='stranger'),
    'testingnotls': Case(True, 'testing', {('sts', 'starttls-not-supported')}, policy=policy('testing'),
                         cert=None),
    'testingmx': Case(True, 'the host is not in the policy', {('sts', 'validation-failure')},
                      policy=policy('testing', 'mx.{}.test')),
    # a policy of none is none
    'none': Case(True, 'none, for', NONE, policy=policy('none'), cert='stranger'),
    'unannounced': Case(True, 'no policy is announced', NONE, txt=(), cert='stranger'),
    'twice': Case(True, 'no policy is announced', NONE, txt=('v=STSv1; id=1;', 'v=STSv1; id=2;')),
    'badrecord': Case(True, 'no policy is announced', NONE, txt=('v=STSv1; id=a-b;',)),
    # the policy is not to be had: as if there were none, and that is told
    'weborphan': Case(True, 'announced, but not to be had', WEBPKI, web_cert='stranger'),
    'webname': Case(True, 'announced, but not to be had', WEBPKI, web_cert='othername'),
    'webexpired': Case(True, 'announced, but not to be had', WEBPKI, web_cert='expired'),
    'webgone': Case(True, 'has no address', FETCH, has_web=False),
    'missing': Case(True, 'status 404', FETCH, answer={'status': 404}),
    'moved': Case(True, 'status 301', FETCH,
                  answer={'status': 301, 'headers': {'Location': 'https://mta-sts.right.test/.well-known/mta-sts.txt'}}),
    'large': Case(True, 'the answer is too long', FETCH, policy=policy() + 'x: ' + 'y' * 70000),
    'silent': Case(True, 'Timeout', FETCH, answer={'is_silent': True}),
    'html': Case(True, 'is no text/plain', FETCH, answer={'media': 'text/html'}),
    'noversion': Case(True, 'it lacks version', INVALID, policy='mode: enforce\r\nmx: a.test\r\nmax_age: 1\r\n'),
    'badmode': Case(True, 'its mode is none of', INVALID, policy=policy('must')),
    'nomx': Case(True, 'names no host', INVALID, policy='version: STSv1\r\nmode: enforce\r\nmax_age: 86400\r\n'),
    'noise': Case(True, 'has no colon', INVALID, policy='<html>'),
    # DANE comes first (RFC 8461 2)
    'danewins': Case(True, 'DANE', {('tlsa', '')}, policy=policy(mx='mx.{}.test'), cert='stranger', tlsa=GOOD),
    'danelost': Case(False, 'DANE', {('tlsa', 'validation-failure')}, policy=policy('testing'),
                     tlsa=WRONG_TLSA),
    'daneodd': Case(True, 'none can be used', {('tlsa', 'tlsa-invalid')}, policy=policy('testing'),
                    cert='stranger', tlsa='9 9 9 00'),
}


class MtaSts(LabTest):
    domains = ('example.test', 'example.org')

    @classmethod
    def prepare(cls):
        lab = cls.lab
        cls.make_certificates()
        web_address, cls.far_address = lab.address(), lab.address()
        cls.web = Web(web_address)
        cls.far.append(cls.web)
        cls.asked_names = set()
        cls.side = cls.far_side('side.test', certificate=cls.certs['good'][0], key=cls.certs['good'][1])
        cls.side.tls.sni_callback = cls.choose
        cls.plain = cls.far_side('plain.test')
        for name, case in CASES.items():
            cls.add(name, case, web_address)
        cls.web.host('reports.right.test', *cls.certs['good'], Answer(status=201))
        lab.dns.zone('right.test').add(f'reports A {web_address}').remove('^_smtp._tls').add(
            f'_smtp._tls TXT "v=TLSRPTv1; rua=https://reports.right.test:{cls.web.port}/tls"')
        # its certificate is wrong, and the report must arrive all the same
        lab.dns.zone('wrongname.test').remove('^_smtp._tls').add(
            '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@wrongname.test"')
        cls.here.set('queue', authorities=f'"{lab.ca.cert}"')
        cls.here.set('route', sts_port=cls.web.port, sts_authorities=f'"{lab.ca.cert}"', sts_timeout='3s')

    @classmethod
    def make_certificates(cls):
        lab = cls.lab
        names = [f'{host}.{name}.test' for name in CASES for host in ('mail', 'mta-sts')]
        names.append('reports.right.test')
        stranger = Authority(lab.place / 'stranger', 'Nobody knows it')
        cls.certs = {
            'good': lab.ca.issue(lab.place / 'good', *names),
            'expired': lab.ca.issue(lab.place / 'expired', *names, days=-1),
            'othername': lab.ca.issue(lab.place / 'othername', 'another.test'),
            'stranger': stranger.issue(lab.place / 'strange', *names),
        }
        cls.contexts = {name: server_context(*files) for name, files in cls.certs.items()}

    @classmethod
    def choose(cls, sock, name, _):
        """The mail server's certificate, by the name it is asked for."""
        cls.asked_names.add(name)
        sock.context = cls.contexts[CASES[name.split('.')[1]].cert]

    @classmethod
    def add(cls, name, case, web_address):
        domain = f'{name}.test'
        far = cls.side if case.cert else cls.plain
        cls.lab.host(domain, far.address)
        zone = cls.lab.dns.zone(domain)
        zone.add(*(f'_mta-sts TXT "{txt}"' for txt in case.txt))
        zone.add('_smtp._tls TXT "v=TLSRPTv1; rua=mailto:carla@example.org"')
        if case.has_web:
            zone.add(f'mta-sts A {web_address}')
            answer = Answer(**{'body': case.policy.replace('{}', name).encode(), **case.answer})
            cls.web.host(f'mta-sts.{domain}', *cls.certs[case.web_cert], answer)
        if case.tlsa:
            record = tlsa(cls.certs[case.cert][0]) if case.tlsa == GOOD else case.tlsa
            zone.add(f'_{cls.lab.smtp_port}._tcp.mail TLSA {record}')

    def mails_of(self, name):
        far = self.side if CASES[name].cert else self.plain
        return [mail for mail in far.mails if any(f'@{name}.test' in to for to in mail.recipients)]

    def check_case(self, name, case, message_id):
        word = 'queue/attempt       ' + ('done' if case.goes else 'later')
        until(lambda: word in self.story(message_id), f'{name} is {word}\n{self.story(message_id)}', patience=30)
        story = self.story(message_id)
        self.assertIn(case.says, story)
        mails = self.mails_of(name)
        self.assertEqual(len(mails), int(case.goes), story)
        if case.goes:
            self.assertEqual(mails[0].has_tls, case.cert is not None)
        self.assertEqual(f'mail.{name}.test' in self.asked_names, case.meets_tls(), 'SNI')

    def test_1_table(self):
        ids = {name: self.here.submit('ana', f'x@{name}.test', f'case {name}') for name in CASES}
        for name, case in CASES.items():
            with self.subTest(name):
                self.check_case(name, case, ids[name])
        with self.subTest('one fetch for each domain'):
            self.assertEqual(self.web.count('mta-sts.right.test'), 1)
            self.assertEqual(self.web.count('mta-sts.missing.test'), 1)
            self.assertEqual({path for _, path in self.web.asked}, {'/.well-known/mta-sts.txt'})

    def check_report(self, report, name, case):
        self.assertEqual(set(report), {'organization-name', 'date-range', 'contact-info', 'report-id', 'policies'})
        for word in ('start-datetime', 'end-datetime'):
            self.assertRegex(report['date-range'][word], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        found = set()
        for one in report['policies']:
            kind = one['policy']['policy-type']
            self.assertEqual(one['policy']['policy-domain'], f'{name}.test')
            summary, details = one['summary'], one.get('failure-details', [])
            self.assertEqual(summary['total-failure-session-count'],
                             sum(detail['failed-session-count'] for detail in details))
            if summary['total-successful-session-count']:
                found.add((kind, ''))
            for detail in details:
                found.add((kind, detail['result-type']))
                if 'receiving-ip' in detail:
                    self.assertRegex(detail['receiving-ip'], r'^127\.')
            if kind == 'sts' and case.notes == FINE:
                lines = case.policy.replace('{}', name).split('\n')
                self.assertEqual(one['policy']['policy-string'], [line.strip() for line in lines if line.strip()])
                self.assertEqual(one['policy']['mx-host'], [lines[2].strip().removeprefix('mx: ')])
        self.assertEqual(found, case.notes, report)

    def read_mail(self, mail):
        """The domain and the JSON of a report that came as a mail (RFC 8460 5.3)."""
        self.assertEqual(mail.get_content_type(), 'multipart/report')
        self.assertEqual(mail.get_param('report-type'), 'tlsrpt')
        self.assertEqual(mail['TLS-Required'], 'No')  # RFC 8460 3, RFC 8689 5
        human, part = mail.get_payload()
        self.assertEqual(human.get_content_type(), 'text/plain')
        self.assertEqual(part.get_content_type(), 'application/tlsrpt+gzip')
        domain = mail['TLS-Report-Domain']
        self.assertEqual(mail['TLS-Report-Submitter'], 'mail.example.test')
        self.assertRegex(part.get_filename(), rf'^mail\.example\.test!{re.escape(domain)}!\d+!\d+(!\S+)?\.json\.gz$')
        report = json.loads(gzip.decompress(part.get_payload(decode=True)))
        self.assertEqual(mail['Subject'], f'Report Domain: {domain} Submitter: mail.example.test '
                                          f'Report-ID: <{report["report-id"]}>')
        return domain, report

    def test_2_reports(self):
        told = json.loads(self.here.run('dns', 'report', '--today', '--json'))
        self.assertEqual(told['sent'], len(CASES))
        there = self.lab['example.org']
        until(lambda: len(there.mails('carla')) >= len(CASES) - 2, 'the reports arrive')
        (own,) = until(lambda: self.mails_of('wrongname'), 'the report arrives where TLS is wrong')
        self.assertEqual((own.recipients, own.has_tls), (['<tls@wrongname.test>'], True))
        mails = [*there.mails('carla'), email.message_from_bytes(own.body, policy=email.policy.SMTP)]
        reports = dict(self.read_mail(mail) for mail in mails)
        self.assertEqual(set(reports), {f'{name}.test' for name in CASES} - {'right.test'})
        for name, case in CASES.items():
            with self.subTest(name):
                if name != 'right':
                    self.check_report(reports[f'{name}.test'], name, case)
        (post,) = self.web.posted
        self.assertEqual((post.path, post.media), ('/tls', 'application/tlsrpt+gzip'))
        self.check_report(json.loads(gzip.decompress(post.body)), 'right', CASES['right'])
        with self.subTest('what was sent is not sent again'):
            self.here.run('dns', 'report', '--json')
            self.assertEqual(len(self.web.posted), 1)


if __name__ == '__main__':
    main()
