# SPDX-License-Identifier: ISC
"""Conversations of SMTP, IMAP and POP3, spoken line by line over plain sockets, so that what is
printed is what went over the wire; only passwords are hidden. For ./try and ./try --lab. `site` is a
site.env as a dictionary.
"""
import base64
import socket
import ssl
import sys

DIM, BOLD, OFF = ('\033[2m', '\033[1m', '\033[0m') if sys.stdout.isatty() else ('', '', '')


class Unexpected(Exception):
    pass


class Talk:
    """One connection: every line said or heard is printed."""

    def __init__(self, title, site, port):
        print(f'\n{BOLD}{title}{OFF} {DIM}({site["HOST"]} port {port}){OFF}\n')
        self.site = site
        self.socket = socket.create_connection((site['HOST'], int(port)), timeout=30)
        self.file = self.socket.makefile('rb')

    def hear(self):
        line = self.file.readline(65536)
        if not line:
            raise Unexpected('the server closed the connection')
        text = line.decode('utf-8', 'replace').rstrip('\r\n')
        print(f'  {DIM}S:{OFF} {text}')
        return text

    def say(self, line, shown=None):
        print(f'  {BOLD}C: {shown or line}{OFF}')
        self.socket.sendall(line.encode() + b'\r\n')

    def start_tls(self):
        context = ssl.create_default_context(cafile=self.site['CAFILE'])
        self.file.close()
        self.socket = context.wrap_socket(self.socket, server_hostname=self.site['DOMAIN'])
        self.file = self.socket.makefile('rb')
        version, cipher = self.socket.version(), self.socket.cipher()[0]
        print(f'  {DIM}-- from here on encrypted: {version}, {cipher}{OFF}')

    def close(self):
        self.file.close()
        self.socket.close()


class Smtp(Talk):
    def expect(self, code):
        while True:
            line = self.hear()
            if not line.startswith(code):
                raise Unexpected(f'expected {code}, the server said: {line}')
            if line[3:4] != '-':
                return

    def ask(self, line, code, shown=None):
        self.say(line, shown)
        self.expect(code)


    def sign_in(self, user, password):
        """From the greeting to the end of AUTH."""
        plain = base64.b64encode(f'\0{user}\0{password}'.encode()).decode()
        host = self.site['HOST']
        self.expect('220')
        self.ask(f'EHLO {host}' if host[0].isalpha() else f'EHLO [{host}]', '250')
        self.ask('STARTTLS', '220')
        self.start_tls()
        self.ask(f'EHLO laptop.{self.site["DOMAIN"]}', '250')
        self.ask(f'AUTH PLAIN {plain}', '235', 'AUTH PLAIN (name and password in base64)')

    def hand_in(self, sender, recipient, lines):
        """One mail, and goodbye."""
        self.ask(f'MAIL FROM:<{sender}>', '250')
        self.ask(f'RCPT TO:<{recipient}>', '250')
        self.ask('DATA', '354')
        for line in lines:
            self.say(line)
        self.ask('.', '250')
        self.ask('QUIT', '221')
        self.close()


class Imap(Talk):
    def sign_in(self, user, password):
        self.hear()
        self.ask('a1', 'STARTTLS')
        self.start_tls()
        self.ask('a2', f'LOGIN {user} {password}', f'LOGIN {user} (password)')

    def ask(self, tag, line, shown=None):
        """The untagged lines of a command that must succeed."""
        self.say(f'{tag} {line}', shown and f'{tag} {shown}')
        lines = []
        while True:
            heard = self.hear()
            if heard.startswith(f'{tag} '):
                if not heard.startswith(f'{tag} OK'):
                    raise Unexpected(f'the server said: {heard}')
                return lines
            lines.append(heard)


    def read(self, message_id):
        """The lines of FETCHing the one mail of INBOX with that Message-ID, and goodbye."""
        self.ask('a3', 'SELECT INBOX')
        found = self.ask('a4', f'UID SEARCH HEADER Message-ID "{message_id}"')
        uids = [line.split()[2:] for line in found if line.startswith('* SEARCH')][0]
        if len(uids) != 1:
            raise Unexpected(f'{len(uids)} mails with that Message-ID, not one')
        lines = self.ask('a5', f'UID FETCH {uids[0]} (FLAGS BODY.PEEK[])')
        self.ask('a6', 'LOGOUT')
        self.close()
        return lines


class Pop3(Talk):
    def ask(self, line, shown=None):
        self.say(line, shown)
        return self.expect()

    def expect(self):
        heard = self.hear()
        if not heard.startswith('+OK'):
            raise Unexpected(f'the server said: {heard}')
        return heard

    def rest(self):
        lines = []
        while (line := self.hear()) != '.':
            lines.append(line[1:] if line.startswith('.') else line)
        return lines


def read_site(path):
    """A site.env."""
    with open(path, encoding='utf-8') as file:
        return dict(line.rstrip('\n').split('=', 1) for line in file if '=' in line)
