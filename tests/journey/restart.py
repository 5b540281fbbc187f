# SPDX-License-Identifier: ISC
"""Journey: the server is killed while mails are under way: each arrives, and no more of them twice than
were in flight (doc/format/queue.md)."""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from labtest import LabTest
from testsite import main, message

MAILS, KILLS, CONNECTIONS = 500, 3, 4


class Restart(LabTest):
    domains = ('example.test',)
    settings = {'queue': {'lane_connections_max': CONNECTIONS}}

    @classmethod
    def prepare(cls):
        cls.one = cls.far_side('far.test')

    def hand_in(self, count, start):
        client = self.here.submission('ana')
        for n in range(start, start + count):
            data, _ = message(f'number {n}', 'text', sender='ana@example.test', to='x@far.test')
            client.sendmail('ana@example.test', ['x@far.test'], data)
        client.quit()

    def test_killed_in_the_middle(self):
        each = MAILS // (KILLS + 1)
        for n in range(KILLS):
            before = len(self.one.mails)
            self.hand_in(each, n * each)
            self.one.wait(lambda before=before: len(self.one.mails) > before)
            self.here.kill()
            self.here.start()
        self.hand_in(MAILS - KILLS * each, KILLS * each)
        self.one.wait(lambda: len(self.seen()) == MAILS, seconds=120)
        self.queue_is_empty()
        repeated = sum(count - 1 for count in self.seen().values())
        self.assertLessEqual(repeated, KILLS * CONNECTIONS)

    def seen(self):
        """How often each mail was taken over, by its number."""
        lines = (line for mail in list(self.one.mails) if mail.is_acknowledged
                 for line in bytes(mail.body).split(b'\r\n') if line.startswith(b'Subject: number '))
        return collections.Counter(int(line.split()[2]) for line in lines)


if __name__ == '__main__':
    main()
