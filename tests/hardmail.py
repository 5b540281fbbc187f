# SPDX-License-Identifier: ISC
"""Hard messages and what is answered about them: reads tests/corpus/messages/*.mails (README there)
and asks an IMAP server over a bare socket, byte for byte, for no library would let all this through.
"""
import pathlib
import re
import socket

PLACE = pathlib.Path(__file__).resolve().parent / 'corpus' / 'messages'
NAMED = {'r': b'\r', 'n': b'\n', 't': b'\t', '0': b'\0', '\\': b'\\', '"': b'"'}
FOR_HUMANS = {13: '\\r', 10: '\\n', 9: '\\t', 0: '\\0', 92: '\\\\', 34: '\\"'}


def unescape(text):
    """The bytes that a line of the file means."""
    out, at = b'', 0
    while at < len(text):
        end = text.find('\\', at)
        if end < 0:
            return out + text[at:].encode()
        out += text[at:end].encode()
        kind = text[end + 1]
        at = end + 2
        if kind == 'x':
            out += bytes([int(text[at:at + 2], 16)])
            at += 2
        elif kind == '{':
            close = text.index('}', at)
            count, _, what = text[at:close].partition('*')
            out += int(count) * unescape(what)
            at = close + 1
        else:
            out += NAMED[kind]
    return out


def quoted(data):
    """Bytes as the file writes them."""
    return '"' + ''.join(FOR_HUMANS.get(c) or (chr(c) if 32 <= c < 127 else f'\\x{c:02x}') for c in data) + '"'


class Mail:
    def __init__(self, file, name):
        self.file, self.name = file, name
        self.lines, self.notes = [], []
        self.answers = {}  # '"BODY[1]"': as text

    @property
    def data(self):
        return b''.join(unescape(line[:-2]) if line.endswith('\\.') else unescape(line) + b'\r\n'
                        for line in self.lines)

    def expected(self, question):
        """The answer, with a range of the message written out."""
        text = self.answers[question]
        found = re.fullmatch(r'@(\d+)\+(\d+)', text)
        if not found:
            return text
        start, size = map(int, found.groups())
        return quoted(self.data[start:start + size])


def read_file(path):
    mails = []
    for line in path.read_text().split('\n'):
        if line.startswith('== '):
            mails.append(Mail(path.stem, line[3:]))
        elif line.startswith('|'):
            mails[-1].lines.append(line[1:])
        elif line.startswith('~ '):
            mails[-1].notes.append(line[2:])
        elif line and not line.startswith('#'):
            question, answer = re.fullmatch(r'((?:BODY|BINARY)[A-Z.]*\[[^]]*\]\S*|\S+) (.*)', line).groups()
            mails[-1].answers[question] = answer
    return mails


def read_all(only=None):
    return [mail for path in sorted(PLACE.glob('*.mails')) if only in (None, path.stem)
            for mail in read_file(path)]


# ---- what the server says

class Answer:
    """Reads one response of an IMAP server, literals and all."""

    def __init__(self, file):
        self.file = file
        self.data = b''
        while True:
            line = file.readline()
            if not line:
                raise EOFError('the server closed the connection')
            self.data += line
            found = re.search(rb'\{(\d+)\}\r\n\Z', line)
            if not found:
                break
            self.data += file.read(int(found.group(1)))
        self.at = 0

    @classmethod
    def over(cls, data):
        """Of bytes at hand."""
        answer = cls.__new__(cls)
        answer.data, answer.at = data, 0
        return answer

    def named(self):
        """A list of names and values, the values as the server wrote them."""
        out = {}
        self.at += 1
        while True:
            self.space()
            if self.data[self.at:self.at + 1] == b')':
                return out
            name = self.value()
            self.space()
            start = self.at
            self.value()
            out[str(name)] = self.data[start:self.at]

    def space(self):
        while self.data[self.at:self.at + 1] == b' ':
            self.at += 1

    def value(self):
        """A list, bytes, None for NIL, or an atom as text."""
        self.space()
        c = self.data[self.at:self.at + 1]
        if c == b'(':
            return self.list()
        if c == b'"':
            return self.quoted()
        found = re.compile(rb'~?\{(\d+)\}\r\n').match(self.data, self.at)
        if found:
            start = found.end()
            self.at = start + int(found.group(1))
            return self.data[start:self.at]
        found = re.compile(rb'(?:BODY|BINARY)[A-Z.]*\[[^]]*\](?:<\d+>)?|[^\s()"]+').match(self.data, self.at)
        if not found:
            raise ValueError(f'no value at {self.data[self.at:self.at + 40]!r}')
        self.at = found.end()
        return None if found.group() == b'NIL' else found.group().decode()

    def list(self):
        self.at += 1
        items = []
        while True:
            self.space()
            if self.data[self.at:self.at + 1] == b')':
                self.at += 1
                return items
            items.append(self.value())

    def quoted(self):
        out = b''
        self.at += 1
        while self.data[self.at] != 0x22:
            if self.data[self.at] == 0x5c:
                self.at += 1
            out += self.data[self.at:self.at + 1]
            self.at += 1
        self.at += 1
        return out


def told(data):
    """A piece of a response as the file writes it: literal or quoted is all the same, and the rest,
    blanks too, stays."""
    out, at = '', 0
    strings = re.compile(rb'~?\{(\d+)\}\r\n|"((?:[^"\\]|\\.)*)"', re.DOTALL)
    while found := strings.search(data, at):
        out += data[at:found.start()].decode()
        at = found.end()
        if found.group(1) is None:
            text = re.sub(rb'\\(.)', rb'\1', found.group(2), flags=re.DOTALL)
        else:
            text = data[at:at + int(found.group(1))]
            at += len(text)
        out += quoted(text)
    return out + data[at:].decode()


class Imap:
    """Signed in over a bare socket."""

    def __init__(self, sock, user, password):
        self.sock = sock
        self.file = sock.makefile('rb')
        self.count = 0
        self.capabilities = set()
        Answer(self.file)
        self.ok(f'LOGIN "{user}" "{password}"')
        for line in self.ok('CAPABILITY'):
            if line.startswith(b'* CAPABILITY'):
                self.capabilities = set(line.decode().split()[2:])

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, command, literal=None):
        """All untagged lines, and the tagged one without its tag."""
        self.count += 1
        tag = f't{self.count}'.encode()
        command = command.encode() if isinstance(command, str) else command
        self.send(tag + b' ' + command + b'\r\n')
        untagged = []
        while True:
            line = Answer(self.file)
            if line.data.startswith(b'+') and literal is not None:
                self.send(literal + b'\r\n')
                literal = None
            elif line.data.startswith(tag + b' '):
                return untagged, line.data[len(tag) + 1:].decode('utf-8', 'replace').rstrip()
            else:
                untagged.append(line.data)
                self.last = line

    def ok(self, command, literal=None):
        untagged, status = self.ask(command, literal)
        if not status.startswith('OK'):
            raise AssertionError(f'{command}: {status}')
        return untagged

    def append(self, mailbox, data, is_binary=False):
        """True when it was taken."""
        mark = '~' if is_binary else ''
        _, status = self.ask(f'APPEND {mailbox} {mark}{{{len(data)}}}', data)
        return status.startswith('OK'), status

    def fetch(self, number, questions):
        """Answers by question, as the file writes them. A partial is told without its length."""
        untagged, status = self.ask(f'FETCH {number} ({" ".join(questions)})')
        answers = {}
        for data in untagged:
            if re.match(rb'\* \d+ FETCH ', data):
                for name, value in Answer.over(data[data.index(b'('):]).named().items():
                    answers[name.upper()] = told(value)
        return {q: answers[key] for q in questions if (key := told_name(q)) in answers}, status


def told_name(question):
    return re.sub(r'<(\d+)\.\d+>$', r'<\1>', question.replace('.PEEK', '')).upper()


def connect(host, port, user, password):
    return Imap(socket.create_connection((host, port), timeout=60), user, password)
