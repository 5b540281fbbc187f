# SPDX-License-Identifier: ISC
"""With other software: Exim as Debian builds it, mail in both directions."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import peers
from peercases import PeerCases
from testsite import main


class WithExim(PeerCases, unittest.TestCase):
    peer_class = peers.Exim
    envid = 'q+2B7'  # it leaves xtext encoded

    def test_in_large_by_bdat(self):
        """Its log marks with K what it sent by CHUNKING."""
        message_id = self.inject('in by bdat', 'text')
        self.site.wait_for('ana', 'in by bdat')
        self.assertRegex(self.peer.log(), r'=> ana@example\.test .* K ')


if __name__ == '__main__':
    main()
