# SPDX-License-Identifier: ISC
"""Commands while the server runs and while it does not: changes take effect at once, reload keeps
everybody connected, and what is told and exited with is right."""
import json
import os
import pathlib
import shutil
import smtplib
import socket
import ssl
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import CARTEIRO, DOMAIN, HOST, PASSWORD, Site, SiteTest, main, put_setting, start_tls

NEW_PASSWORD = 'quatro gatos pardos'


def carteiro(site, *words, password=None, config=True):
    environment = dict(os.environ)
    if password:
        environment['CARTEIRO_PASSWORD'] = password
    return subprocess.run([CARTEIRO, *(['-c', str(site.config)] if config else []), *words],
                          capture_output=True, text=True, check=False, env=environment,
                          stdin=subprocess.DEVNULL)


class Accounts(SiteTest):
    def do(self, *words, code=0, **kwargs):
        done = carteiro(self.site, *words, **kwargs)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return json.loads(done.stdout) if '--json' in words else done.stdout + done.stderr

    def login(self, user, password):
        client = self.site.smtp('SUBMISSION')
        start_tls(client, self.site)
        try:
            client.login(f'{user}@{DOMAIN}', password)
            return True
        except smtplib.SMTPAuthenticationError:
            return False
        finally:
            client.close()

    def rcpt(self, address):
        client = self.site.smtp()
        client.ehlo()
        client.mail('ze@elsewhere.test')
        code, _ = client.rcpt(address)
        client.quit()
        return code

    def test_an_account_lives_and_dies(self):
        address = f'carla@{DOMAIN}'
        self.assertEqual(self.rcpt(address), 550)
        self.do('account', 'add', address, '--name', 'Carla', '--quota', '10M', password=PASSWORD)
        self.assertEqual(self.rcpt(address), 250)
        self.assertTrue(self.login('carla', PASSWORD))
        self.do('account', 'add', address, code=73, password=PASSWORD)
        shown = self.do('account', 'show', address, '--json')
        self.assertEqual((shown['name'], shown['quota_bytes']), ('Carla', 10 << 20))
        self.do('account', 'set', address, '--password', '--quota', 'none', password=NEW_PASSWORD)
        self.assertFalse(self.login('carla', PASSWORD))
        self.assertTrue(self.login('carla', NEW_PASSWORD))
        self.assertEqual(self.do('account', 'show', address, '--json')['quota_bytes'], 0)
        self.do('account', 'set', address, '--disable')
        self.assertFalse(self.login('carla', NEW_PASSWORD))
        self.do('account', 'set', address, '--enable')
        self.assertTrue(self.login('carla', NEW_PASSWORD))
        self.assertIn('give --yes', self.do('account', 'remove', address, code=64))
        self.do('account', 'remove', address, '--yes')
        self.assertEqual(self.rcpt(address), 550)
        told = self.do('account', 'show', f'anna@{DOMAIN}', code=67)
        self.assertIn(f'did you mean ana@{DOMAIN}?', told)

    def test_app_passwords(self):
        password = self.do('account', 'app-password', 'add', f'ana@{DOMAIN}', 'phone').splitlines()[0]
        self.assertTrue(self.login('ana', password))
        self.assertIn('phone', self.do('account', 'app-password', 'list', f'ana@{DOMAIN}'))
        self.do('account', 'app-password', 'remove', f'ana@{DOMAIN}', 'phone')
        self.assertFalse(self.login('ana', password))
        self.assertTrue(self.login('ana', PASSWORD))

    def test_domains_aliases_and_lists(self):
        self.do('domain', 'add', 'other.test')
        self.assertEqual(self.rcpt('info@other.test'), 550)
        self.do('alias', 'add', 'info@other.test', f'ana@{DOMAIN}')
        self.assertEqual(self.rcpt('info@other.test'), 250)
        self.do('alias', 'set', 'info@other.test', '--add', f'bruno@{DOMAIN}')
        self.assertEqual(self.do('alias', 'show', 'info@other.test', '--json')['targets'],
                         [f'ana@{DOMAIN}', f'bruno@{DOMAIN}'])
        self.do('domain', 'remove', 'other.test', code=65)
        self.do('alias', 'remove', 'info@other.test')
        self.do('list', 'add', 'all@other.test', f'ana@{DOMAIN}', f'bruno@{DOMAIN}', '--owner',
                f'ana@{DOMAIN}', '--name', 'All of us')
        before = self.site.count('bruno')
        self.site.smtp().sendmail('ze@elsewhere.test', ['all@other.test'], 'Subject: a\r\n\r\nb\r\n')
        self.assertEqual(self.site.count('bruno'), before + 1)
        self.do('list', 'set', 'all@other.test', '--remove', f'bruno@{DOMAIN}')
        self.assertEqual(self.do('list', 'show', 'all@other.test', '--json')['members'],
                         [f'ana@{DOMAIN}'])
        self.do('list', 'remove', 'all@other.test')
        self.do('domain', 'set', 'other.test', '--catch-all', f'ana@{DOMAIN}')
        self.assertEqual(self.rcpt('anything@other.test'), 250)
        self.do('domain', 'set', 'other.test', '--no-catch-all')
        self.do('domain', 'remove', 'other.test')
        self.do('domain', 'show', 'other.test', code=68)

    def test_mailboxes(self):
        ana = f'ana@{DOMAIN}'
        self.do('mailbox', 'create', ana, 'Work/2026')
        self.do('mailbox', 'create', ana, 'Work/2026', code=73)
        self.do('mailbox', 'rename', ana, 'Work/2026', 'Done')
        box = self.site.imap('ana', 'Done')
        box.logout()
        self.do('mailbox', 'show', ana, 'Work/2026', code=67)
        self.do('mailbox', 'remove', ana, 'Done', '--yes')
        self.do('mailbox', 'remove', ana, 'INBOX', '--yes', code=65)
        self.assertIn('INBOX', self.do('mailbox', 'list', ana))

    def test_passwords_never_come_by_the_command_line(self):
        self.do('account', 'add', f'dora@{DOMAIN}', '--password', 'x', code=64)
        told = self.do('account', 'add', f'dora@{DOMAIN}', code=66)
        self.assertIn('CARTEIRO_PASSWORD', told)

    def test_the_socket_is_for_its_owner_alone(self):
        path = self.site.data / 'control.sock'
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        for said, told in ((b'{"op":"no such thing"}', 69), (b'["list"]', 76), (b'nonsense', 76)):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
                sock.sendall(said + b'\r\n')
                self.assertEqual(json.loads(sock.makefile().readline())['exit'], told)

    def test_status(self):
        status = self.do('status', '--json')
        self.assertTrue(status['running'])
        self.assertEqual(status['ports']['smtp'], self.site.ports['SMTP'])
        self.assertIn(str(self.site.ports['IMAPS']), self.do('status'))

    def test_check_knows_that_it_runs(self):
        self.assertIn('the server is running', self.do('check'))

    def test_a_second_server_is_refused(self):
        done = carteiro(self.site, 'serve')
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn(str(self.site.data), done.stderr)
        self.assertTrue(self.do('status', '--json')['running'])

    def test_reload_keeps_connections(self):
        box = self.site.imap('ana')
        text = self.site.config.read_text()
        before = self.served_certificate()
        try:
            self.site.config.write_text(put_setting(put_setting(text, 'receive', 'message_size', '100K'),
                                                    'listen', 'smtp', '2'))
            renew_certificate(self.site)
            told = self.do('reload', '--json')
            self.assertIn('receive.message_size', told['changed'])
            self.assertIn('listen.smtp', told['needs_restart'])
            self.assertEqual(box.noop()[0], 'OK')
            self.assertNotEqual(self.served_certificate(), before)
            client = self.site.smtp()
            client.ehlo()
            self.assertEqual(client.esmtp_features['size'], '102400')
            client.quit()
            # What is wrong changes nothing.
            self.site.config.write_text(put_setting(text, 'receive', 'message_size', '200K')
                                        + '\nroute {\n relay_networks = {"x"}\n}\n')
            self.assertIn('relay_networks', self.do('reload', code=78))
            client = self.site.smtp()
            client.ehlo()
            self.assertEqual(client.esmtp_features['size'], '102400')
            client.quit()
            self.assertEqual(box.noop()[0], 'OK')
        finally:
            self.site.config.write_text(text)
            self.do('reload')
        self.assertEqual(box.noop()[0], 'OK')
        box.logout()

    def served_certificate(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((HOST, self.site.ports['IMAPS'])) as sock:
            with context.wrap_socket(sock) as tls:
                return tls.getpeercert(binary_form=True)


def renew_certificate(site):
    """A new one, made as `carteiro init` does it, put where the site has its own."""
    with_new = Site(accounts=('x',))
    try:
        for name in ('cert.pem', 'key.pem'):
            (site.place / name).write_bytes((with_new.place / name).read_bytes())
    finally:
        with_new.own_place = True
        with_new.__exit__(None, None, None)


class Stopped(SiteTest):
    """No server: the commands open the store themselves."""
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.site.own_place = False  # it is started more than once

    def test_changes_are_there_when_it_starts(self):
        done = carteiro(self.site, 'account', 'add', f'eva@{DOMAIN}', password=PASSWORD)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(carteiro(self.site, 'status').returncode, 69)
        self.assertEqual(carteiro(self.site, 'reload').returncode, 69)
        self.site.start()
        self.assertEqual(self.site.count('eva'), 0)
        self.site.stop()
        self.assertFalse((self.site.data / 'ports').exists())
        self.assertFalse((self.site.data / 'control.sock').exists())

    def test_fsck_finds_what_was_damaged(self):
        with self.site:
            self.assertEqual(carteiro(self.site, 'fsck').returncode, 75)
            self.site.deliver('ana', 'whole', 'the text that will be damaged')
        done = carteiro(self.site, 'fsck', '--json')
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(json.loads(done.stdout)['report']['damaged'], 0)
        for segment in (self.site.data / 'segments').iterdir():
            whole = segment.read_bytes()
            if b'that will be damaged' in whole:
                segment.write_bytes(whole.replace(b'that will be damaged', b'That will be damaged'))
                break
        done = carteiro(self.site, 'fsck', '--json')
        segment.write_bytes(whole)
        self.assertEqual(done.returncode, 65, done.stdout)
        self.assertGreater(json.loads(done.stdout)['report']['damaged'], 0)
        self.assertEqual(carteiro(self.site, 'fsck', '--data', '/nowhere').returncode, 66)

    def test_backup_while_it_runs_and_restore(self):
        copies, again = self.site.place / 'copies', self.site.place / 'again'
        copy = copies / 'monday'
        copies.mkdir()
        text = self.site.config.read_text()
        self.site.config.write_text(put_setting(text, '', 'backup', f'"{copies}"'))  # for the sandbox
        with self.site:
            self.site.deliver('bruno', 'before the backup')
            before = self.site.raw_messages('bruno')
            done = carteiro(self.site, 'backup', str(copy))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(carteiro(self.site, 'backup', str(copy)).returncode, 73)
            self.site.deliver('bruno', 'after the backup')
        self.assertEqual(carteiro(self.site, 'fsck', '--data', str(copy)).returncode, 0)
        self.assertEqual(carteiro(self.site, 'restore', str(copy)).returncode, 73)
        self.assertEqual(carteiro(self.site, 'restore', '/nowhere').returncode in (66, 73), True)
        self.site.data.rename(again)
        try:
            done = carteiro(self.site, 'restore', str(copy))
            self.assertEqual(done.returncode, 0, done.stderr)
            for path in (self.site.data, *self.site.data.rglob('*')):
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)  # passwords are in there
            with self.site:
                self.assertEqual(self.site.raw_messages('bruno'), before)
            # The index can be made anew from the mail itself.
            (self.site.data / 'index.db').unlink()
            done = carteiro(self.site, 'fsck', '--rebuild')
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        finally:
            shutil.rmtree(self.site.data, ignore_errors=True)
            again.rename(self.site.data)

    def test_init_overwrites_nothing(self):
        before = self.site.config.read_bytes()
        done = carteiro(self.site, 'init', '--dir', str(self.site.place), '--domain', 'x.test',
                        '--account', 'x', password=PASSWORD, config=False)
        self.assertEqual(done.returncode, 73)
        self.assertEqual(self.site.config.read_bytes(), before)

    def test_init_needs_what_it_needs(self):
        place = str(self.site.place / 'new')
        for words, code in ((('--domain', 'x.test'), 64), (('--account', 'x'), 64),
                            (('--domain', 'x.test', '--account', 'x', '--ports', 'few'), 64),
                            (('--domain', 'no domain', '--account', 'x'), 65)):
            done = carteiro(self.site, 'init', '--dir', place, *words, password=PASSWORD, config=False)
            self.assertEqual(done.returncode, code, (words, done.stderr))
            self.assertFalse((pathlib.Path(place) / 'carteiro.conf').exists())

    def test_files_are_private(self):
        self.assertEqual(stat.S_IMODE(self.site.data.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.site.place / 'key.pem').stat().st_mode), 0o600)


if __name__ == '__main__':
    main()
