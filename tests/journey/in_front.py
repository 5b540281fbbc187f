# SPDX-License-Identifier: ISC
"""Journey: something stands in front of the server: a proxy that says for whom it speaks (PROXY
protocol), a filter that does so in SMTP (XCLIENT). What counts is the client behind; and nobody else may
say such things."""
import pathlib
import smtplib
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest
from testsite import PATIENCE, main, message


def version_1(client, server):
    return f'PROXY TCP4 {client[0]} {server[0]} {client[1]} {server[1]}\r\n'.encode()


def version_2(client, server):
    """The first 16 bytes, and the addresses of TCP over IPv4."""
    return (b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + socket.inet_aton(client[0]) + socket.inet_aton(server[0]) +
            struct.pack('>HH', client[1], server[1]))


class Proxy:
    """Takes connections at an address and hands them on from there, with a header in front."""

    def __init__(self, address, port, target, header):
        self.address, self.target, self.header = address, target, header
        self.listener = socket.create_server((address, port))
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, peer = self.listener.accept()
                server = socket.create_connection(self.target, PATIENCE, (self.address, 0))
            except OSError:
                return
            server.settimeout(None)
            server.sendall(self.header(peer, client.getsockname()))
            self.sockets += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


class InFront(LabTest):
    @classmethod
    def prepare(cls):
        cls.there = cls.lab['example.org']
        cls.filter = cls.lab.address()
        cls.here.set('receive', xclient_networks=f'{{"{cls.filter}/32"}}')
        networks = []
        for domain, header in (('one.test', version_1), ('two.test', version_2)):
            proxy = Proxy(cls.lab.address(), cls.lab.smtp_port, (cls.here.host, cls.lab.smtp_port), header)
            networks.append(f'"{proxy.address}/32"')
            cls.far.append(proxy)
            cls.here.run('domain', 'add', domain)
            cls.here.run('alias', 'add', f'ana@{domain}', 'ana@example.test')
            cls.lab.host(domain, proxy.address)
        cls.here.set('listen', proxy_networks='{' + ', '.join(networks) + '}')
        cls.proxies = cls.far[:]

    def test_a_mail_through_a_proxy(self):
        for domain in 'one.test', 'two.test':
            with self.subTest(domain):
                self.there.submit('carla', f'ana@{domain}', f'by the proxy of {domain}')
                mail = self.here.wait_for('ana', f'by the proxy of {domain}')
                self.assertIn(f'[{self.there.host}]', mail.get_all('Received')[0])
                for proxy in self.proxies:
                    self.assertNotIn(proxy.address, mail.as_string())

    def connect(self, source):
        return smtplib.SMTP(self.here.host, self.here.ports['SMTP'], local_hostname='filter.test', timeout=PATIENCE,
                            source_address=(source, 0))

    def test_a_filter_names_the_client(self):
        client = self.connect(self.filter)
        client.ehlo()
        self.assertIn('xclient', client.esmtp_features)
        self.assertEqual(client.docmd('XCLIENT', 'NAME=client.elsewhere.test ADDR=203.0.113.9 HELO=client')[0], 220)
        client.ehlo()
        data, _ = message('by a filter', 'text')
        client.sendmail('ze@elsewhere.test', ['ana@example.test'], data)
        client.quit()
        mail = self.here.wait_for('ana', 'by a filter')
        self.assertIn('203.0.113.9', mail.get_all('Received')[0])
        self.assertNotIn(self.filter, mail.as_string())

    def test_nobody_else_may(self):
        client = self.connect(self.there.host)
        client.ehlo()
        self.assertNotIn('xclient', client.esmtp_features)
        self.assertEqual(client.docmd('XCLIENT', 'ADDR=203.0.113.9')[0] // 100, 5)
        client.close()
        client = socket.create_connection((self.here.host, self.here.ports['SMTP']), PATIENCE, (self.there.host, 0))
        with client, client.makefile('rb') as lines:
            client.sendall(version_1(('203.0.113.9', 1), ('203.0.113.1', 25)))
            lines.readline()
            self.assertEqual(lines.readline()[:1], b'5', 'that is no command of SMTP')


if __name__ == '__main__':
    main()
