# SPDX-License-Identifier: ISC
"""An Internet in a box: a domain name system with a root of its own (labdns.py), an authority for
certificates (labcert.py), and a Carteiro for each domain, on loopback addresses of their own.

    with Lab('example.test', 'example.org') as lab:
        lab['example.test'].submit('ana', 'carla@example.org', 'Hello', 'text')
        lab['example.org'].wait_for('carla', 'Hello')

Each laboratory has a block of sixteen addresses of 127.0.0.0/8, held by a lock of its own, so that
any number of them run side by side; all sites of one take mail on the same port. Zones, settings and
certificates may be changed until `start`. `lab.address(n)` gives further addresses, for far sides
that the test plays itself.
"""
import atexit
import contextlib
import email
import email.policy
import os
import pathlib
import shutil
import socket
import sys
import tempfile

from labcert import Authority, tlsa
from labdns import Dns, free_port, need_lab  # noqa: F401 (need_lab: for the tests)
from testsite import PASSWORD, PATIENCE, Site, expect, message, until

LOCK_PORT = 54253
FIRST_SITE = 2  # in the block; 1 is the name server
BLOCK = 16


class Block:
    """Sixteen addresses that nobody else uses: whoever has the port of the first has them all."""

    def __init__(self, first=None):
        number = os.getpid()
        while True:
            start = first or 0x7F010000 + number * BLOCK % 0xFE0000
            first = None
            self.lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self.start = start
                self.lock.bind((self[0], LOCK_PORT))
                self.lock.listen(1)
                return
            except OSError:
                self.lock.close()
                number += 65537

    def __getitem__(self, n):
        assert 0 <= n < BLOCK
        return socket.inet_ntoa((self.start + n).to_bytes(4, 'big'))

    def release(self):
        self.lock.close()


class LabSite(Site):
    """A Carteiro of the laboratory."""

    def __init__(self, lab, domain, address, accounts, settings, password):
        self.lab = lab
        place = lab.place / domain
        place.mkdir(parents=True, exist_ok=True)
        self.hostname = f'mail.{domain}'
        lab.ca.issue(place, self.hostname, domain, address, chain=True)  # a client may be given any of them
        super().__init__(accounts=accounts, settings=settings, place=place, domain=domain, host=address,
                         password=password)
        self.ca = lab.ca.cert

    def set(self, section, **values):
        """Settings, until the next start."""
        self._configure({section: values})

    def certificate(self, *names, **options):
        """Another certificate, of the laboratory's authority."""
        return self.lab.ca.issue(self.place, *names, **options)

    def tlsa(self, **options):
        return tlsa(self.place / 'cert.pem', **options)

    # ---- mail

    def submit(self, user, to, subject, text='the postman works', options=(), rcpt_options=(), **header):
        """By submission, signed in. Gives the Message-ID."""
        to = [to] if isinstance(to, str) else to
        data, message_id = message(subject, text, sender=f'{user}@{self.domain}', to=', '.join(to), **header)
        client = self.submission(user)
        refused = client.sendmail(f'{user}@{self.domain}', to, data, list(options), list(rcpt_options))
        client.quit()
        assert not refused, refused
        return message_id

    def mails(self, user, mailbox='INBOX'):
        """The messages of a mailbox as email.message.EmailMessage."""
        return [email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
                for raw in self.raw_messages(user, mailbox)]

    def wait_for(self, user, subject, mailbox='INBOX', patience=PATIENCE):
        """The first mail whose subject has these words, once it is there."""
        return self._wait(user, mailbox, patience, f'"{subject}"', 'SUBJECT', f'"{subject}"')

    def wait_for_report(self, user, about, mailbox='INBOX', patience=PATIENCE):
        """The first mail about the one with that Message-ID, once it is there: a report."""
        return self._wait(user, mailbox, patience, f'a report about {about}', 'TEXT', f'"{about}"',
                          'NOT', 'HEADER', 'Message-ID', f'"{about}"')

    def _wait(self, user, mailbox, patience, what, *search):
        box = self.imap(user, mailbox)

        def find():
            expect(box.noop())
            return expect(box.uid('SEARCH', *search))[0].split()

        try:
            uids = until(find, f'{user}@{self.domain} gets {what}', patience)
        except AssertionError as vain:
            raise AssertionError(f'{vain}\n{self.lab.logs()}') from None
        raw = expect(box.uid('FETCH', uids[0], '(BODY.PEEK[])'))[0][1]
        box.logout()
        return email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)


class Lab:
    """`block`, `smtp_port`: taken when they are free."""

    def __init__(self, *domains, place=None, accounts=('ana', 'bruno', 'carla'), settings=None, ttl=60,
                 block=None, smtp_port=0):
        self.own_place = place is None
        self.place = pathlib.Path(place or tempfile.mkdtemp(prefix='carteiro-lab-'))
        self.closing = contextlib.ExitStack()
        self.block = Block(block)
        self.closing.callback(self.block.release)
        addresses = [self.block[n] for n in range(BLOCK)]
        is_good = smtp_port and all(self.is_free(address, smtp_port) for address in addresses)
        self.smtp_port = smtp_port if is_good else free_port(*addresses)
        self.dns = Dns(self.place / 'dns', self.block[1], ttl)
        self.ca = Authority(self.place / 'ca')
        self.sites = {}
        self.next_address = FIRST_SITE
        atexit.register(self.drop)  # what is left when a test was cut short
        for domain in domains:
            self.add(domain, accounts, settings)

    def address(self):
        """One more of the laboratory's addresses."""
        self.next_address += 1
        return self.block[self.next_address - 1]

    def settings(self):
        """What makes a site live in this Internet instead of the other one."""
        return {
            'resolver': {'root': f'"{self.dns.server}"', 'trust_anchor': f'"{self.dns.anchor_path}"'},
            'route': {'smtp_port': self.smtp_port, 'allow_loopback': 'yes'},
        }

    @staticmethod
    def is_free(address, port):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((address, port))
            except OSError:
                return False
        return True

    def add(self, domain, accounts=('ana', 'bruno', 'carla'), settings=None, password=PASSWORD):
        """A site, and its zone with an MX."""
        address = self.address()
        site = LabSite(self, domain, address, accounts, self.settings(), password)
        site.set('queue', source=f'"{address}"')
        site.set('listen', addresses=f'{{"{address}"}}', smtp=self.smtp_port)
        for section, values in (settings or {}).items():
            site.set(section, **values)
        self.sites[domain] = site
        self.host(domain, address)
        return site

    def host(self, domain, address, preference=10, name='mail'):
        """An MX of that domain at that address, whoever listens there."""
        return self.dns.zone(domain).add(f'@ MX {preference} {name}', f'{name} A {address}')

    def dane(self, domain, name='mail', **options):
        """The TLSA record of a site's certificate."""
        self.dns.zone(domain).add(f'_{self.smtp_port}._tcp.{name} TLSA {self.sites[domain].tlsa(**options)}')

    def __getitem__(self, domain):
        return self.sites[domain]

    # ---- running

    def start(self):
        self.dns.start()
        for site in self.sites.values():
            site.start()
        return self

    def stop(self):
        """All sites must end well; the name server, the lock and the place go in any case."""
        try:
            for site in self.sites.values():
                site.stop()
        finally:
            self.drop()

    def end(self):
        """After Ctrl-C, which the sites may have heard as well."""
        for site in self.sites.values():
            if site.process:
                site.process.terminate()
        for site in self.sites.values():
            if site.process:
                site.process.wait(PATIENCE)
                site.process = None
        self.drop()

    def drop(self):
        """What still runs is killed."""
        for site in self.sites.values():
            if site.process:
                site.kill()
        self.dns.stop()
        self.closing.close()
        if self.own_place:
            shutil.rmtree(self.place, ignore_errors=True)

    def logs(self, size=6000):
        return ''.join(f'--- {domain}\n{site.log()[-size:]}\n' for domain, site in self.sites.items())

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.drop()
            raise

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
            return
        print(self.logs(), file=sys.stderr)
        self.drop()
