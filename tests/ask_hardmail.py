# SPDX-License-Identifier: ISC
"""By hand: what other IMAP servers say of the hard messages, to be weighed against the table.

    python3 tests/ask_hardmail.py [--file addresses] NAME=HOST:PORT:USER:PASSWORD ...

Makes a mailbox of its own on each, appends every message, asks the table's questions and prints the
answers that differ from the table's, without those ways that the README tells of. A message that has
no answers yet is asked the usual questions: what comes is a proposal until somebody has read it.
"""
import argparse
import re
import secrets

import hardmail

USUAL = ['ENVELOPE', 'BODY', 'BODYSTRUCTURE', 'BODY[HEADER]', 'BODY[TEXT]', 'BODY[1]', 'BODY[1.MIME]',
         'BINARY[1]', 'BINARY.SIZE[1]']


def plain(question, answer):
    """Without the ways of Dovecot and Cyrus that the README tells of."""
    answer = answer.casefold().replace(')(', ') (').replace('("charset" "us-ascii")', 'nil')
    answer = answer.replace(' "charset" "us-ascii")', ')')
    answer = re.sub('"(missing_domain|missing_mailbox|unspecified-domain)"', '""', answer)
    if question == 'ENVELOPE':
        answer = re.sub(r'(\\t| )+', ' ', answer).replace('" ', '"').replace(' "', '"')
    return answer


def is_same(question, want, got):
    if want == 'NIL' and question.startswith('BODY['):
        return True  # how Dovecot says it, and what it takes for 1.1
    if want.startswith('!'):
        return got.startswith('!')
    want, got = plain(question, want), plain(question, got)
    return got in (want, re.sub(r'\\x[89a-f][0-9a-f]', 'x', want))


class Server:
    def __init__(self, text):
        self.name, _, rest = text.partition('=')
        host, port, user, password = rest.split(':')
        self.where = (host, int(port), user, password)
        self.mailbox = f'hard-{secrets.token_hex(4)}'
        self.imap = hardmail.connect(*self.where)
        self.imap.ok(f'CREATE {self.mailbox}')
        self.numbers = {}

    def put(self, mail):
        is_taken, status = self.imap.append(self.mailbox, mail.data)
        if is_taken:
            self.numbers[mail] = len(self.numbers) + 1
        else:
            print(f'{mail.file}: {mail.name}: {self.name} does not take it: {status}')

    def fetch(self, mail, questions):
        """A server may answer with nothing that can be read, or hang up."""
        try:
            return self.imap.fetch(self.numbers[mail], questions)
        except ValueError as error:
            return {}, str(error)
        except EOFError:
            self.imap = hardmail.connect(*self.where)
            self.imap.ok(f'SELECT {self.mailbox}')
            return {}, 'hung up'

    def answers(self, mail, questions):
        """Asked one by one where a server refuses the lot."""
        found, _ = self.fetch(mail, questions)
        for q in questions:
            if q not in found:
                one, status = self.fetch(mail, [q])
                found[q] = one.get(q, '!' + status)
        return found

    def close(self):
        self.imap.ask('CLOSE')
        self.imap.ask(f'DELETE {self.mailbox}')


def show(server, mail):
    """Prints what differs."""
    for question, got in server.answers(mail, list(mail.answers) or USUAL).items():
        want = mail.expected(question) if mail.answers else ''
        if not is_same(question, want, got):
            print(f'{mail.file}: {mail.name}: {question}\n  want    {want}\n  {server.name:7} {got}')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('servers', nargs='+', metavar='NAME=HOST:PORT:USER:PASSWORD')
    p.add_argument('--file')
    options = p.parse_args()
    mails = hardmail.read_all(options.file)
    for server in map(Server, options.servers):
        for mail in mails:
            server.put(mail)
        server.imap.ok(f'SELECT {server.mailbox}')
        for mail in mails:
            if mail in server.numbers:
                show(server, mail)
        server.close()


if __name__ == '__main__':
    main()
