# SPDX-License-Identifier: ISC
"""With other software: mutt in a terminal of its own, driven by `push`: reads, flags, moves and
deletes by IMAP, reads by POP3, and sends by submission.

Debian's mutt picks SCRAM-SHA-256-PLUS when it is offered, though it cannot bind to the channel. In
IMAP it then falls back to LOGIN; for SMTP it must be told which mechanisms to use.
"""
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, HOST, PASSWORD, SiteTest, expect, main, need_tool

ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'


class Mutt(SiteTest):
    def configure(self, user):
        home = self.site.place / 'mutt-home'
        home.mkdir(exist_ok=True)
        self.config = home / 'muttrc'
        address = f'{user}@{DOMAIN}'
        self.config.write_text(f'''set from="{address}" realname="{user}" use_from=yes envelope_from_address="{address}"
set hostname=laptop.{DOMAIN}
set ssl_ca_certificates_file="{self.site.ca}" certificate_file="{self.site.ca}" ssl_verify_host=no
set ssl_force_tls=yes ssl_starttls=yes tunnel=""
set imap_user="{address}" imap_pass="{PASSWORD}" pop_user="{address}" pop_pass="{PASSWORD}"
set smtp_url="smtp://{address}@{HOST}:{self.site.ports['SUBMISSION']}/" smtp_pass="{PASSWORD}"
set folder="imap://{HOST}:{self.site.ports['IMAP']}/" spoolfile="imap://{HOST}:{self.site.ports['IMAP']}/INBOX"
set record="imap://{HOST}:{self.site.ports['IMAP']}/Sent" postponed="imap://{HOST}:{self.site.ports['IMAP']}/Drafts"
set smtp_authenticators="scram-sha-256:plain"
set copy=yes quit=yes delete=yes confirmappend=no confirmcreate=no move=no wait_key=no beep=no
set sleep_time=0 imap_check_subscribed=no mail_check=0 timeout=1 abort_noattach=no pop_delete=yes
set header_cache="" message_cachedir="" tmpdir="{home}" imap_keepalive=0 fast_reply=yes editor=true
''')

    def environment(self):
        return dict(os.environ, TERM='xterm', HOME=str(self.site.place / 'mutt-home'), LC_ALL='C.UTF-8',
                    LINES='40', COLUMNS='120')

    def mutt(self, *arguments, push, user='ana', patience=60, settings=''):
        """Runs mutt in a pseudo-terminal until it ends by itself."""
        self.configure(user)
        command = ['mutt', '-F', str(self.config), '-e', f"{settings or 'set beep=no'}; push '{push}'", *arguments]
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe('mutt', command, self.environment())
        shown, deadline = b'', time.monotonic() + patience
        while time.monotonic() < deadline:
            ready, _, _ = select.select([terminal], [], [], 1)
            if not ready:
                continue
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                piece = b''
            if not piece:
                break
            shown += piece
        else:
            os.kill(pid, 9)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        text = shown.decode('utf-8', 'replace')
        self.assertEqual(status, 0, re.sub(r'\x1b[\[(][0-9;?]*[A-Za-z]', ' ', text)[-3000:])

    @property
    def save(self):
        """Keys that write the message under the cursor to a file, as mutt got it."""
        return f'<pipe-message>cat>{self.site.place}/saved<enter>'

    def saved(self):
        return (self.site.place / 'saved').read_text()

    def ids(self, user, mailbox, *search):
        box = self.site.imap(user, mailbox)
        found = expect(box.search(None, *(search or ('ALL',))))[0].split()
        box.logout()
        return found

    def test_sends_with_attachment_and_keeps_a_copy(self):
        path = self.site.place / 'note.txt'
        path.write_text('attached\n')
        before = len(self.ids('bruno', 'INBOX'))
        self.configure('ana')
        done = subprocess.run(['mutt', '-F', str(self.config), '-s', 'by mutt', '-a', str(path), '--', BRUNO],
                              input=b'Dear Bruno,\n.\nthe postman works.\n', capture_output=True, check=False,
                              env=self.environment(), timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(self.ids('bruno', 'INBOX')), before + 1)
        raw = self.site.raw_messages('bruno')[-1]
        self.assertIn(b'Subject: by mutt', raw)
        self.assertIn(b'the postman works.', raw)
        self.assertEqual(len(self.ids('ana', 'Sent', 'SUBJECT', '"by mutt"')), 1)

    def test_reads_flags_moves_and_deletes_by_imap(self):
        self.empty('ana')
        for name in ('alpha', 'beta', 'gamma', 'delta'):
            self.site.deliver('ana', name, f'text of {name}')
        # 1: read; 2: flag; 3: save (move) to Archive; 4: delete; then quit, which syncs
        self.mutt(push=f'1<enter>{self.save}<display-message><exit>2<enter><flag-message>3<enter><save-message>=Archive<enter>'
                       '4<enter><delete-message><quit>')
        self.assertIn('text of alpha', self.saved())
        box = self.site.imap('ana')
        subjects = {}
        for number in expect(box.search(None, 'ALL'))[0].split():
            flags, head = expect(box.fetch(number, '(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])'))[0]
            subjects[head.split()[1].decode()] = flags.decode()
        box.logout()
        self.assertEqual(sorted(subjects), ['alpha', 'beta'])
        self.assertIn('\\Seen', subjects['alpha'])
        self.assertIn('\\Flagged', subjects['beta'])
        self.assertEqual(len(self.ids('ana', 'Archive', 'SUBJECT', 'gamma')), 1)

    def test_reads_a_mailbox_of_somebody_else(self):
        """A dot in a name is another level to mutt, unless it is told otherwise."""
        self.site.deliver('ana', 'ours', 'shared text')
        self.site.run('mailbox', 'share', ANA, 'INBOX', BRUNO, 'lrs')
        self.mutt('-f', f'imap://{HOST}:{self.site.ports["IMAP"]}/Other Users/{ANA}', user='bruno',
                  push=f'<last-entry>{self.save}<exit>', settings='set imap_delim_chars="/"')
        self.assertIn('shared text', self.saved())
        self.site.run('mailbox', 'unshare', ANA, 'INBOX', BRUNO)

    def test_reads_over_implicit_tls(self):
        self.empty('ana')
        self.site.deliver('ana', 'inside', 'text over imaps')
        self.mutt('-f', f'imaps://{HOST}:{self.site.ports["IMAPS"]}/INBOX', push=f'{self.save}<exit>')
        self.assertIn('text over imaps', self.saved())

    def test_reads_and_deletes_by_pop3(self):
        self.empty('ana')
        self.site.deliver('ana', 'popped', 'text by pop')
        self.site.deliver('ana', 'removed', 'x')
        self.mutt('-f', f'pop://{HOST}:{self.site.ports["POP3"]}/',
                  push=f'1<enter>{self.save}2<enter><delete-message><quit>')
        self.assertIn('text by pop', self.saved())
        self.assertEqual(len(self.ids('ana', 'INBOX')), 1)


if __name__ == '__main__':
    need_tool('mutt')
    main()
