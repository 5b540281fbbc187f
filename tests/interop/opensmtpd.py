# SPDX-License-Identifier: ISC
"""With other software: OpenSMTPD as Debian builds it, mail in both directions."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import peers
from peercases import PeerCases
from testsite import main


class WithOpenSmtpd(PeerCases, unittest.TestCase):
    peer_class = peers.OpenSmtpd
    envid = None
    can_tls = False  # Debian 12's offers STARTTLS and fails at it; the mail comes in plain text then
    can_utf8 = can_pipeline = can_chunk = False


if __name__ == '__main__':
    main()
