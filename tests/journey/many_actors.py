# SPDX-License-Identifier: ISC
"""Twenty clients at once in one mailbox: they fetch, set flags and keywords, append, copy, move,
expunge, idle, are cut off and come back. Each keeps its picture of the mailbox from untagged
responses alone (tests/actors.py); at the end all pictures are the mailbox. Half of them are the owner,
half another user, with whom the mailbox is shared.

    python3 tests/journey/many_actors.py --seconds 60 [--seed 7] [--actors 20]     by hand
"""
import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from actors import Actor, Wrong, differences, play, truth
from testsite import DOMAIN, SiteTest, main

ACTORS, TURNS = 20, 60
SETTINGS = {'account': {'plaintext_login': 'yes'}}


def share(setup, *mailboxes):
    """bruno may do everything in them, too, where there is ACL (RFC 4314)."""
    if 'ACL' not in setup.capabilities:
        return []
    for name in mailboxes:
        setup.ask(f'SETACL {name} bruno@{DOMAIN} lrswipkxtea')
    return [(f'bruno@{DOMAIN}', *(f'"Other Users/ana@{DOMAIN}/{name}"' for name in mailboxes))]


def play_on(site, mailbox, seed, actor_count, is_over, drop=0):
    """One game; what differs at the end, and how often what was done."""
    user, other = f'ana@{DOMAIN}', f'{mailbox}-other'
    setup = Actor(site, 'setup', user, mailbox, other, seed)
    setup.ask(f'CREATE {mailbox}')
    setup.ask(f'CREATE {other}')
    setup.select()
    for _ in range(30):
        setup.append()
    people = [(user, mailbox, other)] + share(setup, mailbox, other)
    actors = [Actor(site, f'a{i}x', *people[i % len(people)], seed, drop if i == 0 else 0) for i in range(actor_count)]
    for actor in actors:
        actor.select()
    play(actors, is_over)
    for actor in actors:
        actor.settle()
    real = truth(site, user, mailbox)
    wrong = [text for actor in actors for text in differences(actor, real)]
    counts = {}
    for actor in actors:
        for name, count in actor.counts.items():
            counts[name] = counts.get(name, 0) + count
        actor.conn.sock.close()
    setup.conn.sock.close()
    return wrong, counts, real


class ManyActors(SiteTest):
    settings = SETTINGS

    def test_all_pictures_are_the_mailbox(self):
        seed = random.randrange(1 << 32)
        wrong, counts, real = play_on(self.site, 'shared', seed, ACTORS, lambda turns: turns >= TURNS)
        print(f'seed {seed}: {len(real.entries)} messages at the end; {counts}')
        self.assertEqual(wrong, [], '\n'.join(wrong[:20]))

    def test_who_misses_a_response_is_found_out(self):
        """The control: one actor does not believe every fifth response."""
        try:
            wrong, _, _ = play_on(self.site, 'control', 1, 4, lambda turns: turns >= TURNS, drop=5)
        except Wrong as error:
            wrong = [str(error)]
        self.assertNotEqual(wrong, [])


def by_hand():
    from testsite import Site
    p = argparse.ArgumentParser()
    p.add_argument('--seconds', type=int, required=True)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--actors', type=int, default=ACTORS)
    options = p.parse_args()
    with Site(settings=SETTINGS) as site:
        end = time.monotonic() + options.seconds
        wrong, counts, real = play_on(site, 'shared', options.seed, options.actors, lambda _: time.monotonic() > end)
    print(f'{sum(counts.values())} acts, {len(real.entries)} messages at the end; {counts}')
    print('\n'.join(wrong) or 'all pictures are the mailbox')
    return 1 if wrong else 0


if __name__ == '__main__':
    if '--seconds' in sys.argv:
        sys.exit(by_hand())
    main()
