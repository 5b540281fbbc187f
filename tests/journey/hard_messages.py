# SPDX-License-Identifier: ISC
"""Hard messages over IMAP: each is appended, told byte for byte as it came, and every answer of the
table (tests/corpus/messages) is what the server says. Raw bytes on a socket, no library."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import hardmail
from testsite import DOMAIN, PASSWORD, SiteTest, main

MAILS_MIN = 300
SECTION_NUMBERS_MAX = 64  # of one section, that the server takes


class HardMessages(SiteTest):
    def connect(self):
        imap = hardmail.Imap(self.site.connect('IMAPS', tls=True), f'ana@{DOMAIN}', PASSWORD)
        self.addCleanup(imap.sock.close)
        return imap

    def questions_of(self, imap, mail):
        return [q for q in mail.answers if q.count('.') < SECTION_NUMBERS_MAX
                and (not q.startswith('BINARY') or 'BINARY' in imap.capabilities)]

    def ask(self, imap, number, questions):
        """All at once, and each alone where one of them is refused."""
        found, status = imap.fetch(number, questions)
        if status.startswith('OK'):
            return found
        for question in questions:
            one, status = imap.fetch(number, [question])
            code = status.partition('[')[2].partition(']')[0]
            found[question] = one.get(question, f'!{code}' if code else f'!{status}')
        return found

    def check(self, imap, number, mail):
        """The answers that are wrong, in words."""
        questions = self.questions_of(imap, mail)
        found = self.ask(imap, number, questions)
        self.answer_count += len(questions)
        return [f'{mail.file}: {mail.name}: {q}\n  want {mail.expected(q)}\n  got  {found.get(q)}'
                for q in questions if found.get(q) != mail.expected(q)]

    def test_table(self):
        imap = self.connect()
        imap.ok('CREATE hard')
        mails = [mail for mail in hardmail.read_all() if mail.data]  # nothing at all cannot be appended
        self.assertGreaterEqual(len(mails), MAILS_MIN)
        for mail in mails:
            self.assertEqual(imap.append('hard', mail.data)[0], True, mail.name)
        imap.ok('SELECT hard')
        self.answer_count, wrong = 0, []
        for number, mail in enumerate(mails, 1):
            whole = imap.fetch(number, ['BODY.PEEK[]'])[0]['BODY.PEEK[]']
            self.assertEqual(whole, hardmail.quoted(mail.data), mail.name)
            size = imap.fetch(number, ['RFC822.SIZE'])[0]['RFC822.SIZE']
            self.assertEqual(int(size), len(mail.data), mail.name)
            wrong += self.check(imap, number, mail)
        print(f'{len(mails)} messages, {self.answer_count} answers, {len(wrong)} of them wrong')
        self.assertEqual(wrong, [], '\n'.join(wrong[:20]))
        self.check_again(mails)

    def check_again(self, mails):
        """What was worked out once is kept: of all messages at once, by uid, as IMAP4rev2, and after a
        restart."""
        for command in ('NOOP', 'ENABLE IMAP4rev2'):
            self.check_told(mails, command)
        self.site.restart()
        self.check_told(mails, 'NOOP')

    def check_told(self, mails, first):
        imap = self.connect()
        if first.startswith('ENABLE') and 'ENABLE' not in imap.capabilities:
            return
        imap.ask(first)
        imap.ok('EXAMINE hard')
        lines = imap.ok('UID FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE)')
        told = [hardmail.Answer.over(line[line.index(b'('):]).named() for line in lines if b' FETCH (' in line[:20]]
        self.assertEqual(len(told), len(mails))
        for mail, answers in zip(mails, told):
            for question in ('ENVELOPE', 'BODY', 'BODYSTRUCTURE'):
                self.assertEqual(hardmail.told(answers[question]), mail.expected(question), (mail.name, first))


if __name__ == '__main__':
    main()
