# SPDX-License-Identifier: ISC
"""The unix sockets of the server, sendmail's and LMTP's: their directories are made, and once the
sandbox is entered the sockets can be opened there and, after a restart, replaced."""
import os
import pathlib
import smtplib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, PATIENCE, Site, main, message  # noqa: E402


class Sockets(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.abandon)
        self.lmtp = self.site.place / 'run' / 'lmtp' / 'socket'
        self.sendmail = self.site.place / 'run' / 'sendmail' / 'socket'
        self.site._configure({'listen': {'lmtp': f'"{self.lmtp}"', 'sendmail': f'"{self.sendmail}"'}})
        self.site.start()

    def hand_over(self, client, subject):
        client.ehlo_or_helo_if_needed()
        data, _ = message(subject, 'by a socket')
        self.assertEqual(client.sendmail('ze@elsewhere.test', [f'ana@{DOMAIN}'], data), {})
        client.quit()

    def test_both_take_mail_and_come_back(self):
        for turn in range(2):
            self.hand_over(smtplib.LMTP(str(self.lmtp), timeout=PATIENCE), 'lmtp')
            talk = smtplib.LMTP(str(self.sendmail), timeout=PATIENCE)  # by the path; SMTP is spoken
            talk.ehlo_msg = 'ehlo'
            self.hand_over(talk, 'sendmail')
            self.assertEqual(self.site.count('ana'), 2 * (turn + 1))
            self.site.restart()
        self.site.stop()
        self.assertEqual([p for p in (self.lmtp, self.sendmail) if os.path.lexists(p)], [])


if __name__ == '__main__':
    main()
