#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""One mail by `carteiro send` to servers that misbehave, over real sockets: what it says of the
mail (by its exit status) and what the far side had of it. Silent and slow ones are met in the
simulator (tests/farside), where waiting costs nothing."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import farside

SENT, LATER, REFUSED = 0, 75, 69

# What the command says, and how many mails the far side came to the end of.
CASES = {
    'well': (SENT, 1), 'rcpt_251': (SENT, 1), 'ehlo_500': (SENT, 1), 'ehlo_nothing': (SENT, 1),
    'no_pipelining': (SENT, 1), 'limits': (SENT, 1), 'reply_nul': (SENT, 1),
    'reply_bare_lf': (SENT, 1), 'dot_kept_and_close': (SENT, 1), 'quit_close': (SENT, 1),
    'dot_twice': (SENT, 1), 'size_small': (REFUSED, 0),
    'greet_421': (LATER, 0), 'greet_451': (LATER, 0), 'greet_554': (REFUSED, 0),
    'greet_250': (LATER, 0), 'greet_close': (LATER, 0), 'greet_reset': (LATER, 0),
    'greet_endless': (LATER, 0), 'greet_ssh': (LATER, 0), 'greet_999': (LATER, 0),
    'ehlo_550': (REFUSED, 0), 'ehlo_421': (LATER, 0), 'ehlo_close': (LATER, 0),
    'ehlo_megabyte': (LATER, 0), 'ehlo_long_line': (LATER, 0),
    'mail_421': (LATER, 0), 'mail_450': (LATER, 0), 'mail_550': (REFUSED, 0),
    'mail_354': (LATER, 0), 'mail_close': (LATER, 0), 'mail_twice': (LATER, 0),
    'rcpt_450': (LATER, 0), 'rcpt_550': (REFUSED, 0), 'rcpt_354': (LATER, 0),
    'rcpt_421': (LATER, 0), 'rcpt_close': (LATER, 0), 'greylist': (LATER, 0),
    'data_250': (LATER, 0), 'data_421': (LATER, 0), 'data_451': (LATER, 0),
    'data_554': (REFUSED, 0), 'data_close': (LATER, 0),
    'dot_421': (LATER, 1), 'dot_451': (LATER, 1), 'dot_554': (REFUSED, 1), 'dot_354': (LATER, 1),
    'dot_close': (LATER, 1), 'dot_reset': (LATER, 1),
    'reply_8bit': (REFUSED, 0), 'reply_no_enhanced': (REFUSED, 0),
    'reply_wrong_class': (REFUSED, 0), 'reply_other_code': (LATER, 0),
}


def play(name):
    status, ends = CASES[name]
    with farside.FarSide(behaviour=name) as far:
        done = subprocess.run(
            [os.environ['CARTEIRO'], 'send', '--server', far.address, '--port', str(far.port),
             '--no-tls', '--from', 'ana@example.test', '--to', 'bruno@example.test',
             '--subject', name, '--body', '.a dot\n..and two\n', '--transcript'],
            capture_output=True, encoding='latin-1', timeout=120, stdin=subprocess.DEVNULL)
        problems = []
        if done.returncode != status:
            problems.append(f'status {done.returncode}, not {status}')
        if len(far.mails) != ends:
            problems.append(f'{len(far.mails)} mails came to their end, not {ends}')
        for mail in far.mails:
            if b'\r\n.a dot\r\n..and two\r\n' not in mail.body:
                problems.append(f'another text: {mail.body!r}')
        if status == SENT and len(far.acknowledged()) != 1:
            problems.append('said to be sent, but nobody took it')
        return name, problems, done.stderr


def main():
    failures = 0
    with ThreadPoolExecutor(2) as pool:
        for name, problems, talk in pool.map(play, CASES):
            if problems:
                failures += 1
                print(f'{name}: {"; ".join(problems)}\n{talk}')
    print(f'{len(CASES)} servers, {failures} failures')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
