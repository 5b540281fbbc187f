# SPDX-License-Identifier: ISC
"""Started by root, the server becomes another user, keeps only the right to low ports, and leaves no
file of root's in the data directory. Needs root; skipped, visibly, without."""
import os
import pathlib
import pwd
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import DOMAIN, SKIPPED, Site, SiteTest, main

USER = 'nobody'
BIND_LOW_PORTS = 1 << 10  # CAP_NET_BIND_SERVICE


class NobodysSite(Site):
    """As Site, but everybody may enter its directory, and `init` names the user."""
    def _make(self, accounts, settings):
        self.place.chmod(0o755)
        super()._make(accounts, settings)

    def run(self, *arguments, **kwargs):
        if arguments[0] == 'init':
            arguments = (*arguments, '--user', USER)
        return super().run(*arguments, **kwargs)


class Privileges(SiteTest):
    @classmethod
    def setUpClass(cls):
        cls.site = NobodysSite()
        cls.site.start()

    def test_every_thread_is_somebody_else(self):
        uid = pwd.getpwnam(USER).pw_uid
        for task in pathlib.Path(f'/proc/{self.site.process.pid}/task').iterdir():
            status = (task / 'status').read_text()
            self.assertEqual(set(re.search(r'Uid:(.*)', status).group(1).split()), {str(uid)})
            self.assertEqual(int(re.search(r'CapEff:\s*(\w+)', status).group(1), 16), BIND_LOW_PORTS)
            self.assertEqual(re.search(r'NoNewPrivs:\s*(\d)', status).group(1), '1')

    def test_all_data_is_the_users(self):
        self.site.deliver('ana')
        self.site.run('account', 'add', f'zoe@{DOMAIN}', '--no-password')
        self.site.stop()
        self.site.run('account', 'remove', f'zoe@{DOMAIN}', '--yes')
        uid = pwd.getpwnam(USER).pw_uid
        for path in (self.site.data, *self.site.data.rglob('*')):
            self.assertEqual(path.stat().st_uid, uid, path)
        self.site.start()

    def test_reload_reads_all_again(self):
        self.site.run('reload')


if __name__ == '__main__':
    if os.geteuid() != 0:
        print('SKIPPED: only root can become another user')
        sys.exit(SKIPPED)
    main()
