# SPDX-License-Identifier: ISC
"""The domain name system of a laboratory: a root, the top-level domains and the domains, signed
with DNSSEC by ldns-signzone and all served by one nsd on a loopback address and port. A zone can be
spoilt in the ways in which zones of the world are:

    zone = dns.zone('example.org')               # signed, well
    zone.add('@ MX 10 mail', 'mail A 127.1.2.3')
    zone.state = UNSIGNED                        # or BOGUS, EXPIRED, BROKEN (SERVFAIL)
    zone.bogus_names.add('_25._tcp.mail')        # only these have wrong signatures

The parents are made from the zones' names. Programs: ldnsutils, and the unpacked nsd (tools/need lab).
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

from testsite import end_with_parent

ROOT = pathlib.Path(__file__).resolve().parent.parent
NSD = ROOT / 'var' / 'unpacked' / 'nsd'
SKIPPED = 77
SIGNED, UNSIGNED, BOGUS, EXPIRED, BROKEN = 'signed', 'unsigned', 'bogus', 'expired', 'broken'


def need_lab():
    """Skips, visibly, where the programs are not there; ./check and ./try --lab bring them."""
    if not (NSD / '.complete').exists() or not shutil.which('ldns-signzone'):
        print('SKIPPED: no name server for the laboratory; `tools/need lab` brings it')
        sys.exit(SKIPPED)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          timeout=120, **options)
    if done.returncode:
        raise AssertionError(f'{command}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


class Zone:
    def __init__(self, name, place, ttl):
        self.name = name.strip('.')
        self.origin = f'{self.name}.' if self.name else '.'
        self.path = place / f'{self.name or "root"}.zone'
        self.ttl = ttl
        self.state = SIGNED
        self.records = []
        self.bogus_names = set()
        self.key = None

    def add(self, *lines):
        """Records as "NAME TYPE DATA", NAME relative to the zone or @."""
        self.records += lines
        return self

    def remove(self, pattern):
        """Those whose line matches."""
        self.records = [line for line in self.records if not re.search(pattern, line)]
        return self

    def make_key(self):
        if self.key is None:
            self.key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', '-r', '/dev/urandom', self.origin,
                           cwd=self.path.parent).strip()
        return self.key

    def anchor(self):
        """The DS lines for the parent, made wrong where the whole zone shall be bogus."""
        text = run('ldns-key2ds', '-n', '-2', f'{self.make_key()}.key', cwd=self.path.parent)
        if self.state == BOGUS:
            digest = text.split()[-1]
            text = text.replace(digest, digest[::-1])
        return re.sub(r'\s+', ' ', text).strip()

    def is_signed(self):
        return self.state in (SIGNED, BOGUS, EXPIRED)

    def write(self):
        """The file that nsd reads."""
        text = (f'$ORIGIN {self.origin}\n$TTL {self.ttl}\n'
                f'@ SOA ns hostmaster {int(time.time())} 3600 600 864000 {self.ttl}\n@ NS ns\n')
        if not any(line.startswith('ns ') for line in self.records):
            text += f'ns A {self.address}\n'
        text += ''.join(f'{self._line(line)}\n' for line in self.records)
        self.path.write_text(text)
        if self.is_signed():
            self._sign()

    @staticmethod
    def _line(record):
        name, kind, rest = record.split(None, 2)
        return f'{name} IN {kind} {rest}'

    def _sign(self):
        now = time.time()
        start, end = (now - 20 * 86400, now - 5 * 86400) if self.state == EXPIRED else (now - 86400, now + 20 * 86400)
        day = lambda at: time.strftime('%Y%m%d%H%M%S', time.gmtime(at))
        signed = self.path.with_suffix('.signed')
        run('ldns-signzone', '-i', day(start), '-e', day(end), '-f', signed, self.path.name, self.make_key(),
            cwd=self.path.parent)
        text = signed.read_text()
        for name in self.bogus_names:
            owner = self.origin if name == '@' else f'{name}.{self.origin}'
            text = re.sub(rf'(?m)^({re.escape(owner)}\s.*\sRRSIG\s.*\s)(\S+)$', spoil, text)
        self.path.write_text(text)


def spoil(found):
    """A signature whose first bytes are others."""
    good = found.group(2)
    return found.group(1) + ('AAAA' if not good.startswith('AAAA') else 'BBBB') + good[4:]


class Dns:
    def __init__(self, place, address, ttl=60):
        self.place = pathlib.Path(place)
        self.place.mkdir(parents=True, exist_ok=True)
        self.address, self.ttl = address, ttl
        self.port = free_port(address)
        self.zones = {}
        self.process = None
        self.anchor_path = self.place / 'root.key'
        self.zone('')

    def zone(self, name):
        """That zone; made, with its parents, when it is not there."""
        name = name.strip('.')
        if name not in self.zones:
            zone = self.zones[name] = Zone(name, self.place, self.ttl)
            zone.address = self.address
            if name:
                self.zone(name.partition('.')[2])
        return self.zones[name]

    @property
    def server(self):
        return f'{self.address}@{self.port}'

    # ---- files

    def _parent(self, name):
        return self.zones[name.partition('.')[2]]

    def _delegations(self):
        """By parent: NS and DS of its children."""
        lines = {name: [] for name in self.zones}
        for name, zone in self.zones.items():
            if not name:
                continue
            parent = lines[name.partition('.')[2]]
            parent.append(f'{zone.origin} NS ns.{zone.origin}')
            parent.append(f'ns.{zone.origin} A {self.address}')
            if zone.is_signed():
                parent.append(f'{zone.origin} {zone.anchor().split(" IN ", 1)[1]}')
        return lines

    def write(self):
        children = self._delegations()
        for name, zone in self.zones.items():
            if zone.state == BROKEN:
                zone.path.unlink(missing_ok=True)
                continue
            own, zone.records = zone.records, zone.records + children[name]
            try:
                zone.write()
            finally:
                zone.records = own
        self.anchor_path.write_text(self.zones[''].anchor() + '\n')
        self._write_configuration()

    def _write_configuration(self):
        zones = ''.join(f'zone:\n  name: "{zone.origin}"\n  zonefile: "{zone.path.name}"\n'
                        for zone in self.zones.values())
        (self.place / 'nsd.conf').write_text(f'''server:
  ip-address: {self.address}@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.place}"
  logfile: "{self.place}/nsd.log"
  pidfile: "{self.place}/nsd.pid"
  xfrdfile: ""
  xfrdir: "{self.place}"
  zonelistfile: "{self.place}/zone.list"
  database: ""
  server-count: 1
  rrl-ratelimit: 0
  hide-version: yes
remote-control:
  control-enable: no
{zones}''')

    # ---- running

    def start(self):
        self.write()
        environment = dict(os.environ, LD_LIBRARY_PATH=':'.join(
            str(path) for path in NSD.glob('usr/lib/*-linux-*') if path.is_dir()))
        with open(self.place / 'nsd.out', 'ab') as log:
            self.process = subprocess.Popen(
                [NSD / 'usr/sbin/nsd', '-d', '-c', self.place / 'nsd.conf'], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.place, preexec_fn=end_with_parent)
        deadline = time.monotonic() + 30
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f'the name server did not start:\n{self.log()}')
            time.sleep(0.02)
        return self

    def _answers(self):
        """Does it answer a question for the root's SOA?"""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            try:
                sock.connect((self.address, self.port))
                sock.send(b'ca\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1')
                return sock.recv(4096)[3] & 15 == 0
            except OSError:
                return False

    def log(self):
        return ''.join(path.read_text(errors='replace')
                       for path in (self.place / 'nsd.out', self.place / 'nsd.log') if path.exists())

    def restart(self):
        """With the zones as they are now."""
        self.stop()
        return self.start()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


def free_port(*addresses):
    """One that is free on all of them, UDP and TCP."""
    for _ in range(100):
        sockets = []
        try:
            port = 0
            for address in addresses:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    sock = socket.socket(socket.AF_INET, kind)
                    sockets.append(sock)
                    sock.bind((address, port))
                    port = sock.getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for sock in sockets:
                sock.close()
    raise AssertionError(f'no port is free on {addresses}')
