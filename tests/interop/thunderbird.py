# SPDX-License-Identifier: ISC
"""With other software: Thunderbird on a screen that nobody sees (Xvfb), driven by Marionette, its
remote control: it signs in by IMAP over TLS (to the one certificate it was told of), fetches mail, reads one,
flags it, makes a mailbox, moves the mail there, and hears of new mail by IDLE.

Some hundred megabytes, so it has a group of its own in tools/need and is skipped, loudly, where it
is not installed.
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from testsite import (DOMAIN, HOST, PASSWORD, SiteTest, end_with_parent, expect, main, need_tool,
                      until)

PREFS = {
    'marionette.port': 0, 'network.dns.forceResolve': HOST, 'mail.shell.checkDefaultClient': False,
    'mail.rights.version': 1, 'mail.provider.suppress_dialog_on_startup': True, 'mail.spotlight.firstRunDone': True,
    'mailnews.start_page.enabled': False, 'app.update.enabled': False, 'app.donation.eoy.version.viewed': 999,
    'datareporting.policy.dataSubmissionEnabled': False, 'toolkit.telemetry.enabled': False,
    'extensions.update.enabled': False, 'mail.accounthub.enabled': False, 'mail.biff.show_alert': False,
    'mail.biff.play_sound': False, 'network.captive-portal-service.enabled': False,
    'network.connectivity-service.enabled': False, 'browser.search.update': False,
    'services.settings.server': 'data:,', 'security.OCSP.enabled': 0, 'mail.minimizeToTray': False,
}
FIRST_LINES = '''
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const fail = error => ({error: String(error) + "\\n" + (error && error.stack)});
const server = MailServices.accounts.allServers.find(s => s.type == "imap");
const folder = name => server.rootFolder.subFolders.find(f => f.name.toLowerCase() == name.toLowerCase());
const messages = name => [...folder(name).messages];
'''


class Marionette:
    """Its protocol: LENGTH:[kind, id, command, parameters]."""

    def __init__(self, port):
        self.sock = socket.create_connection((HOST, port), timeout=120)
        self.count = 0
        self.receive()
        self.ask('WebDriver:NewSession', {})
        self.ask('Marionette:SetContext', {'value': 'chrome'})
        self.ask('WebDriver:SetTimeouts', {'script': 90000})

    def receive(self):
        length = b''
        while not length.endswith(b':'):
            length += self.sock.recv(1) or b'0:'
        data = b''
        while len(data) < int(length[:-1]):
            data += self.sock.recv(65536)
        return json.loads(data)

    def ask(self, command, parameters):
        self.count += 1
        data = json.dumps([0, self.count, command, parameters]).encode()
        self.sock.sendall(b'%d:' % len(data) + data)
        _, _, error, result = self.receive()
        assert not error, error
        return result

    def run(self, script, *arguments):
        """An async function's body in the program itself; what it returns."""
        whole = FIRST_LINES + f'return (async () => {{ {script} }})().then(r => ({{result: r ?? null}}), fail);'
        value = self.ask('WebDriver:ExecuteScript', {'script': whole, 'args': list(arguments),
                                                          'newSandbox': True})['value']
        if value is None:
            return None  # the window changed under it
        assert 'error' not in value, value['error']
        return value['result']

    def until(self, condition, what):
        until(lambda: self.run(f'return {condition};'), what)


class Thunderbird(SiteTest):
    def start_screen(self):
        """The number of a display; the server chooses it."""
        ours, theirs = os.pipe()
        xvfb = subprocess.Popen(['Xvfb', '-displayfd', str(theirs), '-screen', '0', '1024x768x24', '-nolisten', 'tcp'],
                                pass_fds=[theirs], stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
        os.close(theirs)
        self.addCleanup(self.end, xvfb)
        with os.fdopen(ours) as file:
            return ':' + file.readline().strip()

    def end(self, process):
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start(self):
        home = self.site.place / 'thunderbird'
        profile = home / 'profile'
        profile.mkdir(parents=True)
        (profile / 'user.js').write_text(''.join(f'user_pref({json.dumps(k)}, {json.dumps(v)});\n'
                                                 for k, v in PREFS.items()))
        environment = dict(os.environ, DISPLAY=self.start_screen(), HOME=str(home), MOZ_CRASHREPORTER_DISABLE='1',
                           MOZ_DISABLE_CONTENT_SANDBOX='1', GDK_BACKEND='x11', LIBGL_ALWAYS_SOFTWARE='1')
        with open(home / 'log', 'wb') as log:
            process = subprocess.Popen(['thunderbird', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', str(profile)],
                                       env=environment, stdout=log, stderr=log, preexec_fn=end_with_parent)
        self.addCleanup(self.end, process)
        file = profile / 'MarionetteActivePort'
        until(lambda: process.poll() is not None or file.exists() and file.read_text().strip(),
              'Thunderbird listens for Marionette', 120)
        self.assertIsNone(process.poll(), (home / 'log').read_text()[-2000:])
        return Marionette(int(file.read_text()))

    def make_account(self, bird):
        certificate = re.sub('-----.*?-----|\\s', '', self.site.ca.read_text())
        bird.run('''
            const [text, host, port] = arguments;
            const certificate = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)
                .constructX509FromBase64(text);
            Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
                .rememberValidityOverride(host, port, {}, certificate, true);''',
                 certificate, DOMAIN, self.site.ports['IMAPS'])
        bird.run('''
            const [user, host, port, password] = arguments;
            const made = MailServices.accounts.createIncomingServer(user, host, "imap");
            made.port = port;
            made.socketType = Ci.nsMsgSocketType.SSL;
            made.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
            made.password = password;
            const account = MailServices.accounts.createAccount();
            account.incomingServer = made;
            const identity = MailServices.accounts.createIdentity();
            identity.email = user;
            account.addIdentity(identity);''', f'ana@{DOMAIN}', DOMAIN, self.site.ports['IMAPS'], PASSWORD)
        bird.run('server.performExpand(null);')
        bird.until('Boolean(folder("Inbox") && folder("Sent"))', 'the mailboxes are listed')

    def test_fetches_reads_flags_and_moves(self):
        site = self.site
        ids = [site.deliver('ana', f'mail {i}', f'text number {i}') for i in range(3)]
        bird = self.start()
        self.make_account(bird)
        bird.run('folder("Inbox").updateFolder(null);')
        bird.until('messages("Inbox").length == 3', 'the mail is fetched')
        self.assertEqual(bird.run('return messages("Inbox").map(m => m.subject);'), ['mail 0', 'mail 1', 'mail 2'])
        text = bird.run('''
            const uri = folder("Inbox").getUriForMsg(messages("Inbox")[1]);
            let text = "";
            await new Promise((resolve, reject) => MailServices.messageServiceFromURI(uri).streamMessage(uri, {
                QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
                onStartRequest() {},
                onStopRequest(request, status) { Components.isSuccessCode(status) ? resolve() : reject(status); },
                onDataAvailable(request, stream, offset, count) {
                    const input = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
                    input.init(stream);
                    text += input.read(count);
                },
            }, null, null, false, "", false));
            return text;''')
        self.assertIn('text number 1', text)
        bird.run('''
            folder("Inbox").markMessagesFlagged([messages("Inbox")[1]], true);
            folder("Inbox").markMessagesRead([messages("Inbox")[1]], true);
            server.rootFolder.createSubfolder("Projects", null);''')
        bird.until('Boolean(folder("Projects"))', 'the mailbox is made')
        bird.run('''
            MailServices.copy.copyMessages(folder("Inbox"), [messages("Inbox")[1]], folder("Projects"), true, null,
                                           null, false);''')
        until(lambda: site.count('ana', 'Projects') == 1, 'the mail is moved')
        box = site.imap('ana', 'Projects')
        found = expect(box.search(None, 'HEADER', 'Message-ID', ids[1], 'FLAGGED', 'SEEN'))[0].split()
        self.assertEqual(len(found), 1)
        box.logout()
        until(lambda: site.count('ana') == 2, 'it is gone from the INBOX')
        site.deliver('ana', 'a late one')
        bird.until('messages("Inbox").some(m => m.subject == "a late one")', 'it hears of it by IDLE')
        self.assertEqual(site.count('ana'), 3)
        bird.ask('Marionette:Quit', {'flags': ['eForceQuit']})


if __name__ == '__main__':
    need_tool('thunderbird')
    need_tool('Xvfb')
    main()
