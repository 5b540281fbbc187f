# SPDX-License-Identifier: ISC
"""Clients that share a mailbox and each keep a picture of it, made from nothing but the untagged
responses they get (EXISTS, EXPUNGE, VANISHED, FETCH) and from what they asked for themselves. The
picture says at once when a response cannot be (a number past the end, another uid under a number, a
shrinking EXISTS, an EXPUNGE where RFC 3501 7.4.1 forbids it), and at the end it must be the mailbox.
"""
import random
import re
import select
import socket
import threading

import hardmail

KEYWORDS = ('$Work', 'Later', '$Forwarded', 'blue', 'green')
SYSTEM = ('\\Seen', '\\Flagged', '\\Answered', '\\Draft')
FORBIDS_EXPUNGE = ('FETCH', 'STORE', 'SEARCH')  # without UID in front
PATIENCE = 120
CROWD = 150  # messages; past it more are deleted than come


class Wrong(AssertionError):
    """The server said what cannot be, or the pictures differ."""


class Entry:
    __slots__ = ('uid', 'flags', 'modseq')

    def __init__(self):
        self.uid = self.flags = self.modseq = None


def uids_of(text):
    """'3,5:7' as numbers."""
    for part in text.split(','):
        first, _, last = part.partition(':')
        a, b = int(first), int(last or first)
        yield from range(min(a, b), max(a, b) + 1)


class View:
    """The mailbox as one client knows it."""

    def __init__(self):
        self.entries, self.gone = [], set()
        self.uidvalidity = self.highest = None
        self.told_highest = 0  # of any MODSEQ that was told

    def exists(self, count):
        if count < len(self.entries):
            raise Wrong(f'EXISTS {count} after {len(self.entries)}')
        self.entries += [Entry() for _ in range(count - len(self.entries))]

    def expunge(self, number):
        if not 1 <= number <= len(self.entries):
            raise Wrong(f'EXPUNGE {number} of {len(self.entries)}')
        self.leave(self.entries.pop(number - 1))

    def leave(self, entry):
        if entry.uid is not None:
            self.gone.add(entry.uid)

    def vanished(self, uids, is_earlier):
        """Without EARLIER all of them must be known (RFC 7162 3.2.10.2), or not yet told of at all."""
        uids = set(uids)
        known = {e.uid for e in self.entries}
        unknown = [e for e in self.entries if e.uid is None]
        if not is_earlier and len(uids - known) > len(unknown):
            raise Wrong(f'VANISHED of {sorted(uids - known)}, which are not here')
        self.gone |= uids
        self.entries = [e for e in self.entries if e.uid not in uids]
        if not is_earlier and uids - known:
            self.forget_places(uids - known)

    def forget_places(self, uids):
        """New messages whose uids nobody asked for: each is one that stands where such a uid can."""
        for uid in sorted(uids):
            at = next((i for i, e in enumerate(self.entries) if e.uid is None and self.fits(i, uid)), None)
            if at is None:
                raise Wrong(f'VANISHED of {uid}, and no message it could be')
            del self.entries[at]

    def fits(self, at, uid):
        before = [e.uid for e in self.entries[:at] if e.uid is not None]
        behind = [e.uid for e in self.entries[at:] if e.uid is not None]
        return (not before or before[-1] < uid) and (not behind or uid < behind[0])

    def fetch(self, number, items):
        if not 1 <= number <= len(self.entries):
            raise Wrong(f'FETCH of {number} of {len(self.entries)}')
        entry = self.entries[number - 1]
        if 'UID' in items:
            self.set_uid(number, entry, int(items['UID']))
        if 'FLAGS' in items:
            entry.flags = frozenset(items['FLAGS']) - {'\\Recent'}
        if 'MODSEQ' in items:
            modseq = int(items['MODSEQ'][0])
            if entry.modseq is not None and modseq < entry.modseq:
                raise Wrong(f'MODSEQ of uid {entry.uid} went from {entry.modseq} back to {modseq}')
            entry.modseq = modseq
            self.told_highest = max(self.told_highest, modseq)

    def set_uid(self, number, entry, uid):
        if entry.uid not in (None, uid):
            raise Wrong(f'number {number} is uid {entry.uid}, and now {uid}')
        if uid in self.gone:
            raise Wrong(f'uid {uid} was gone')
        entry.uid = uid
        before = [e.uid for e in self.entries[:number - 1] if e.uid is not None]
        if before and before[-1] >= uid:
            raise Wrong(f'uid {uid} stands behind {before[-1]}')

    def unknown(self):
        return [i + 1 for i, e in enumerate(self.entries) if e.uid is None or e.flags is None]

    def known(self, with_modseq):
        return [(e.uid, e.flags) + ((e.modseq,) if with_modseq else ()) for e in self.entries]


class Connection:
    """Lines and literals of a socket, with a wait that can end without any."""

    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port), timeout=PATIENCE)
        self.held = b''

    def _whole(self):
        """Where the first response ends in what is held; -1: not all of it is here."""
        at = 0
        while True:
            end = self.held.find(b'\r\n', at)
            if end < 0:
                return -1
            literal = re.search(rb'\{(\d+)\}\Z', self.held[at:end])
            at = end + 2
            if not literal:
                return at
            at += int(literal.group(1))

    def response(self, wait=PATIENCE):
        """The next response; None when none came in time."""
        while (end := self._whole()) < 0:
            if not select.select([self.sock], [], [], wait)[0]:
                if wait == PATIENCE:
                    raise Wrong('the server does not answer')
                return None
            piece = self.sock.recv(65536)
            if not piece:
                raise Wrong('the server hung up')
            self.held += piece
        out, self.held = self.held[:end], self.held[end:]
        return out


class Actor:
    """One client with its picture. `drop`: of this many responses that change it one is not
    believed (so that the proof can be seen to fail)."""

    def __init__(self, site, name, user, mailbox, other, seed, drop=0):
        self.site, self.name, self.user, self.mailbox, self.other = site, name, user, mailbox, other
        self.random = random.Random(f'{seed} {name}')
        self.drop, self.heard = drop, 0
        self.view = View()
        self.missed = None  # while it is told: the picture of before, and the uids gone since
        self.counts = {}
        self.log = []
        self.connect()

    # ---- talking

    def connect(self):
        self.conn = Connection(self.site.host, self.site.ports['IMAP'])
        self.count = 0
        self.is_selected = False
        self.conn.response()
        self.ask(f'LOGIN {self.user} "{self.site.password}"')
        self.capabilities = set()
        self.ask('CAPABILITY')
        self.has_condstore = 'CONDSTORE' in self.capabilities
        self.has_qresync = 'QRESYNC' in self.capabilities and self.random.random() < 0.7
        self.is_rev2 = 'IMAP4rev2' in self.capabilities and self.random.random() < 0.4
        if self.has_qresync or self.is_rev2:
            self.ask('ENABLE' + ' QRESYNC' * self.has_qresync + ' IMAP4rev2' * self.is_rev2)

    def ask(self, command, literal=None, ok=True):
        """The tagged response without its tag. Untagged ones go into the picture."""
        self.count += 1
        tag = f'{self.name}{self.count}'
        self.note(f'C: {command}')
        self.conn.sock.sendall(f'{tag} {command}\r\n'.encode())
        verb = command.split()[0]
        while True:
            data = self.conn.response()
            if data.startswith(b'+'):
                self.conn.sock.sendall(literal + b'\r\n')
            elif data.startswith(tag.encode() + b' '):
                status = data[len(tag) + 1:].decode().rstrip()
                self.note(f'S: {status}')
                self.read_code(status)
                if ok and not status.startswith('OK'):
                    raise Wrong(f'{command}: {status}')
                return status
            else:
                self.untagged(data, verb)

    def note(self, text):
        self.log.append(text)
        del self.log[:-200]

    def read_code(self, status):
        found = re.search(r'\[HIGHESTMODSEQ (\d+)\]', status)
        if found and self.is_selected:
            self.view.highest = int(found.group(1))

    def untagged(self, data, verb):
        text = data.decode('utf-8', 'replace').rstrip()
        self.note(f'S: {text[:300]}')
        found = re.match(r'\* (\d+) (EXISTS|EXPUNGE|FETCH|RECENT)', text)
        if text.startswith('* BYE') and verb != 'LOGOUT':
            raise Wrong(text)
        if text.startswith('* CAPABILITY'):
            self.capabilities = set(text.split()[2:])
        elif text.startswith('* OK [UIDVALIDITY'):
            self.view.uidvalidity = int(re.search(r'\d+', text).group())
        elif text.startswith('* OK [HIGHESTMODSEQ'):
            self.view.highest = int(re.search(r'\d+', text).group())
        elif text.startswith('* VANISHED'):
            self.change(verb, lambda: self.vanished(uids_of(text.split()[-1]), '(EARLIER)' in text), True)
        elif found:
            if self.is_rev2 and found.group(2) == 'RECENT':
                raise Wrong('RECENT in IMAP4rev2')
            self.numbered(int(found.group(1)), found.group(2), data, verb)

    def numbered(self, number, kind, data, verb):
        if kind == 'EXISTS':
            self.view.exists(number)
        elif kind == 'EXPUNGE':
            self.change(verb, lambda: self.view.expunge(number), True)
        elif kind == 'FETCH':
            items = hardmail.Answer.over(data[data.index(b'('):]).value()
            self.change(verb, lambda: self.view.fetch(number, dict(zip(items[::2], items[1::2]))), False)

    def change(self, verb, apply, removes):
        if removes and verb in FORBIDS_EXPUNGE:
            raise Wrong(f'a message went away while {verb} was answered')
        self.heard += 1
        if self.drop and self.heard % self.drop == 0:
            return
        apply()

    # ---- what it does

    def select(self):
        """Afresh, or what it missed since it was cut off."""
        old = self.view
        can_resync = self.has_qresync and old.uidvalidity and old.highest and not old.unknown()
        if not can_resync:
            self.view = View()
        self.is_selected = True
        if not can_resync:
            self.ask(f'SELECT {self.mailbox}' + (' (CONDSTORE)' if self.has_condstore else ''))
        else:
            self.resync(old)
        self.fill()

    def resync(self, old):
        """Its own numbers are gone: EXISTS counts afresh, entries are known by uid (RFC 7162 3.2.5)."""
        known = [e.uid for e in old.entries]
        ranges = f' {min(known)}:{max(known)}' if known and self.random.random() < 0.5 else ''
        self.view = View()
        self.missed = (old, set())
        self.count_one('resync')
        self.ask(f'SELECT {self.mailbox} (QRESYNC ({old.uidvalidity} {old.highest}{ranges}))')
        self.resume()

    def vanished(self, uids, is_earlier):
        if self.missed and is_earlier:
            self.missed[1].update(uids)
            return
        self.resume()  # what comes now is news of the mailbox as it is open
        self.view.vanished(uids, is_earlier)

    def resume(self):
        """All of what was missed has been told."""
        if not self.missed:
            return
        old, collected = self.missed
        self.missed = None
        if not collected.isdisjoint({e.uid for e in self.view.entries}):
            raise Wrong('VANISHED (EARLIER) of what is here')
        self.view.gone = old.gone | (collected & {e.uid for e in old.entries})
        self.put_back([e for e in old.entries if e.uid not in collected], self.view)

    def put_back(self, left, view):
        """What was known and is not said to be gone stands first, in its order; changed ones were told
        with their uids, new ones are behind."""
        changed = {e.uid: e for e in view.entries if e.uid is not None}
        if len(left) > len(view.entries):
            raise Wrong(f'{len(left)} messages are left, EXISTS says {len(view.entries)}')
        for i, entry in enumerate(left):
            now = view.entries[i]
            if now.uid is None:
                if entry.uid in changed:
                    raise Wrong(f'uid {entry.uid} is told under another number')
                view.entries[i] = entry
            elif now.uid != entry.uid:
                raise Wrong(f'number {i + 1} is {now.uid}, should be {entry.uid}')
            elif now.flags is None:
                now.flags = entry.flags

    def fill(self):
        """Asks for what the responses did not tell: new messages."""
        while numbers := self.view.unknown():
            items = 'UID FLAGS MODSEQ' if self.has_condstore else 'UID FLAGS'
            before = len(self.view.entries)
            self.ask(f'FETCH {",".join(map(str, numbers))} ({items})', ok=False)
            if numbers == self.view.unknown() and before == len(self.view.entries):
                self.ask('NOOP')  # they are gone, which FETCH must not tell

    def count_one(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def pick(self):
        return self.random.randint(1, len(self.view.entries))

    def numbers(self):
        a = self.pick()
        return f'{a}:{min(a + self.random.randint(0, 5), len(self.view.entries))}'

    def uid_set(self):
        a, b = sorted((self.pick(), self.pick()))
        b = min(b, a + 5)
        uids = [e.uid for e in self.view.entries[a - 1:b] if e.uid is not None]
        return ','.join(map(str, uids)) or '1'

    def flags(self):
        return self.random.sample(SYSTEM + KEYWORDS, self.random.randint(1, 3))

    def act(self):
        acts = [self.noop] * 4 + [self.do_fetch] * 4 + [self.do_store] * 10 + [self.append] * 7
        acts += [self.copy] * 3 + [self.move] + [self.delete] * 3 + [self.idle] * 3
        acts += [self.search, self.reselect, self.cut_off, self.unchanged_since, self.uid_expunge]
        one = self.random.choice(acts)
        if not self.view.entries and one not in (self.noop, self.idle, self.reselect, self.cut_off):
            one = self.append
        self.count_one(one.__name__)
        one()

    def noop(self):
        self.ask('NOOP' if self.is_rev2 else self.random.choice(('NOOP', 'CHECK')))
        if self.view.highest is not None:
            self.view.highest = max(self.view.highest, self.view.told_highest)

    def do_fetch(self):
        items = '(UID FLAGS MODSEQ)' if self.has_condstore else '(UID FLAGS)'
        if self.random.random() < 0.5:
            self.ask(f'UID FETCH {self.uid_set()} {items}')
        else:
            self.ask(f'FETCH {self.numbers()} {items}', ok=False)

    def do_store(self):
        flags = self.flags()
        sign = self.random.choice('+- ').strip()
        is_silent = self.random.random() < 0.4
        if self.random.random() < 0.5:
            which, entries = self.chosen_by_uid()
            verb = 'UID STORE'
        else:
            which = self.numbers()
            first, last = map(int, which.split(':'))
            entries, verb = self.view.entries[first - 1:last], 'STORE'
        status = self.ask(f'{verb} {which} {sign}FLAGS{".SILENT" if is_silent else ""} ({" ".join(flags)})', ok=False)
        if not status.startswith(('OK', 'NO')):
            raise Wrong(status)
        if is_silent:
            self.silent(entries, sign, flags, status)

    def chosen_by_uid(self):
        which = self.uid_set()
        uids = set(uids_of(which))
        return which, [e for e in self.view.entries if e.uid in uids]

    def silent(self, entries, sign, flags, status):
        """Nothing is told of what .SILENT changed (RFC 3501 6.4.6): asks, so that its place in the
        order of other clients' changes need not be guessed."""
        numbers = [self.view.entries.index(e) + 1 for e in entries if e in self.view.entries]
        if numbers:
            self.ask(f'FETCH {",".join(map(str, numbers))} (UID FLAGS{" MODSEQ" if self.has_condstore else ""})',
                     ok=False)

    def unchanged_since(self):
        """A conditional STORE with the modseq it knows: it succeeds or MODIFIED names the message. With
        an older one it must not succeed (RFC 7162 3.1.3)."""
        if not self.has_condstore:
            return
        entry = self.view.entries[self.pick() - 1]
        if entry.uid is None or not entry.modseq or entry.modseq < 2:
            return
        is_stale = self.random.random() < 0.4
        sign = self.random.choice('+-')
        status = self.ask(f'UID STORE {entry.uid} (UNCHANGEDSINCE {entry.modseq - is_stale}) {sign}FLAGS (\\Flagged)',
                          ok=False)
        is_conflict = f'[MODIFIED {entry.uid}]' in status
        self.count_one('conflict' if is_conflict else 'no conflict')
        if is_stale and not is_conflict and entry in self.view.entries:
            self.ask('NOOP')
            if entry in self.view.entries:
                raise Wrong(f'uid {entry.uid} was changed though it is newer: {status}')

    def append(self):
        text = f'Subject: by {self.name}\r\n\r\n{self.random.random()}\r\n'.encode()
        flags = f'({" ".join(self.flags())}) ' if self.random.random() < 0.5 else ''
        self.ask(f'APPEND {self.mailbox} {flags}{{{len(text)}}}', text)
        self.fill()

    def copy(self):
        self.ask(f'UID COPY {self.uid_set()} {self.random.choice((self.mailbox, self.other))}', ok=False)
        self.fill()

    def move(self):
        self.ask(f'MOVE {self.pick()} {self.other}', ok=False)

    def delete(self):
        which = self.numbers() if len(self.view.entries) > CROWD else self.pick()
        self.ask(f'STORE {which} +FLAGS (\\Deleted)', ok=False)
        if self.random.random() < 0.5:
            self.ask('EXPUNGE')

    def uid_expunge(self):
        self.ask(f'UID EXPUNGE {self.uid_set()}', ok=False)

    def search(self):
        self.ask('SEARCH FLAGGED')
        self.ask('UID SEARCH UNSEEN')

    def idle(self):
        self.count += 1
        tag = f'{self.name}{self.count}'
        self.conn.sock.sendall(f'{tag} IDLE\r\n'.encode())
        self.note('C: IDLE')
        is_done = False
        while True:
            data = self.conn.response(0.02 if not is_done else PATIENCE)
            if data is None:
                self.conn.sock.sendall(b'DONE\r\n')
                is_done = True
            elif data.startswith(tag.encode()):
                break
            elif not data.startswith(b'+'):
                self.untagged(data, 'IDLE')
        self.fill()

    def reselect(self):
        if self.random.random() < 0.5:
            self.ask('UNSELECT')
        else:
            self.view = View()
            self.ask(f'SELECT {self.other}')
        self.view = View()
        self.select()

    def cut_off(self):
        """The connection breaks; what was known of the mailbox stays known."""
        self.conn.sock.close()
        self.connect()
        self.select()

    def settle(self):
        """All it has to be told now."""
        self.ask('NOOP')
        self.fill()
        self.ask('NOOP')


def truth(site, user, mailbox):
    """The mailbox as somebody sees it who comes new: uid, flags, modseq."""
    actor = Actor(site, 'truth', user, mailbox, mailbox, 0)
    actor.has_qresync = False
    actor.select()
    out = actor.view
    actor.ask('LOGOUT')
    actor.conn.sock.close()
    return out


def differences(actor, real):
    """In words, one a line; empty when the picture is right."""
    with_modseq = actor.has_condstore
    mine, store = actor.view.known(with_modseq), real.known(with_modseq)
    out = [f'{actor.name}: has {len(mine)} messages, the store {len(store)}'] if len(mine) != len(store) else []
    by_uid = {e[0]: e for e in store}
    for entry in mine:
        if by_uid.get(entry[0]) != entry:
            out.append(f'{actor.name}: thinks {entry}, the store {by_uid.get(entry[0])}')
    out += [f'{actor.name}: thinks that uid {uid} is gone' for uid in actor.view.gone & set(by_uid)]
    return out


def play(actors, is_over):
    """All of them at once, each until is_over(its turns). The first one that is wrong ends it."""
    failures, stop = [], threading.Event()

    def run(actor):
        turns = 0
        try:
            while not stop.is_set() and not is_over(turns):
                actor.act()
                turns += 1
        except Exception as error:  # pylint: disable=broad-except
            failures.append((actor, error))
            stop.set()

    threads = [threading.Thread(target=run, args=(actor,), daemon=True) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        actor, error = failures[0]
        raise Wrong(f'{actor.name}: {error!r}\n' + '\n'.join(actor.log[-40:]))
