#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A mail server that behaves as it is told: the far side for tests of the whole program.

    far = farside.FarSide('127.0.5.1', 25, behaviour='dot_close')
    far.mails          what it took over: Mail objects, the body byte for byte
    far.talks          every connection, with the lines it heard and said
    far.connections    how many there were; far.at_once_max: at the same time
    far.wait(lambda: len(far.mails) == 3)     until it is so, no sleeping
    far.behave('well')                        from the next command on
    far.stop()

A behaviour is a name of BEHAVIOURS or a dict of the same form: what is answered at a step, instead
of what a good server says. `far.extensions` is what EHLO offers. As a program:

    farside.py --address 127.0.5.1 --port 2525 --behaviour rcpt_450 --cert c.pem --key k.pem

prints a JSON line for each mail it took over, until its standard input ends.
"""
import argparse
import json
import socket
import ssl
import struct
import sys
import threading
import time


# ---- what can be done instead of a plain answer

class Close:
    """Says something, perhaps, then hangs up."""
    def __init__(self, text=''):
        self.text = text

    def __call__(self, talk):
        talk.say(self.text)
        raise Gone


class Reset:
    """As a crash of the machine: RST instead of FIN."""
    def __call__(self, talk):
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise Gone


class Silent:
    """Says nothing more, but stays."""
    def __call__(self, talk):
        talk.far.stopping.wait()
        raise Gone


class Drip:
    """One byte each so many seconds."""
    def __init__(self, text, pause=1.0):
        self.text, self.pause = text, pause

    def __call__(self, talk):
        for byte in self.text.encode('latin-1'):
            talk.put(bytes([byte]))
            if talk.far.stopping.wait(self.pause):
                raise Gone


class Slow:
    """The good answer, late."""
    def __init__(self, text, pause):
        self.text, self.pause = text, pause

    def __call__(self, talk):
        if talk.far.stopping.wait(self.pause):
            raise Gone
        talk.say(self.text)


class Flood:
    """The same bytes until nobody listens any more, or so many times."""
    def __init__(self, piece, times=1000000):
        self.piece, self.times = piece.encode('latin-1'), times

    def __call__(self, talk):
        for _ in range(self.times):
            talk.put(self.piece * 100)
        raise Gone


class Tls:
    """The answer to STARTTLS, then something else than a handshake."""
    def __init__(self, after):
        self.after = after

    def __call__(self, talk):
        talk.say('220 2.0.0 go ahead\r\n')
        if self.after is None:
            Silent()(talk)
        talk.put(self.after)
        talk.drain()
        raise Gone


class Often:
    """That answer the first times, the good one after: greylisting, a server that recovers."""
    def __init__(self, times, answer):
        self.times, self.answer = times, answer

    def __call__(self, talk):
        with talk.far.lock:
            key = (id(self), talk.argument)
            talk.far.counts[key] = talk.far.counts.get(key, 0) + 1
            is_now = talk.far.counts[key] <= self.times
        return talk.act(self.answer) if is_now else False


class After:
    """The good answer so many times in a session, then that."""
    def __init__(self, times, answer):
        self.times, self.answer = times, answer

    def __call__(self, talk):
        key = (id(self), talk.step)
        talk.counts[key] = talk.counts.get(key, 0) + 1
        return False if talk.counts[key] <= self.times else talk.act(self.answer)


class Only:
    """That answer to who has this in his line, the good one to all others."""
    def __init__(self, word, answer):
        self.word, self.answer = word, answer

    def __call__(self, talk):
        return talk.act(self.answer) if self.word in talk.line else False


MEGABYTE = '250-' + 'x' * 70 + '\r\n'

# Steps: greet ehlo helo starttls mail rcpt data body dot bdat rset quit. `body` comes when some of
# the message has arrived, before its end. A string is said as it is.
BEHAVIOURS = {
    'well': {},
    'greet_421': {'greet': Close('421 4.3.2 busy\r\n')},
    'greet_451': {'greet': '451 4.3.2 not now\r\n'},
    'greet_554': {'greet': '554 5.3.2 no mail here\r\n'},
    'greet_250': {'greet': '250 hello\r\n'},
    'greet_close': {'greet': Close()},
    'greet_reset': {'greet': Reset()},
    'greet_silent': {'greet': Silent()},
    'greet_drip': {'greet': Drip('220 slowly\r\n', 60)},
    'greet_slow': {'greet': Slow('220 at last\r\n', 2)},
    'greet_endless': {'greet': Flood('220-and on\r\n')},
    'greet_ssh': {'greet': 'SSH-2.0-OpenSSH_9.2\r\n'},
    'greet_999': {'greet': '999 what\r\n'},
    'ehlo_500': {'ehlo': '500 5.5.1 what\r\n'},
    'ehlo_550': {'ehlo': '550 5.7.1 no\r\n', 'helo': '550 5.7.1 no\r\n'},
    'ehlo_421': {'ehlo': Close('421 4.3.2 going\r\n')},
    'ehlo_close': {'ehlo': Close()},
    'ehlo_megabyte': {'ehlo': Flood(MEGABYTE, 150)},
    'ehlo_long_line': {'ehlo': Flood('250-' + 'x' * 1000, 100)},
    'ehlo_nothing': {'ehlo': '250 far.test\r\n'},
    'size_small': {'ehlo': '250-far.test\r\n250 SIZE 100\r\n'},
    'size_lies': {'ehlo': '250-far.test\r\n250 SIZE 100000000\r\n', 'body': Close('552 5.3.4 too big\r\n')},
    'starttls_454': {'starttls': '454 4.7.0 not now\r\n'},
    'starttls_garbage': {'starttls': Tls(b'this is no TLS\r\n' * 20)},
    'starttls_silent': {'starttls': Tls(None)},
    'starttls_close': {'starttls': Close('220 2.0.0 go ahead\r\n')},
    'starttls_injected': {'starttls': Tls(b'250 injected\r\n')},
    'mail_421': {'mail': Close('421 4.3.2 going\r\n')},
    'mail_450': {'mail': '450 4.2.0 later\r\n'},
    'mail_550': {'mail': '550 5.7.1 not you\r\n'},
    'mail_354': {'mail': '354 go\r\n'},
    'mail_close': {'mail': Close()},
    'mail_silent': {'mail': Silent()},
    'rcpt_450': {'rcpt': '450 4.2.1 later\r\n'},
    'rcpt_550': {'rcpt': '550 5.1.1 nobody\r\n'},
    'rcpt_550_nobody': {'rcpt': Only('nobody@', '550 5.1.1 nobody\r\n')},
    'rcpt_251': {'rcpt': '251 2.1.5 will forward\r\n'},
    'rcpt_354': {'rcpt': '354 go\r\n'},
    'rcpt_421': {'rcpt': Close('421 4.7.0 enough\r\n')},
    'rcpt_452_after_2': {'rcpt': After(2, '452 4.5.3 too many\r\n')},
    'rcpt_close': {'rcpt': Close()},
    'greylist': {'rcpt': Often(1, '450 4.7.1 come again\r\n')},
    'data_250': {'data': '250 ok\r\n'},
    'data_421': {'data': Close('421 4.3.2 going\r\n')},
    'data_451': {'data': '451 4.3.0 later\r\n'},
    'data_554': {'data': '554 5.5.1 no\r\n'},
    'data_close': {'data': Close()},
    'data_silent': {'data': Silent()},
    'data_354_to_nobody': {'rcpt': '550 5.1.1 nobody\r\n', 'data': '354 go\r\n'},
    'body_552': {'body': Close('552 5.3.4 too big\r\n')},
    'body_close': {'body': Close()},
    'body_reset': {'body': Reset()},
    'body_silent': {'body': Silent()},
    'dot_421': {'dot': Close('421 4.3.2 going\r\n')},
    'dot_451': {'dot': '451 4.3.0 later\r\n'},
    'dot_451_once': {'dot': Often(1, '451 4.3.0 later\r\n')},
    'dot_554': {'dot': '554 5.6.0 spam\r\n'},
    'dot_354': {'dot': '354 go\r\n'},
    'dot_close': {'dot': Close()},
    'dot_close_once': {'dot': Often(1, Close())},
    'dot_reset': {'dot': Reset()},
    'dot_silent': {'dot': Silent()},
    'dot_slow': {'dot': Slow('250 2.0.0 at last\r\n', 2)},
    'dot_kept_and_close': {'dot': Close('250 2.0.0 kept\r\n')},
    'dot_twice': {'dot': '250 2.0.0 kept\r\n250 2.0.0 and again\r\n'},
    'mail_twice': {'mail': '250 2.1.0 ok\r\n250 2.1.0 ok\r\n'},
    'one_mail': {'mail': After(1, Close('421 4.7.0 one mail a session\r\n'))},
    'quit_close': {'quit': Close()},
    'quit_silent': {'quit': Silent()},
    'reply_nul': {'mail': '250 a\0b\r\n', 'dot': '250 2.0.0 ke\0pt\r\n'},
    'reply_8bit': {'rcpt': '550 5.1.1 n\xe3o h\xe1\r\n'},
    'reply_bare_lf': {'mail': '250 ok\n', 'rcpt': '250 ok\n', 'dot': '250 ok\n'},
    'reply_no_enhanced': {'mail': '250 ok\r\n', 'rcpt': '550 nobody\r\n'},
    'reply_wrong_class': {'rcpt': '550 2.1.5 nobody\r\n'},
    'reply_other_code': {'mail': '250-ok\r\n550 no\r\n'},
    'no_pipelining': {'ehlo': '250-far.test\r\n250-8BITMIME\r\n250 SIZE 0\r\n'},
    'limits': {'ehlo': '250-far.test\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=2 RCPTMAX=3\r\n'},
}

EXTENSIONS = ['PIPELINING', 'SIZE 52428800', '8BITMIME', 'ENHANCEDSTATUSCODES', 'SMTPUTF8', 'DSN',
              'CHUNKING']


class Gone(Exception):
    """This connection is over."""


class Mail:
    """One mail that was taken over (250 was said, or would have been)."""
    def __init__(self, talk, sender):
        self.talk, self.sender, self.recipients, self.body = talk, sender, [], b''
        self.helo, self.has_tls = talk.helo, talk.has_tls
        self.is_acknowledged = False

    def as_json(self):
        return json.dumps({'sender': self.sender, 'recipients': self.recipients,
                           'helo': self.helo, 'tls': self.has_tls, 'size': len(self.body),
                           'acknowledged': self.is_acknowledged})


class Talk(threading.Thread):
    """One connection."""
    def __init__(self, far, sock, peer):
        super().__init__(daemon=True)
        self.far, self.socket, self.peer = far, sock, peer
        self.heard, self.said = [], []
        self.pending = b''
        self.helo, self.has_tls, self.mail = None, False, None
        self.line = self.argument = self.step = ''
        self.counts = {}

    # -- bytes

    def put(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone from error

    def say(self, text):
        if text:
            self.said.append(text)
            self.put(text.encode('latin-1'))
            self.far.news()

    def more(self):
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self.pending += data

    def drain(self):
        while True:
            self.pending = b''
            self.more()

    def take(self, count):
        while len(self.pending) < count:
            self.more()
        data, self.pending = self.pending[:count], self.pending[count:]
        return data

    def next_line(self):
        while b'\r\n' not in self.pending:
            self.more()
        line, self.pending = self.pending.split(b'\r\n', 1)
        return line.decode('utf-8', 'surrogateescape')

    # -- steps

    def act(self, action):
        """True when it has answered."""
        if isinstance(action, str):
            self.say(action)
            return True
        return action(self) is not False

    def answer(self, step, good):
        self.step = step
        action = self.far.behaviour.get(step)
        if action is None or not self.act(action):
            self.say(good)
        return action is None or not self.said or self.said[-1][:1] in '23'

    def run(self):
        try:
            if self.far.implicit_tls:
                self.start_tls()
            if self.answer('greet', f'220 {self.far.name} ESMTP\r\n'):
                while self.command():
                    pass
        except (Gone, OSError, ssl.SSLError):
            pass
        finally:
            self.far.left(self)
            try:
                self.socket.close()
            except OSError:
                pass

    def start_tls(self):
        self.socket = self.far.tls.wrap_socket(self.socket, server_side=True)
        self.has_tls, self.pending = True, b''

    def command(self):
        self.line = self.next_line()
        self.heard.append(self.line)
        verb, _, self.argument = self.line.partition(' ')
        handler = getattr(self, 'on_' + verb.lower(), None)
        if handler is None:
            self.say('500 5.5.2 what\r\n')
            return True
        return handler() is not False

    def on_ehlo(self):
        self.helo = self.argument
        lines = [self.far.name] + [e for e in self.far.extensions]
        if self.far.tls and not self.has_tls and not self.far.implicit_tls:
            lines.append('STARTTLS')
        text = ''.join(f'250-{line}\r\n' for line in lines[:-1]) + f'250 {lines[-1]}\r\n'
        self.answer('ehlo', text)

    on_lhlo = on_ehlo

    def on_helo(self):
        self.helo = self.argument
        self.answer('helo', f'250 {self.far.name}\r\n')

    def on_starttls(self):
        if self.answer('starttls', '220 2.0.0 go ahead\r\n'):
            self.start_tls()

    def on_mail(self):
        sender = self.argument.partition(':')[2]
        if self.answer('mail', '250 2.1.0 ok\r\n'):
            self.mail = Mail(self, sender)

    def on_rcpt(self):
        if self.mail is None:
            self.say('503 5.5.1 MAIL first\r\n')
        elif self.answer('rcpt', '250 2.1.5 ok\r\n'):
            self.mail.recipients.append(self.argument.partition(':')[2])

    def on_rset(self):
        self.mail = None
        self.answer('rset', '250 2.0.0 ok\r\n')

    def on_noop(self):
        self.say('250 2.0.0 ok\r\n')

    def on_quit(self):
        self.answer('quit', '221 2.0.0 bye\r\n')
        return False

    def on_data(self):
        if not (self.mail and self.mail.recipients) and 'data' not in self.far.behaviour:
            self.say('554 5.5.1 no recipients\r\n')
            return
        if not self.answer('data', '354 go ahead\r\n') or not self.said[-1].startswith('354'):
            return
        text = self.take_text()
        lines = [l[1:] if l.startswith(b'.') else l for l in text.split(b'\r\n')]
        self.end_mail(b'\r\n'.join(lines))

    def take_text(self):
        text = bytearray(b'\r\n')
        while True:
            seen = max(0, len(text) - 4)
            text += self.pending
            self.pending = b''
            end = text.find(b'\r\n.\r\n', seen)
            if end >= 0:
                self.pending = bytes(text[end + 5:])
                return bytes(text[2:end + 2])
            if len(text) > 2 and 'body' in self.far.behaviour:
                self.answer('body', '')
            self.more()

    def on_bdat(self):
        words = self.argument.split()
        if 'body' in self.far.behaviour:
            self.take(1)
            self.answer('body', '')
        data = self.take(int(words[0]))
        if not (self.mail and self.mail.recipients):
            self.say('503 5.5.1 no recipients\r\n')
            return
        self.mail.body += data
        if len(words) > 1:
            self.end_mail(self.mail.body)
        else:
            self.answer('bdat', f'250 2.0.0 {words[0]} bytes\r\n')

    def end_mail(self, body):
        mail, self.mail = self.mail or Mail(self, ''), None
        mail.body = body
        self.far.took(mail)
        self.said.append('')
        for _ in range(len(mail.recipients) if self.far.lmtp else 1):
            try:
                self.answer('dot', '250 2.0.0 kept\r\n')
            finally:
                mail.is_acknowledged = bool(self.said) and self.said[-1].startswith('2')
        self.far.news()


class FarSide:
    """Listens at once; port 0: the kernel chooses, see .port."""
    def __init__(self, address='127.0.0.1', port=0, behaviour='well', certificate=None, key=None,
                 implicit_tls=False, lmtp=False, name='far.test', extensions=None):
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.stopping = threading.Event()
        self.name, self.lmtp, self.implicit_tls = name, lmtp, implicit_tls
        self.extensions = EXTENSIONS if extensions is None else extensions
        self.mails, self.talks, self.counts = [], [], {}
        self.connections = self.at_once = self.at_once_max = 0
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)
        self.behave(behaviour)
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.address, self.port = self.listener.getsockname()[:2]
        threading.Thread(target=self.accept, daemon=True).start()

    def behave(self, behaviour):
        """A name, a dict, or several of them: the later ones count."""
        merged = {}
        for one in behaviour if isinstance(behaviour, (list, tuple)) else [behaviour]:
            merged.update(BEHAVIOURS[one] if isinstance(one, str) else one)
        self.behaviour = merged

    def accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            talk = Talk(self, sock, peer)
            with self.lock:
                self.talks.append(talk)
                self.connections += 1
                self.at_once += 1
                self.at_once_max = max(self.at_once_max, self.at_once)
            talk.start()
            self.news()

    def left(self, _talk):
        with self.lock:
            self.at_once -= 1
        self.news()

    def took(self, mail):
        with self.lock:
            self.mails.append(mail)

    def news(self):
        with self.changed:
            self.changed.notify_all()

    def acknowledged(self):
        """The mails to which it said 250: those that count as sent."""
        with self.lock:
            return [mail for mail in self.mails if mail.is_acknowledged]

    def wait(self, holds, seconds=60):
        """Until it holds; looked at whenever something happened."""
        end = time.monotonic() + seconds
        with self.changed:
            while not holds():
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f'in vain, after {seconds} s; heard:\n' + self.heard())
                self.changed.wait(min(left, 1))

    def heard(self):
        """The lines of each connection, for people."""
        with self.lock:
            return '\n'.join(f'  {n}: {line[:200]}' for n, talk in enumerate(self.talks) for line in talk.heard)

    def refusals(self, answer):
        """How often it said that."""
        with self.lock:
            return sum(talk.said.count(answer) for talk in self.talks)

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            talks = list(self.talks)
        for talk in talks:
            try:
                talk.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--address', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=2525)
    parser.add_argument('--behaviour', action='append', choices=sorted(BEHAVIOURS))
    parser.add_argument('--cert')
    parser.add_argument('--key')
    parser.add_argument('--lmtp', action='store_true')
    parser.add_argument('--name', default='far.test')
    options = parser.parse_args()
    far = FarSide(options.address, options.port, options.behaviour or 'well', options.cert,
                  options.key, lmtp=options.lmtp, name=options.name)
    print(f'{far.address} {far.port}', flush=True)
    took = far.took

    def tell(mail):
        took(mail)
        print(mail.as_json(), flush=True)

    far.took = tell
    sys.stdin.read()
    far.stop()


if __name__ == '__main__':
    main()
