# SPDX-License-Identifier: ISC
"""COMPRESS=DEFLATE (RFC 4978) with Python's imaplib and zlib over real sockets, in clear and in TLS;
and UNAUTHENTICATE (RFC 8437), by which one connection serves two users."""
import imaplib
import os
import pathlib
import random
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, PATIENCE, SiteTest, expect, main  # noqa: E402

imaplib.Commands |= {'COMPRESS': ('AUTH', 'SELECTED'), 'UNAUTHENTICATE': ('AUTH', 'SELECTED')}


class Imap(imaplib.IMAP4):
    """imaplib that can be compressed."""
    inflater = None

    def compress(self, level=6):
        expect(self._simple_command('COMPRESS', 'DEFLATE'))
        self.deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
        self.inflater = zlib.decompressobj(-15)
        self.have, self.raw_in, self.raw_out = b'', 0, 0

    def unauthenticate(self):
        expect(self._simple_command('UNAUTHENTICATE'))
        self.inflater = None
        self.state = 'NONAUTH'

    def _more(self):
        data = self.sock.recv(65536)
        self.raw_in += len(data)
        self.have += self.inflater.decompress(data)
        return bool(data)

    def read(self, size):
        if not self.inflater:
            return super().read(size)
        while len(self.have) < size and self._more():
            pass
        data, self.have = self.have[:size], self.have[size:]
        return data

    def readline(self):
        if not self.inflater:
            return super().readline()
        while b'\n' not in self.have and self._more():
            pass
        line, _, self.have = self.have.partition(b'\n')
        return line + b'\n'

    def send(self, data):
        if not self.inflater:
            super().send(data)
            return
        data = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        self.raw_out += len(data)
        self.sock.sendall(data)


class Compress(SiteTest):
    settings = {'account': {'plaintext_login': 'yes'}}

    def client(self, tls):
        box = Imap(HOST, self.site.ports['IMAP'], timeout=PATIENCE)
        box.host = self.site.domain
        if tls:
            box.starttls(self.site.tls())
        expect(box.login(f'ana@{DOMAIN}', PASSWORD))
        return box

    def talk(self, tls):
        chance = random.Random(4978)
        words = [''.join(chance.choices('abcdefghij', k=6)) for _ in range(500)]
        text = '\r\n'.join(' '.join(chance.choices(words, k=10)) for _ in range(20000))
        message = f'Subject: large\r\n\r\n{text}\r\n'.encode()
        box = self.client(tls)
        box.compress()
        expect(box.select('INBOX'))
        for _ in range(30):
            expect(box.noop())
        expect(box.append('INBOX', None, None, message))
        self.assertLess(box.raw_out, len(message) * 2 / 3)
        box.raw_in = 0
        found = expect(box.fetch('1', '(BODY.PEEK[])'))
        self.assertEqual(found[0][1], message)
        self.assertLess(box.raw_in, len(message) * 2 / 3)
        self.empty_here(box)
        box.logout()

    def empty_here(self, box):
        expect(box.store('1:*', '+FLAGS', '(\\Deleted)'))
        expect(box.expunge())

    def test_in_clear(self):
        self.talk(False)

    def test_in_tls(self):
        self.talk(True)

    def test_noise_in_both_directions(self):
        box = self.client(True)
        box.compress(0)  # blocks that are stored
        message = b'Subject: noise\r\n\r\n' + os.urandom(300000).hex().encode() + b'\r\n'
        expect(box.append('INBOX', None, None, message))
        expect(box.select('INBOX'))
        self.assertEqual(expect(box.fetch('1', '(BODY.PEEK[])'))[0][1], message)
        self.empty_here(box)
        box.logout()

    def test_many_at_once_that_pipeline(self):
        boxes = [self.client(False) for _ in range(20)]
        for box in boxes:
            box.compress()
        for turn in range(5):
            for box in boxes:
                box.send(b''.join(b'p%d NOOP\r\n' % i for i in range(200)))
            for box in boxes:
                self.assertEqual([box.readline().split()[0] for _ in range(200)],
                                 [b'p%d' % i for i in range(200)], turn)
        for box in boxes:
            box.logout()

    def test_a_bomb_costs_no_memory(self):
        bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = bomb.compress(b'x' * (64 << 20)) + bomb.flush(zlib.Z_SYNC_FLUSH)
        self.assertLess(len(bomb), 100000)
        box = self.client(True)
        box.compress()
        before = self.site.memory()
        try:
            box.sock.sendall(bomb)
            while box._more():
                pass
        except OSError:  # it may be reset before all of it is taken
            pass
        self.assertLess(self.site.memory() - before, 8 << 20)
        box.shutdown()
        self.client(True).logout()  # and the others go on

    def test_what_is_no_deflate(self):
        for nonsense in (b'a1 NOOP\r\n', b'\0\0\0\xff\xff' * 14000, b'\x07'):
            box = self.client(False)
            box.compress()
            box.sock.sendall(nonsense)
            try:
                while box._more():
                    pass
            except OSError:
                pass
            box.shutdown()

    def test_one_connection_for_two_users(self):
        box = self.client(True)
        for user, other in (('ana', 'bruno'), ('bruno', 'ana')) * 3:
            expect(box.create(f'of-{user}'))
            names = b' '.join(expect(box.list()))
            self.assertIn(f'of-{user}'.encode(), names)
            self.assertNotIn(f'of-{other}'.encode(), names)
            expect(box.delete(f'of-{user}'))
            box.compress()
            expect(box.select('INBOX'))
            box.unauthenticate()
            self.assertEqual(box._simple_command('CAPABILITY')[0], 'OK')
            expect(box.login(f'{other}@{DOMAIN}', PASSWORD))
        box.logout()


if __name__ == '__main__':
    main()
