# SPDX-License-Identifier: ISC
"""Kills the real server (SIGKILL) again and again under sending clients, and then finds every mail
that was acknowledged exactly once, and whole.

usage: kill.py [KILLS [CLIENTS]]        (200 kills under 32 clients)

Each client sends mails with an id of their own, and notes the id when the final dot was answered
with 250. When the server is gone it waits for the next one. A mail whose answer never came may be
there or not, but never twice. The moment of a kill is chosen by how many acknowledgements have come
since the start, so that it falls into the middle of the work whatever the machine's speed.
"""
import hashlib
import pathlib
import random
import re
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, Site, expect

USERS = ('ana', 'bruno', 'carla', 'davi')


class Ledger:
    """What was sent and what was acknowledged."""

    def __init__(self):
        self.lock = threading.Condition()
        self.tried = 0
        self.acknowledged = {}  # id to its recipients
        self.uncertain = {}
        self.port = None  # None: the server is down
        self.is_over = False

    def kept(self, name, users):
        with self.lock:
            self.acknowledged[name] = users
            self.lock.notify_all()

    def wait_for_port(self):
        """The server's port, or None at the end."""
        with self.lock:
            self.lock.wait_for(lambda: self.port or self.is_over)
            return None if self.is_over else self.port

    def set_port(self, port):
        with self.lock:
            self.port = port
            self.lock.notify_all()


def body_of(name, size):
    """Text that can be checked: lines made from the name, and their hash at the end."""
    text = ''.join(f'{name} line {i} ' + 'x' * (i % 60) + '\r\n' for i in range(size))
    return text + 'sha256 ' + hashlib.sha256(text.encode()).hexdigest() + '\r\n'


def answer(file):
    while True:
        line = file.readline()
        if not line:
            raise ConnectionResetError
        if line[3:4] != b'-':
            return line[:3]


def send_until_broken(ledger, port, client, chance):
    with socket.create_connection((HOST, port), timeout=60) as sock:
        file = sock.makefile('rb')
        answer(file)
        sock.sendall(b'EHLO elsewhere.test\r\n')
        answer(file)
        while not ledger.is_over:
            with ledger.lock:
                ledger.tried += 1
                name = f'{client}-{ledger.tried}'
            users = chance.sample(USERS, chance.choice((1, 1, 1, 2, 4)))
            # Now and then a mail beyond the megabyte that is kept in memory
            size = 40000 if chance.random() < 0.003 else chance.choice((1, 10, 60, 400))
            ledger.uncertain[name] = users
            sock.sendall(''.join(['MAIL FROM:<ze@elsewhere.test>\r\n',
                                  *(f'RCPT TO:<{user}@{DOMAIN}>\r\n' for user in users),
                                  'DATA\r\n']).encode())
            codes = [answer(file) for _ in range(len(users) + 2)]
            if codes[-1] != b'354':
                raise AssertionError(f'refused: {codes}')
            sock.sendall(f'Message-ID: <{name}@kill.test>\r\nSubject: {name}\r\n\r\n{body_of(name, size)}.\r\n'.encode())
            if answer(file) == b'250':
                ledger.kept(name, users)
                del ledger.uncertain[name]


def client_main(ledger, client, troubles):
    chance = random.Random(client)
    while port := ledger.wait_for_port():
        try:
            send_until_broken(ledger, port, client, chance)
        except OSError:
            with ledger.lock:  # wait until this server is noticed to be gone, not a moment longer
                ledger.lock.wait_for(lambda: ledger.port != port or ledger.is_over, timeout=1)
        except AssertionError as trouble:
            troubles.append(trouble)
            return


def kill_often(site, ledger, kills, chance):
    for i in range(kills):
        site.start()
        start = len(ledger.acknowledged)
        ledger.set_port(site.ports['SMTP'])
        wanted = start + chance.randint(1, 60)
        with ledger.lock:
            if not ledger.lock.wait_for(lambda: len(ledger.acknowledged) >= wanted, timeout=60):
                raise AssertionError(f'no progress before kill {i}')
        ledger.set_port(None)
        site.kill()


def name_if_whole(raw, troubles):
    name = re.search(rb'\r\nMessage-ID: <([^@]+)@kill\.test>', b'\r\n' + raw).group(1).decode()
    text, _, last = raw.partition(b'\r\n\r\n')[2].rpartition(b'sha256 ')
    if hashlib.sha256(text).hexdigest() != last.decode().strip():
        troubles.append(f'{name} is not whole')
    return name


def names_of(site, user, troubles):
    """How often each mail is in the user's INBOX."""
    found = {}
    box = site.imap(user)
    count = len(expect(box.search(None, 'ALL'))[0].split())
    for first in range(1, count + 1, 200):
        for part in expect(box.fetch(f'{first}:{min(first + 199, count)}', '(UID BODY.PEEK[])')):
            if isinstance(part, tuple):
                name = name_if_whole(part[1], troubles)
                found[name] = found.get(name, 0) + 1
    box.logout()
    return found


def examine(site, ledger):
    """Every acknowledged mail once and whole in each of its mailboxes; the others in all or none."""
    troubles = []
    found = {user: names_of(site, user, troubles) for user in USERS}
    for name, users in ledger.acknowledged.items():
        for user in users:
            if found[user].get(name) != 1:
                troubles.append(f'{user}: {name} was acknowledged and is there {found[user].get(name, 0)} times')
    extra = 0
    for name, users in ledger.uncertain.items():
        times = {found[user].get(name, 0) for user in users}
        extra += times == {1}
        if times not in ({0}, {1}):
            troubles.append(f'{name} was not acknowledged and is there {times} times for {users}')
    for user in USERS:
        for name in found[user]:
            if user not in ledger.acknowledged.get(name, ledger.uncertain.get(name, ())):
                troubles.append(f'{user}: {name} was never sent there')
    return troubles, extra


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    started = time.monotonic()
    ledger, troubles = Ledger(), []
    site = Site(accounts=USERS)
    threads = [threading.Thread(target=client_main, args=(ledger, i, troubles), daemon=True) for i in range(clients)]
    for thread in threads:
        thread.start()
    try:
        kill_often(site, ledger, kills, random.Random(2026))
        with ledger.lock:
            ledger.is_over = True
            ledger.lock.notify_all()
        for thread in threads:
            thread.join()
        site.start()
        found, extra = examine(site, ledger)
        troubles += found
        site.stop()
        print(site.run('fsck').strip())
    finally:
        if site.process:
            site.kill()
        if troubles or sys.exc_info()[0]:
            print(f'the site is kept in {site.place}')
        else:
            shutil.rmtree(site.place, ignore_errors=True)
    print(f'{kills} kills, {clients} clients: {ledger.tried} mails tried, {len(ledger.acknowledged)} acknowledged, '
          f'{extra} more copies are there whose answer was lost; {time.monotonic() - started:.0f} s')
    for trouble in troubles[:50]:
        print(trouble)
    return 1 if troubles else 0


if __name__ == '__main__':
    sys.exit(main())
