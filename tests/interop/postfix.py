# SPDX-License-Identifier: ISC
"""With other software: Postfix as Debian builds it, mail in both directions."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import peers
from peercases import PeerCases
from testsite import main


class WithPostfix(PeerCases, unittest.TestCase):
    peer_class = peers.Postfix


if __name__ == '__main__':
    main()
