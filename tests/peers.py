# SPDX-License-Identifier: ISC
"""Other mail servers in a laboratory: Postfix, OpenSMTPD and Exim as Debian builds them, unpacked but
not installed (tools/unpack), each in a private root that holds its program, the libraries it needs
and its configuration, on one of the laboratory's addresses, without a resolver.

    peer = lab.closing.enter_context(Postfix(lab, 'postfix.test', smarthost=(host, port)))
    peer.inject('eva@postfix.test', 'ana@example.test', data)      # by its SMTP port, as its user
    peer.wait_for('Subject words')                                 # in the one mailbox of its domain

All that is for other domains goes to the smarthost; eva is the domain's only user. Needs root, for
chroot; where the test is not root it is skipped with a sentence.
"""
import atexit
import email
import email.policy
import os
import pathlib
import re
import shutil
import signal
import smtplib
import subprocess
import sys

from labdns import ROOT, SKIPPED
from testsite import PATIENCE, end_with_parent, until

UNPACKED = ROOT / 'var' / 'unpacked'
USER = 'eva'
IDS = {'root': 0, 'mail': 8, 'nobody': 65534, 'postfix': 7002, 'postdrop': 7003, 'opensmtpd': 7004,
       'opensmtpq': 7005, 'Debian-exim': 7006, USER: 7010}


def need_peer(package):
    """Skips, visibly, where the server is not there or cannot run."""
    if not (UNPACKED / package / '.complete').exists():
        print(f'SKIPPED: {package} is not there; `tools/need peers` brings it')
        sys.exit(SKIPPED)
    if os.geteuid() != 0:
        print(f'SKIPPED: {package} runs in a root of its own (chroot), and this test is not run by root')
        sys.exit(SKIPPED)


def library_path(unpacked):
    """Where the unpacked package brings libraries, for LD_LIBRARY_PATH."""
    places = {path.parent for path in unpacked.glob('**/*.so*')}
    return ':'.join(str(path) for path in sorted(places))


def libraries(program, unpacked):
    """The files that the dynamic linker loads for it."""
    told = subprocess.run(['ldd', str(program)], capture_output=True, text=True, check=False,
                          env=dict(os.environ, LD_LIBRARY_PATH=library_path(unpacked))).stdout
    return [pathlib.Path(path) for path in re.findall(r'(/\S+) \(0x', told)]


class Peer:
    package = None
    programs = ()  # glob patterns in the package, whose libraries are brought along
    extra = ()  # programs of the machine
    key = 'EC'

    def __init__(self, lab, domain, smarthost, clear=None):
        """`clear`: where mail for clear.test goes."""
        self.lab, self.domain, self.smarthost = lab, domain, smarthost
        self.clear = clear or smarthost
        self.domains = (domain, f'plain.{domain}')  # the second for talks without TLS
        self.hostname = f'mail.{domain}'
        self.host, self.port = lab.address(), lab.smtp_port
        lab.host(domain, self.host)
        lab.dns.zone(domain).add('plain MX 10 mail')
        self.root = lab.place / domain
        self.unpacked = UNPACKED / self.package
        self.process = None
        atexit.register(self.stop)  # what is left when a test was cut short
        self._make_root()
        self.configure()

    # ---- the private root

    def _make_root(self):
        for folder in ('usr/lib', 'usr/bin', 'usr/sbin', 'usr/lib64', 'etc/tls', 'tmp', 'run', 'dev', 'var/log', 'var/empty',
                       f'home/{USER}', 'root'):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name in ('bin', 'sbin', 'lib', 'lib64'):
            (self.root / name).symlink_to(f'usr/{name}')
        (self.root / 'var' / 'run').symlink_to('/run')
        for folder in ('usr', 'etc'):
            if (self.unpacked / folder).exists():
                shutil.copytree(self.unpacked / folder, self.root / folder, symlinks=True, dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns('doc', 'man', 'locale', 'init.d'))
        self._bring_libraries()
        self._make_devices()
        self._make_users()
        (self.root / 'tmp').chmod(0o1777)
        cert, key = self.lab.ca.issue(self.root / 'etc' / 'tls', self.hostname, kind=self.key)
        shutil.chown(cert, 0, 0)
        shutil.chown(key, 0, 0)
        shutil.chown(self.root / 'home' / USER, IDS[USER], IDS[USER])

    def _bring_libraries(self):
        programs = [path for pattern in self.programs for path in self.unpacked.glob(pattern) if path.is_file()]
        for name in self.extra:
            program = pathlib.Path(shutil.which(name)).resolve()
            shutil.copy(program, self.root / 'usr' / 'bin' / name)
            programs.append(program)
        files = {path for program in programs for path in libraries(program, self.unpacked)}
        for path in files:
            target = self.root / str(path.relative_to(self.unpacked) if path.is_relative_to(self.unpacked)
                                     else path).lstrip('/')
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(path, target)

    def _make_devices(self):
        for name, minor in (('null', 3), ('zero', 5), ('random', 8), ('urandom', 9)):
            os.mknod(self.root / 'dev' / name, 0o20666, os.makedev(1, minor))
            (self.root / 'dev' / name).chmod(0o666)

    def _make_users(self):
        etc = self.root / 'etc'
        home = lambda name: f'/home/{name}' if name == USER else '/var/empty'
        (etc / 'passwd').write_text(''.join(f'{name}:x:{n}:{n}::{home(name)}:/bin/sh\n' for name, n in IDS.items()))
        (etc / 'group').write_text(''.join(f'{name}:x:{n}:\n' for name, n in IDS.items()))
        (etc / 'shadow').write_text('root:*:19000:0:99999:7:::\n')
        (etc / 'hosts').write_text(f'127.0.0.1 localhost\n{self.host} {self.hostname}\n')
        (etc / 'nsswitch.conf').write_text('passwd: files\ngroup: files\nhosts: files\nservices: files\n')
        (etc / 'resolv.conf').write_text('')
        (etc / 'services').write_text('smtp 25/tcp\nlmtp 24/tcp\n')

    def write(self, path, text, mode=0o644):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def folder(self, path, owner='root', group=None, mode=0o755):
        target = self.root / path
        target.mkdir(parents=True, exist_ok=True)
        os.chown(target, IDS[owner], IDS[group or owner])
        target.chmod(mode)

    # ---- running

    def start(self):
        with open(self.root / 'server.out', 'ab') as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd='/',
                preexec_fn=lambda: (end_with_parent(), os.chroot(self.root), os.chdir('/')),
                env={'PATH': '/usr/bin:/usr/sbin', 'LC_ALL': 'C', **self.environment})

        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f'{self.package} did not start:\n{self.log()}')
            try:
                self.client().quit()
            except (OSError, smtplib.SMTPException):
                return False
            return True

        until(answers, f'{self.package} listens')
        return self

    environment = {}

    def members(self):
        """The processes that live in the private root: all of this server's, and only these."""
        found = []
        for entry in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                if os.readlink(entry / 'root') == str(self.root):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    def stop(self):
        """First the one that was started, which tells the others; then those that are left."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.members():
                try:
                    os.kill(pid, sign)
                except ProcessLookupError:
                    pass
            try:
                until(lambda: not self.members(), 'all processes end', patience=10)
                return
            except AssertionError:
                continue

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(f'--- {self.package}\n{self.log()[-6000:]}', file=sys.stderr)
        self.stop()

    def log(self):
        return ''.join(path.read_text(errors='replace')
                       for path in [self.root / 'server.out', *self.logs()] if path.exists())

    def logs(self):
        return (self.root / 'var' / 'log').glob('**/*log')

    # ---- mail

    def client(self):
        return smtplib.SMTP(self.host, self.port, local_hostname='desk.test', timeout=PATIENCE)

    def inject(self, sender, recipient, data, options=(), rcpt_options=()):
        client = self.client()
        client.ehlo()
        refused = client.sendmail(sender, [recipient], data, list(options), list(rcpt_options))
        client.quit()
        assert not refused, refused

    def offers(self):
        """The words of its EHLO."""
        client = self.client()
        client.ehlo()
        words = set(client.esmtp_features)
        client.quit()
        return words

    def raw_messages(self):
        return [path.read_bytes() for path in sorted((self.root / 'home' / USER).glob('Maildir/*/*'))
                if path.parent.name in ('new', 'cur')]

    def mails(self):
        return [email.message_from_bytes(raw, policy=email.policy.SMTPUTF8) for raw in self.raw_messages()]

    def wait_for(self, words):
        """The first mail in which these words stand, once it is there."""
        def find():
            return next((mail for mail in self.mails() if words in mail.as_string()), None)

        try:
            return until(find, f'{self.package} gets "{words}"')
        except AssertionError as vain:
            raise AssertionError(f'{vain}\n{self.log()[-6000:]}\n{self.lab.logs()}') from None


class Postfix(Peer):
    package = 'postfix'
    programs = ('usr/sbin/post*', 'usr/lib/postfix/sbin/*', 'usr/lib/postfix/*.so*')
    command = ('/usr/lib/postfix/sbin/master', '-d', '-c', '/etc/postfix')
    environment = {'MAIL_CONFIG': '/etc/postfix'}
    main = ''  # further lines of main.cf

    def configure(self):
        smarthost = '[{}]:{}'.format(*self.smarthost)
        self.write('etc/postfix/main.cf', f'''compatibility_level = 3.6
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
maillog_file_prefixes = /var
maillog_file = /var/log/postfix.log
mail_owner = postfix
setgid_group = postdrop
myhostname = {self.hostname}
mydomain = {self.domain}
myorigin = {self.domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
biff = no
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {', '.join(self.domains)}
virtual_mailbox_base = /home
virtual_mailbox_maps = inline:{{{', '.join(f'{{{USER}@{domain}={USER}/Maildir/}}' for domain in self.domains)}}}
virtual_uid_maps = static:{IDS[USER]}
virtual_gid_maps = static:{IDS[USER]}
relayhost = {smarthost}
transport_maps = inline:{{{{clear.test=smtp:[{self.clear[0]}]:{self.clear[1]}}}}}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtpd_tls_security_level = may
smtpd_tls_cert_file = /etc/tls/cert.pem
smtpd_tls_key_file = /etc/tls/key.pem
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtputf8_enable = yes
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
minimal_backoff_time = 5s
queue_run_delay = 5s
{self.main}
''')
        self.write('etc/postfix/master.cf', self._services())
        for name in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private',
                     'saved', 'trace'):
            self.folder(f'var/spool/postfix/{name}', 'postfix', mode=0o700)
        self.folder('var/spool/postfix/maildrop', 'postfix', 'postdrop', 0o730)
        self.folder('var/spool/postfix/public', 'postfix', 'postdrop', 0o710)
        self.folder('var/spool/postfix/pid')
        self.folder('var/spool/postfix')
        self.folder('var/lib/postfix', 'postfix', mode=0o700)

    def _services(self):
        lines = [f'{self.host}:{self.port} inet n - n - - smtpd', 'pickup unix n - n 60 1 pickup',
                 'cleanup unix n - n - 0 cleanup', 'qmgr unix n - n 5 1 qmgr', 'tlsmgr unix - - n 1000? 1 tlsmgr',
                 'rewrite unix - - n - - trivial-rewrite', 'proxywrite unix - - n - 1 proxymap',
                 'flush unix n - n 1000? 0 flush', 'showq unix n - n - - showq', 'virtual unix - n n - - virtual',
                 'postlog unix-dgram n - n - 1 postlogd', 'relay unix - - n - - smtp']
        lines += [f'{name} unix - - n - 0 bounce' for name in ('bounce', 'defer', 'trace')]
        lines += [f'{name} unix - - n - 1 {name}' for name in ('verify', 'anvil', 'scache')]
        lines += [f'{name} unix - - n - - {name}' for name in ('proxymap', 'smtp', 'error', 'discard', 'lmtp')]
        lines += ['retry unix - - n - - error', 'local unix - n n - - local']
        return ''.join(f'{line}\n' for line in lines)


class OpenSmtpd(Peer):
    package = 'opensmtpd'
    programs = ('usr/sbin/*', 'usr/libexec/opensmtpd/*')
    extra = ('sh',)
    key = 'RSA'  # its privilege separation knows no others here
    command = ('/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf')

    def configure(self):
        self.folder('var/lib/opensmtpd/empty')
        self.folder('var/spool/smtpd', mode=0o711)
        (self.root / 'etc/tls/cert.pem').chmod(0o600)
        self.write('etc/mailname', self.domain + '\n')
        self.write('etc/smtpd.conf', f'''pki mail cert "/etc/tls/cert.pem"
pki mail key "/etc/tls/key.pem"
listen on {self.host} port {self.port} tls pki mail hostname {self.hostname}
action "in" maildir "/home/{USER}/Maildir"
action "clear" relay host smtp://{self.clear[0]}:{self.clear[1]} helo {self.hostname}
action "out" relay host smtp://{self.smarthost[0]}:{self.smarthost[1]} helo {self.hostname}
table ours {{ {', '.join(self.domains)} }}
table boxes {{ {', '.join(f'{USER}@{domain}' for domain in self.domains)} }}
match from any for domain <ours> rcpt-to <boxes> action "in"
match from any for domain <ours> reject
match from any for domain "clear.test" action "clear"
match from any for any action "out"
''', 0o600)


class Exim(Peer):
    package = 'exim4-daemon-light'
    programs = ('usr/sbin/exim4',)
    command = ('/usr/sbin/exim4', '-bdf', '-q5s')

    def configure(self):
        for path in ('var/spool/exim4', 'var/log/exim4'):
            self.folder(path, 'Debian-exim')
        os.chown(self.root / 'etc/tls/key.pem', IDS['Debian-exim'], 0)
        shutil.rmtree(self.root / 'etc/exim4', ignore_errors=True)
        self.write('etc/exim4/exim4.conf', f'''primary_hostname = {self.hostname}
exim_user = Debian-exim
exim_group = Debian-exim
local_interfaces = {self.host}
daemon_smtp_ports = {self.port}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
log_selector = +tls_cipher +smtp_protocol_error +pipelining
domainlist local_domains = {' : '.join(self.domains)}
hostlist relay_from = 127.0.0.0/8
acl_smtp_rcpt = acl_rcpt
acl_smtp_dkim =
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
pipelining_connect_advertise_hosts =
rfc1413_hosts =
host_lookup =
never_users = root
trusted_users = Debian-exim
tls_advertise_hosts = *
tls_certificate = /etc/tls/cert.pem
tls_privatekey = /etc/tls/key.pem
begin acl
acl_rcpt:
  require verify = recipient
  accept
begin routers
local:
  driver = accept
  domains = +local_domains
  local_parts = {USER}
  transport = maildir
nobody:
  driver = redirect
  domains = +local_domains
  allow_fail
  data = :fail: no such user
out:
  driver = manualroute
  transport = smtp
  route_list = clear.test {self.clear[0]}::{self.clear[1]} ; * {self.smarthost[0]}::{self.smarthost[1]}
  self = send
begin transports
smtp:
  driver = smtp
  hosts_try_dane =
  allow_localhost
  tls_verify_hosts =
  tls_try_verify_hosts =
maildir:
  driver = appendfile
  maildir_format
  directory = /home/{USER}/Maildir
  create_directory
  return_path_add
  user = {USER}
  group = {USER}
  mode = 0600
begin retry
* * F,1h,5s
begin rewrite
begin authenticators
''')


PEERS = {'postfix': Postfix, 'opensmtpd': OpenSmtpd, 'exim': Exim}
