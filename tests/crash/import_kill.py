# SPDX-License-Identifier: ISC
"""usage: import_kill.py [MESSAGES]
`carteiro import` of a Maildir of so many messages (8,000), killed by SIGKILL in the middle three times:
the command while a server serves, the server itself, and, with no server, the command and whoever
stands in for it, both at once. Each time it is begun again. In the end every message is there once,
with its flags. Prints what it took."""
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import CARTEIRO, DOMAIN, Site, expect, until

FOLDERS = {'': 'INBOX', '.Work': 'Work', '.Work.Old': 'Work/Old'}
LETTERS = {'': set(), 'S': {'\\Seen'}, 'FS': {'\\Flagged', '\\Seen'}}
BODY = b'The quick brown fox jumps over the lazy dog, again and again and again.\n' * 60


def make(top, count):
    """Gives what must be there: by mailbox and number, the flags."""
    wanted = {}
    letters = list(LETTERS)
    for folder in FOLDERS:
        (top / folder / 'cur').mkdir(parents=True)
    for n in range(count):
        folder = list(FOLDERS)[n * len(FOLDERS) // count]
        info = letters[n % 3]
        path = top / folder / 'cur' / f'{1700000000 + n}.M{n}.host:2,{info}'
        path.write_bytes(b'From: <a@b.test>\nSubject: n\nMessage-ID: <%d@b.test>\n\n' % n + BODY)
        wanted[FOLDERS[folder], n] = LETTERS[info]
    return wanted


def begin(site, top):
    return subprocess.Popen([CARTEIRO, '--config', str(site.config), 'import', f'ana@{DOMAIN}', str(top)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            start_new_session=True)


def stored(site):
    """How many messages lie on the disk: what any process may read of the index."""
    import sqlite3
    try:
        index = sqlite3.connect(f'file:{site.data}/index.db?mode=ro', uri=True, timeout=5)
        try:
            return index.execute('SELECT count(*) FROM entry').fetchone()[0]
        finally:
            index.close()
    except sqlite3.Error:
        return 0


def wait_for_middle(site, process, least):
    until(lambda: process.poll() is not None or stored(site) >= least, 'it takes messages')


def in_the_middle(site, count):
    now = stored(site)
    print(f'killed with {now} of {count} messages there', flush=True)
    assert 0 < now < count, 'that was not in the middle'
    return now


def finish(process):
    """Until it has ended; what it said."""
    said = process.communicate(timeout=600)[0].decode()
    return process.returncode, said


def play(site, top, count):
    began = time.monotonic()
    site.start()
    process = begin(site, top)
    wait_for_middle(site, process, count // 8)
    process.kill()
    finish(process)
    one = in_the_middle(site, count)

    process = begin(site, top)
    wait_for_middle(site, process, max(one + 1, count * 3 // 8))
    site.kill()
    code, said = finish(process)
    assert code != 0, said
    two = in_the_middle(site, count)
    assert two > one, 'it did not go on'

    process = begin(site, top)
    wait_for_middle(site, process, max(two + 1, count * 5 // 8))
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    in_the_middle(site, count)

    process = begin(site, top)
    code, said = finish(process)
    assert code == 0, said
    print(said.strip())
    print(f'{count} messages in {time.monotonic() - began:.1f} s, three kills and their recoveries included')
    code, said = finish(begin(site, top))
    assert code == 0 and 'Took 0 messages' in said, said


def check(site, wanted):
    site.start()
    found = collections.Counter()
    for mailbox in FOLDERS.values():
        box = site.imap('ana', f'"{mailbox}"')
        for part in expect(box.fetch('1:*', '(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')):
            if isinstance(part, tuple):
                n = int(re.search(rb'<(\d+)@', part[1]).group(1))
                flags = set(re.search(rb'FLAGS \(([^)]*)\)', part[0]).group(1).decode().split())
                assert flags - {'\\Recent'} == wanted[mailbox, n], (mailbox, n, flags)
                found[mailbox, n] += 1
        box.logout()
    doubles = [key for key, times in found.items() if times > 1]
    missing = wanted.keys() - found.keys()
    assert not doubles and not missing, f'{len(doubles)} twice, {len(missing)} missing'
    site.stop()
    site.run('fsck')


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    top = pathlib.Path(tempfile.mkdtemp(prefix='carteiro-import-'))
    site = Site()
    try:
        wanted = make(top / 'Maildir', count)
        play(site, top / 'Maildir', count)
        check(site, wanted)
        print('every message is there once')
    finally:
        shutil.rmtree(top, ignore_errors=True)
        site.abandon()


if __name__ == '__main__':
    main()
