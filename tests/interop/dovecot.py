# SPDX-License-Identifier: ISC
"""With other software: mail comes from Dovecot, by IMAP and out of its Maildir, and goes into a Maildir
that Dovecot serves; each time flags, keywords, dates and bytes are what the other one had.

Dovecot's imap program runs alone, for one user that is let in as it is, in a private root."""
import imaplib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import hardmail
import peers
from testsite import CARTEIRO, DOMAIN, SiteTest, end_with_parent, expect, main

DATES = ('"14-Nov-2023 23:13:20 +0100"', '"01-Feb-2001 00:00:00 +0000"')
FLAGS = ('', '\\Seen', '\\Answered \\Flagged', '\\Deleted \\Draft $Label1', '$Forwarded urgent')
MAILBOXES = ('INBOX', 'Work', 'Work.Old', 'Entw&APw-rfe', 'a&-b')


class Dovecot:
    """Serves /mail of its private root, on a port of its own, to whoever comes."""

    def __init__(self):
        self.unpacked = peers.UNPACKED / 'dovecot-imapd'
        self.root = pathlib.Path(tempfile.mkdtemp(prefix='carteiro-dovecot-'))
        self.root.chmod(0o755)
        self.mail = self.root / 'mail'
        self._make_root()
        self.children = []
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _make_root(self):
        for folder in ('etc/dovecot', 'dev', 'tmp', 'run/dovecot', 'var/lib/dovecot', 'usr/bin', 'mail'):
            (self.root / folder).mkdir(parents=True)
        for name in ('bin', 'lib', 'lib64'):
            (self.root / 'usr' / name).mkdir(exist_ok=True)
            (self.root / name).symlink_to(f'usr/{name}')
        programs = [self.unpacked / 'usr/bin/doveconf', self.unpacked / 'usr/lib/dovecot/imap']
        shutil.copytree(self.unpacked / 'usr/lib/dovecot', self.root / 'usr/lib/dovecot', symlinks=True)
        shutil.copy(programs[0], self.root / 'usr/bin/doveconf')
        for path in {path for program in programs for path in peers.libraries(program, self.unpacked)}:
            inside = path.relative_to(self.unpacked) if path.is_relative_to(self.unpacked) else str(path).lstrip('/')
            target = self.root / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(path, target)
        for name, minor in (('null', 3), ('urandom', 9)):
            os.mknod(self.root / 'dev' / name, 0o20666, os.makedev(1, minor))
            (self.root / 'dev' / name).chmod(0o666)
        (self.root / 'etc' / 'passwd').write_text('root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
        (self.root / 'etc' / 'group').write_text('root:x:0:\nnogroup:x:65534:\nmail:x:8:\n')
        (self.root / 'etc/dovecot/dovecot.conf').write_text('''mail_location = maildir:/mail
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
mail_log_prefix = ""
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
ssl = no
log_path = /tmp/log
namespace inbox {
  inbox = yes
  separator = .
  mailbox Sent {
    special_use = \\Sent
    auto = subscribe
  }
}
''')
        for folder in ('tmp', 'mail', 'var/lib/dovecot', 'run/dovecot'):
            os.chown(self.root / folder, 65534, 65534)

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            with conn:
                self.children.append(subprocess.Popen(
                    ['/usr/lib/dovecot/imap', '-c', '/etc/dovecot/dovecot.conf'], stdin=conn, stdout=conn,
                    stderr=subprocess.DEVNULL, preexec_fn=self._enter, cwd='/',
                    env={'USER': 'eva', 'HOME': '/mail', 'PATH': '/usr/bin'}))

    def _enter(self):
        end_with_parent()
        os.chroot(self.root)
        os.chdir('/')
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def client(self):
        return imaplib.IMAP4('127.0.0.1', self.port, timeout=60)

    def log(self):
        path = self.root / 'tmp' / 'log'
        return path.read_text() if path.exists() else ''


def what_is_there(box):
    """By mailbox with '/' between levels: sorted flags, date and bytes. Signs off."""
    found = {}
    for line in expect(box.list()):
        flags, separator, name = re.match(rb'\(([^)]*)\) "(.)" (.*)$', line).groups()
        if b'\\Nos' in flags or b'\\Non' in flags:
            continue
        expect(box.select(name.decode(), readonly=True))
        found[name.decode().strip('"').replace(separator.decode(), '/')] = sorted(
            (sorted(set(re.search(rb'FLAGS \(([^)]*)\)', part[0]).group(1).decode().split()) - {'\\Recent'}),
             imaplib.Internaldate2tuple(part[0]), part[1])
            for part in (expect(box.fetch('1:*', '(FLAGS INTERNALDATE BODY.PEEK[])'))
                         if expect(box.search(None, 'ALL'))[0] else []) if isinstance(part, tuple))
    box.logout()
    return found


def is_clean(message):
    """Dovecot's Maildir keeps lines that end in LF; others would come out changed."""
    return not re.search(rb'\r(?!\n)|(?<!\r)\n|\0', message)


class WithDovecot(SiteTest):
    accounts = ('ana', 'bruno', 'carla')

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dovecot = Dovecot()
        cls.addClassCleanup(cls.dovecot.close)
        box = cls.dovecot.client()
        for name in MAILBOXES[1:]:
            expect(box.create(f'"{name}"'))
        expect(box.subscribe('Work'))
        messages = [mail.data for mail in hardmail.read_all() if mail.data and is_clean(mail.data)][::4]
        for i, data in enumerate(messages):
            expect(box.append(f'"{MAILBOXES[i % 5]}"', f'({FLAGS[i % 7 % 5]})', DATES[i % 2], data))
        cls.wanted = what_is_there(box)
        cls.count = len(messages)
        assert sum(map(len, cls.wanted.values())) == cls.count, cls.dovecot.log()

    def run_json(self, *words):
        done = subprocess.run([CARTEIRO, '--config', str(self.site.config), '--json', *words], capture_output=True,
                              text=True, check=False, env=dict(os.environ, CARTEIRO_PASSWORD='not asked for'))
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr, self.dovecot.log()))
        return json.loads(done.stdout)

    def compare(self, user, told):
        self.assertEqual((told['messages'], told['left']), (self.count, []))
        found = what_is_there(self.site.imap(user, None))
        for name, messages in self.wanted.items():
            self.assertEqual(found[name], messages, name)

    def test_by_imap(self):
        url = f'imap://eva@127.0.0.1:{self.dovecot.port}/'
        self.compare('ana', self.run_json('import', f'ana@{DOMAIN}', url, '--no-tls'))
        self.assertEqual(self.run_json('import', f'ana@{DOMAIN}', url, '--no-tls')['known'], self.count)
        box = self.site.imap('ana', None)
        self.assertIn(b'Work', b' '.join(expect(box.lsub())))
        self.assertNotIn(b'Work/Old', b' '.join(expect(box.lsub())))
        box.logout()

    def test_out_of_its_maildir(self):
        self.compare('bruno', self.run_json('import', f'bruno@{DOMAIN}', str(self.dovecot.mail), '--keep-names'))

    def test_into_a_maildir_it_serves(self):
        self.run_json('import', f'carla@{DOMAIN}', f'imap://eva@127.0.0.1:{self.dovecot.port}/', '--no-tls')
        other = Dovecot()
        self.addCleanup(other.close)
        told = self.run_json('export', f'carla@{DOMAIN}', '--to', str(other.mail), '--format', 'maildir')
        self.assertEqual((told['messages'], told['keywords_lost']), (self.count, 0))
        for path in [other.mail, *other.mail.rglob('*')]:
            os.chown(path, 65534, 65534)
        found = what_is_there(other.client())
        for name, messages in self.wanted.items():
            self.assertEqual(found[name], messages, (name, other.log()))
        box = other.client()
        self.assertIn(b'Work', b' '.join(expect(box.lsub())))
        box.logout()


if __name__ == '__main__':
    peers.need_peer('dovecot-imapd')
    main()
