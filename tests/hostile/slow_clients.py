# SPDX-License-Identifier: ISC
"""1,000 connections that say nothing, or one byte now and then, or read nothing, while good clients
are served: every good mail arrives within the time a test can wait, and memory stays bounded."""
import pathlib
import resource
import select
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, SiteTest, main

COUNT = 1000
GOOD_SECONDS_MAX = 20  # for a good mail and its reading: far less than any deadline of the server


class SlowClients(SiteTest):
    settings = {'': {'loops': 2}}

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        super().setUpClass()

    def test_a_good_client_is_served_among_a_thousand_slow_ones(self):
        slow = []
        for i in range(COUNT):
            port = ('SMTP', 'SUBMISSION', 'IMAP', 'POP3', 'IMAPS', 'POP3S')[i % 6]
            sock = self.site.connect(port)
            slow.append(sock)
            self.addCleanup(sock.close)
        before = self.site.memory()
        poller = select.poll()
        for sock in slow:
            poller.register(sock, select.POLLIN)
        lines = [b'EHLO elsewhere.test', b'EHLO x', b'a CAPABILITY', b'CAPA', b'\x16\x03\x01\x02\x00\x01', b'\x16\x03']
        slowest = 0.0
        for step in range(5):
            # One byte each, and nobody reads what is answered
            for i, sock in enumerate(slow):
                line = lines[i % 6]
                try:
                    sock.send(line[step:step + 1] or b'x')
                except OSError:
                    pass
            start = time.monotonic()
            message_id = self.site.deliver('ana', f'among the slow {step}')
            self.assertTrue(any(message_id.encode() in raw for raw in self.site.raw_messages('ana')))
            client = self.site.submission('bruno')
            client.sendmail(f'bruno@{DOMAIN}', [f'ana@{DOMAIN}'], f'Subject: {step}\r\n\r\nx\r\n')
            client.quit()
            drop = self.site.pop3('ana')
            self.assertEqual(drop.stat()[0], 2 * (step + 1))
            drop.quit()
            slowest = max(slowest, time.monotonic() - start)
        grown = (self.site.memory() - before) / COUNT
        print(f'slowest good round {slowest:.2f} s, {grown / 1024:.0f} KiB per slow client')
        self.assertLess(slowest, GOOD_SECONDS_MAX)
        self.assertLess(grown, 512 * 1024)

    def test_one_host_alone_cannot_take_all_places(self):
        """With the limit as it is by default, a peer's further connections are turned away."""
        self.site.stop()
        text = self.site.config.read_text()
        self.site.config.write_text(text.replace('peer_max = 10000', 'peer_max = 20'))
        self.site.start()
        socks = [self.site.connect('SMTP') for _ in range(40)]
        welcome = 0
        for sock in socks:
            self.addCleanup(sock.close)
            try:
                welcome += sock.recv(100).startswith(b'220')
            except OSError:
                pass
        self.assertEqual(welcome, 20)
        for sock in socks:
            sock.close()


if __name__ == '__main__':
    main()
