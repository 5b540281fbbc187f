# SPDX-License-Identifier: ISC
"""With other software: Postfix's smtp-source hands in a thousand mails on ten connections, and
smtp-sink takes a thousand from our queue: each arrives once."""
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest
from peers import UNPACKED, library_path
from testsite import SKIPPED, main, until

POSTFIX = UNPACKED / 'postfix'
MAILS = 1000


def tool(name, *options, **kwargs):
    environment = dict(os.environ, LD_LIBRARY_PATH=library_path(POSTFIX))
    return subprocess.Popen([POSTFIX / 'usr/sbin' / name, *map(str, options)], env=environment,
                            stdin=subprocess.DEVNULL, **kwargs)


class Load(LabTest):
    domains = ('example.test',)
    settings = {'route': {'relay_networks': '{"127.0.0.0/8"}'}}

    @classmethod
    def prepare(cls):
        cls.sink_address = cls.lab.address()
        cls.lab.host('sink.test', cls.sink_address)

    def source(self, recipient):
        process = tool('smtp-source', '-s', 10, '-m', MAILS, '-l', 5000, '-d', '-f', 'load@elsewhere.test',
                       '-t', recipient, f'{self.here.host}:{self.lab.smtp_port}', stderr=subprocess.PIPE)
        _, words = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, words)

    def test_a_thousand_in(self):
        started = time.monotonic()
        self.source('ana@example.test')
        print(f'{MAILS / (time.monotonic() - started):.0f} mails/s in', file=sys.stderr)
        self.assertEqual(self.here.count('ana'), MAILS)

    def test_a_thousand_through_the_queue(self):
        """The sink writes a counter with each mail (-c)."""
        out = self.lab.place / 'sink.out'
        with open(out, 'wb') as file:
            as_nobody = ['-u', 'nobody'] if os.geteuid() == 0 else []
            sink = tool('smtp-sink', '-c', *as_nobody, f'{self.sink_address}:{self.lab.smtp_port}', 100,
                        stdout=file, stderr=file)
        try:
            started = time.monotonic()
            self.source('x@sink.test')
            self.queue_is_empty()
            print(f'{MAILS / (time.monotonic() - started):.0f} mails/s through', file=sys.stderr)
            counted = until(lambda: re.findall(rb'mesg=(\d+)', out.read_bytes()), 'the sink counts')
            self.assertEqual(int(counted[-1]), MAILS)
        finally:
            sink.terminate()
            sink.wait()


if __name__ == '__main__':
    if not (POSTFIX / '.complete').exists():
        print('SKIPPED: postfix is not there; `tools/need peers` brings it')
        sys.exit(SKIPPED)
    main()
