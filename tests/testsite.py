# SPDX-License-Identifier: ISC
"""A throw-away site for the tests of the whole server: the program itself makes it (`carteiro
init`), the kernel chooses the ports, and the server is ready when it has written them down.

    with Site() as site:
        site.deliver('ana', 'Subject: x', 'text')        # by the MX port, as a stranger would
        box = site.imap('ana')                           # imaplib, signed in over TLS
        ...

Leaving the block stops the server by its pid and fails when it did not end well or when a sanitizer
had something to say. The program is $CARTEIRO. Only the standard library is used.
"""
import atexit
import contextlib
import ctypes
import email.utils
import imaplib
import os
import pathlib
import poplib
import re
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

HOST = '127.0.0.1'
DOMAIN = 'example.test'
PASSWORD = 'tres tristes tigres'
SKIPPED = 77  # what meson takes for "skipped"
PR_SET_PDEATHSIG = 1
PATIENCE = 60  # seconds; only ever reached when something is broken

CARTEIRO = os.environ.get('CARTEIRO') or str(
    pathlib.Path(__file__).resolve().parent.parent / 'build-asan' / 'src' / 'carteiro')

# Every client of a test comes from one address.
SETTINGS = {
    'account': {'password_cost': '"minimal"', 'login_delay_max': '0s'},
    'listen': {'peer_max': 10000},
}


def put_setting(text, section, name, value):
    """The configuration's text with one setting changed or added."""
    line = f'{name} = {value}'
    if not section:
        first = re.search(r'(?m)^\w+\s*\{', text)
        head, mark = (text[:first.start()], text[first.start():]) if first else (text, '')
        changed, count = re.subn(rf'(?m)^\s*{name}\s*=.*$', line, head)
        return (changed if count else f'{line}\n{head}') + mark
    found = re.search(rf'(?ms)^{section}\s*\{{\n(.*?)^\}}', text)
    if not found:
        return f'{text}\n{section} {{\n    {line}\n}}\n'
    changed, count = re.subn(rf'(?m)^\s*{name}\s*=.*$', f'    {line}', found.group(1))
    inside = changed if count else f'    {line}\n{changed}'
    return text[:found.start(1)] + inside + text[found.end(1):]


def until(condition, what, patience=PATIENCE):
    """What the condition gives once it gives something true."""
    deadline = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f'in vain: {what}')
        time.sleep(0.01)
    return result


def message(subject, text, sender='ze@elsewhere.test', to=f'ana@{DOMAIN}', **header):
    """A message as bytes with CRLF, and its Message-ID."""
    message_id = f'<{secrets.token_hex(12)}@elsewhere.test>'
    lines = [f'From: <{sender}>', f'To: <{to}>', f'Subject: {subject}',
             f'Date: {email.utils.formatdate()}', f'Message-ID: {message_id}']
    lines += [f'{name}: {value}' for name, value in header.items()]
    return '\r\n'.join([*lines, '', *text.splitlines(), '']).encode(), message_id


def end_with_parent():
    """In a child about to be: it ends when the test is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Site:
    def __init__(self, accounts=('ana', 'bruno'), settings=None, place=None, domain=DOMAIN, host=HOST,
                 password=PASSWORD):
        self.domain, self.host, self.password = domain, host, password
        self.own_place = place is None
        self.place = pathlib.Path(place or tempfile.mkdtemp(prefix='carteiro-test-'))
        self.config = self.place / 'carteiro.conf'
        self.data = self.place / 'data'
        self.ca = self.place / 'cert.pem'
        self.log_path = self.place / 'server.log'
        self.process = None
        self.ports = {}
        self.closing = contextlib.ExitStack()
        atexit.register(self.abandon)
        self._make(accounts, settings or {})

    # ---- making

    def _make(self, accounts, settings):
        password = self.place / 'password'
        password.write_text(self.password + '\n')
        self.run('init', '--dir', str(self.place), '--domain', self.domain, '--account',
                 f'{accounts[0]}@{self.domain}', '--password-file', str(password), '--ports', 'any',
                 config=False)
        self._configure(settings)
        for name in accounts[1:]:
            self.run('account', 'add', f'{name}@{self.domain}', '--password-file', str(password))

    def _configure(self, settings):
        """The settings on top of what `carteiro init` wrote; section '' is the top of the file."""
        text = self.config.read_text()
        for part in (SETTINGS, settings):
            for section, values in part.items():
                for name, value in values.items():
                    text = put_setting(text, section, name, value)
        self.config.write_text(text)

    def run(self, *arguments, config=True, check=True, **kwargs):
        """A subcommand; its output as text."""
        command = [CARTEIRO, *(['--config', str(self.config)] if config else []), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                              **kwargs)
        if check and done.returncode:
            raise AssertionError(f'{" ".join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    # ---- running

    def start(self, preexec=None, poke=None):
        """Runs the server until it is ready; `poke`: a signal it is sent all the while."""
        ports = self.data / 'ports'
        ports.unlink(missing_ok=True)
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([CARTEIRO, '--config', str(self.config), 'serve'],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=lambda: (end_with_parent(), preexec and preexec()))

        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f'the server did not start (exit {self.process.returncode}):\n'
                                     f'{self.log()[-4000:]}')
            if poke:
                self.process.send_signal(poke)
            return ports.exists() and ports.stat().st_size > 0

        until(is_ready, 'the server writes its ports')
        for line in ports.read_text().splitlines():
            name, _, number = line.partition('=')
            self.ports[name.removesuffix('_PORT')] = int(number)
        return self

    def stop(self, poke=None):
        """SIGTERM to the server's pid; it must end by itself, well, and with no sanitizer's report.
        `poke`: another signal it is sent until then."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            while poke and process.poll() is None:
                process.send_signal(poke)
                time.sleep(0.001)  # thousands at once would be thousands of tasks
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f'the server did not stop:\n{self.log()[-4000:]}') from None
        self.check_log()
        if code != 0:
            raise AssertionError(f'the server ended with {code}:\n{self.log()[-4000:]}')

    def kill(self):
        """SIGKILL: nothing is written or said any more."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def abandon(self):
        """What is left when a test was cut short."""
        if self.process:
            self.kill()
        if self.own_place:
            shutil.rmtree(self.place, ignore_errors=True)

    def restart(self):
        self.stop()
        return self.start()

    def log(self):
        return self.log_path.read_text(errors='replace') if self.log_path.exists() else ''

    def check_log(self):
        for sign in ('AddressSanitizer', 'LeakSanitizer', 'ThreadSanitizer', 'runtime error:', 'CHECK('):
            if sign in self.log():
                at = self.log().index(sign)
                raise AssertionError(f'the server said:\n{self.log()[max(0, at - 500):at + 4000]}')

    def memory(self):
        """Resident bytes of the server."""
        text = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+)', text).group(1)) * 1024

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, kind, value, trace):
        try:
            self.closing.close()
            if kind is None:
                self.stop()
            elif self.process:
                self.process.kill()
                self.process.wait()
                print(f'--- the server\'s log:\n{self.log()[-6000:]}', file=sys.stderr)
        finally:
            if self.own_place:
                shutil.rmtree(self.place, ignore_errors=True)

    # ---- clients

    def tls(self):
        return ssl.create_default_context(cafile=str(self.ca))

    def connect(self, port, tls=False):
        """A plain socket, or one with TLS, with a deadline."""
        sock = socket.create_connection((self.host, self.ports[port]), timeout=PATIENCE)
        if tls:
            sock = self.tls().wrap_socket(sock, server_hostname=self.domain)
        return sock

    def smtp(self, port='SMTP'):
        return smtplib.SMTP(self.host, self.ports[port], local_hostname='elsewhere.test', timeout=PATIENCE)

    def submission(self, user):
        client = self.smtp('SUBMISSION')
        start_tls(client, self)
        client.login(f'{user}@{self.domain}', self.password)
        return client

    def deliver(self, to, subject='hello', text='the postman works', **header):
        """By the MX port, as another host does it. Gives the Message-ID back."""
        data, message_id = message(subject, text, to=f'{to}@{self.domain}', **header)
        client = self.smtp()
        refused = client.sendmail('ze@elsewhere.test', [f'{to}@{self.domain}'], data)
        assert not refused, refused
        client.quit()
        return message_id

    def imap(self, user, mailbox='INBOX'):
        """Signed in, with the mailbox selected (None: with none)."""
        box = imaplib.IMAP4(self.host, self.ports['IMAP'], timeout=PATIENCE)
        box.host = self.domain  # what the certificate is compared with
        box.starttls(self.tls())
        box.login(f'{user}@{self.domain}', self.password)
        if mailbox:
            expect(box.select(mailbox))
        return box

    def pop3(self, user):
        drop = poplib.POP3(self.host, self.ports['POP3'], timeout=PATIENCE)
        drop.host = self.domain
        drop.stls(self.tls())
        drop.user(f'{user}@{self.domain}')
        drop.pass_(self.password)
        return drop

    def count(self, user, mailbox='INBOX'):
        box = self.imap(user, mailbox)
        found = expect(box.search(None, 'ALL'))[0].split()
        box.logout()
        return len(found)

    def raw_messages(self, user, mailbox='INBOX'):
        """All messages of a mailbox as bytes, by uid."""
        box = self.imap(user, mailbox)
        found = expect(box.fetch('1:*', '(UID BODY.PEEK[])')) if expect(box.search(None, 'ALL'))[0] else []
        box.logout()
        return [part[1] for part in found if isinstance(part, tuple)]


def start_tls(client, site):
    """STARTTLS of smtplib with the site's certificate, whose name is not the address dialled."""
    client._host = site.domain
    client.ehlo()
    code, words = client.starttls(context=site.tls())
    assert code == 220, (code, words)
    client.ehlo()


def expect(answer):
    """What an imaplib call gave, which must be OK."""
    kind, data = answer
    if kind != 'OK':
        raise AssertionError(f'{kind} {data}')
    return data


class Talk:
    """A conversation line by line, for what no library would say."""

    def __init__(self, site, port, tls=False):
        self.site = site
        self.sock = site.connect(port, tls)
        self.file = self.sock.makefile('rb')

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def line(self):
        """The next line without its end; '' at the end of the connection."""
        return self.file.readline(70000).decode('utf-8', 'replace').rstrip('\r\n')

    def reply(self):
        """A whole SMTP reply: its code, and all its lines."""
        lines = [self.line()]
        while lines[-1][3:4] == '-':
            lines.append(self.line())
        return lines[0][:3], lines

    def ask(self, command):
        self.send(command + '\r\n' if isinstance(command, str) else command + b'\r\n')
        return self.reply()[0]

    def start_tls(self):
        self.file.close()
        self.sock = self.site.tls().wrap_socket(self.sock, server_hostname=self.site.domain)
        self.file = self.sock.makefile('rb')

    def is_closed(self):
        """Has the other end closed, once all it said is read?"""
        try:
            while self.file.read(65536):
                pass
        except (ConnectionResetError, ssl.SSLError):
            pass
        except TimeoutError:
            return False
        return True

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


class SiteTest(unittest.TestCase):
    """Test cases that share one site per class; set `settings` and `accounts` in the class."""
    settings = {}
    accounts = ('ana', 'bruno')

    @classmethod
    def setUpClass(cls):
        cls.site = Site(accounts=cls.accounts, settings=cls.settings)
        cls.site.start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.site.stop()
        finally:
            if cls.site.process:
                cls.site.process.kill()
            shutil.rmtree(cls.site.place, ignore_errors=True)

    def empty(self, user, mailbox='INBOX'):
        box = self.site.imap(user, mailbox)
        if expect(box.search(None, 'ALL'))[0]:
            expect(box.store('1:*', '+FLAGS', '(\\Deleted)'))
            expect(box.expunge())
        box.logout()


def need_tool(name):
    """Skips, visibly, where a tool is not there; ./check installs them all."""
    if not shutil.which(name):
        print(f'SKIPPED: {name} is not installed')
        sys.exit(SKIPPED)


def interrupt(signal_number, frame):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupt)  # so that what was started ends, and nothing is left
    unittest.main(verbosity=2)
