# SPDX-License-Identifier: ISC
"""A web server for tests that behaves as it is told, host by host, over TLS with a certificate for
each: for policies of MTA-STS (RFC 8461) and reports about TLS (RFC 8460).

    web = Web('127.0.5.1')
    web.host('mta-sts.right.test', cert, key, Answer(b'version: STSv1\\r\\n...'))
    web.asked          (host, path) of every request that was heard; web.posted: Post objects
    web.stop()

A host may be changed while it runs. One that stays silent is Answer(is_silent=True).
"""
import dataclasses
import http.server
import ssl
import threading


@dataclasses.dataclass
class Answer:
    body: bytes = b''
    status: int = 200
    media: str = 'text/plain'
    headers: dict = dataclasses.field(default_factory=dict)
    is_silent: bool = False


@dataclasses.dataclass
class Post:
    host: str
    path: str
    media: str
    body: bytes


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def setup(self):
        self.request.settimeout(60)
        try:
            self.request.do_handshake()
        except OSError:  # a client that does not trust us
            self.request.close()
            raise
        super().setup()

    def log_message(self, *_):
        pass

    def reply(self):
        web = self.server.web
        host = self.headers['Host'].rpartition(':')[0]
        with web.lock:
            web.asked.append((host, self.path))
            answer = web.answers.get(host)
        if answer is None or answer.is_silent:
            web.stopping.wait()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {'Content-Type': answer.media, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = reply

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        with self.server.web.lock:
            self.server.web.posted.append(Post(self.headers['Host'], self.path, self.headers['Content-Type'], body))
        self.reply()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        sock, peer = super().get_request()
        return self.web.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request, client_address):
        pass  # clients that go away are what is tested


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


class Web:
    """Listens at once; port 0: the kernel chooses, see .port."""

    def __init__(self, address, port=0):
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.answers, self.contexts, self.asked, self.posted = {}, {}, [], []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.sni_callback = self.choose
        self.server = Server((address, port), Handler)
        self.server.web = self
        self.address, self.port = self.server.server_address[:2]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def host(self, name, cert, key, answer):
        context = server_context(cert, key)
        with self.lock:
            self.contexts[name], self.answers[name] = context, answer

    def choose(self, sock, name, _):
        with self.lock:
            context = self.contexts.get(name)
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        sock.context = context
        return None

    def count(self, host):
        """How often that host was asked."""
        with self.lock:
            return sum(1 for asked, _ in self.asked if asked == host)

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
