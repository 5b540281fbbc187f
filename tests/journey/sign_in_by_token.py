# SPDX-License-Identifier: ISC
"""Bearer tokens (OAUTHBEARER, XOAUTH2) by IMAP, POP3 and submission over TLS, with Python's own
clients. The issuer is the openssl program; its keys are had by HTTPS, from a server here."""
import base64
import imaplib
import json
import pathlib
import poplib
import smtplib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from https import Answer, Web
from labcert import Authority, openssl
from testsite import DOMAIN, HOST, PATIENCE, Site, SiteTest, expect, main, start_tls

ISSUER, AUDIENCE = 'https://login.example.test', 'carteiro'
ANA, BRUNO = f'ana@{DOMAIN}', f'bruno@{DOMAIN}'


def base64url(data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


class Issuer:
    """Signs tokens with RS256; `kid` names its key."""

    def __init__(self, place, kid):
        self.key, self.kid = place / f'{kid}.pem', kid
        openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', self.key)

    def jwk(self):
        modulus = openssl('rsa', '-in', self.key, '-modulus', '-noout').decode().strip().partition('=')[2]
        return {'kty': 'RSA', 'use': 'sig', 'kid': self.kid, 'n': base64url(bytes.fromhex(modulus)), 'e': 'AQAB'}

    def token(self, email=ANA, header=None, **claims):
        head = {'alg': 'RS256', 'typ': 'JWT', 'kid': self.kid, **(header or {})}
        body = {'iss': ISSUER, 'aud': [AUDIENCE, 'other'], 'exp': int(time.time()) + 300, 'email': email, **claims}
        text = f'{base64url(head)}.{base64url(body)}'
        return f'{text}.{base64url(openssl("dgst", "-sha256", "-sign", self.key, data=text.encode()))}'


def bearer(token, user=ANA):
    return f'n,a={user},\x01auth=Bearer {token}\x01\x01'.encode()


def xoauth2(token, user=ANA):
    return f'user={user}\x01auth=Bearer {token}\x01\x01'.encode()


MECHANISMS = {'OAUTHBEARER': bearer, 'XOAUTH2': xoauth2}


class Tokens(SiteTest):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.issuer = Issuer(cls.site.place, 'first')
        cls.web = Web(HOST)
        authority = Authority(cls.site.place / 'authority')
        cls.cert = authority.issue(cls.site.place / 'web', 'localhost')
        cls.show_keys(cls.issuer)
        cls.site._configure({'account': {
            'oauth_issuer': f'"{ISSUER}"', 'oauth_audience': f'"{AUDIENCE}"', 'login_failures_max': 1000,
            'oauth_jwks': f'"https://localhost:{cls.web.port}/keys"', 'oauth_authorities': f'"{authority.cert}"'}})
        cls.site.start()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.web.stop()

    @classmethod
    def show_keys(cls, *issuers):
        place = cls.site.place / 'web'
        body = json.dumps({'keys': [issuer.jwk() for issuer in issuers]}).encode()
        cls.web.host('localhost', place / 'cert.pem', place / 'key.pem', Answer(body=body, media='application/json'))

    def imap(self):
        box = imaplib.IMAP4(HOST, self.site.ports['IMAP'], timeout=PATIENCE)
        self.assertNotIn('AUTH=OAUTHBEARER', box.capabilities)
        box.host = DOMAIN
        box.starttls(self.site.tls())
        return box

    def is_let_in(self, mechanism, message):
        """By IMAP; a second question is the server's word why not."""
        told = []
        box = self.imap()

        def answer(challenge):
            told.append(challenge)
            return message if len(told) == 1 else b'\x01'

        try:
            box.authenticate(mechanism, answer)
        except imaplib.IMAP4.error as error:
            self.assertIn('AUTHENTICATIONFAILED', str(error))
            self.assertEqual(len(told), 2)
            json.loads(told[1])
            box.logout()
            return False
        expect(box.select('INBOX'))
        box.logout()
        return True

    def test_imap(self):
        for mechanism, message in MECHANISMS.items():
            self.assertTrue(self.is_let_in(mechanism, message(self.issuer.token())))

    def test_refusals(self):
        now = int(time.time())
        bad = {
            'expired': self.issuer.token(exp=now - 3600),
            'not yet': self.issuer.token(nbf=now + 3600),
            'another issuer': self.issuer.token(iss='https://evil.test'),
            'another audience': self.issuer.token(aud='web'),
            'another user': self.issuer.token(BRUNO),
            'nobody here': self.issuer.token(f'nobody@{DOMAIN}'),
            'not verified': self.issuer.token(email_verified=False),
            'no algorithm': self.issuer.token(header={'alg': 'none'}),
            'HS256': self.issuer.token(header={'alg': 'HS256'}),
            'ES256': self.issuer.token(header={'alg': 'ES256'}),
            'cut': self.issuer.token()[:-4],
            'garbage': 'a.b.c',
        }
        stranger = Issuer(self.site.place, 'stranger')
        stranger.kid = 'first'
        bad['forged'] = stranger.token()
        for what, token in bad.items():
            for mechanism, message in MECHANISMS.items():
                with self.subTest(what, mechanism=mechanism):
                    self.assertFalse(self.is_let_in(mechanism, message(token)))
        self.assertTrue(self.is_let_in('XOAUTH2', xoauth2(self.issuer.token())))

    def test_pop3(self):
        for mechanism, message in MECHANISMS.items():
            for token, answer in ((self.issuer.token(), b'+OK'), (self.issuer.token(exp=1), b'-ERR [AUTH]')):
                drop = poplib.POP3(HOST, self.site.ports['POP3'], timeout=PATIENCE)
                self.assertNotIn(mechanism, drop.capa().get('SASL', []))
                drop.host = DOMAIN
                drop.stls(self.site.tls())
                self.assertIn(mechanism, drop.capa()['SASL'])
                drop._putline(f'AUTH {mechanism}'.encode())
                self.assertEqual(drop._getline()[0], b'+ ')
                drop._putline(base64.b64encode(message(token)))
                line = drop._getline()[0]
                if line.startswith(b'+ '):
                    drop._putline(b'AQ==')
                    line = drop._getline()[0]
                self.assertTrue(line.startswith(answer), line)
                drop.close()

    def test_submission(self):
        for mechanism, message in MECHANISMS.items():
            client = self.site.smtp('SUBMISSION')
            start_tls(client, self.site)
            self.assertIn(mechanism, client.esmtp_features['auth'])
            client.auth(mechanism, lambda challenge=None, m=message: m(self.issuer.token()).decode())
            client.sendmail(ANA, [BRUNO], f'Subject: by {mechanism}\r\n\r\nx\r\n')
            client.quit()
            client = self.site.smtp('SUBMISSION')
            start_tls(client, self.site)
            with self.assertRaises(smtplib.SMTPAuthenticationError):
                client.auth(mechanism, lambda challenge=None, m=message: m(self.issuer.token(exp=1)).decode()
                            if challenge is None else '\x01')
            client.close()

    def test_keys_are_asked_for_seldom(self):
        for _ in range(3):
            self.assertTrue(self.is_let_in('XOAUTH2', xoauth2(self.issuer.token())))
            self.assertFalse(self.is_let_in('XOAUTH2', xoauth2(self.issuer.token(header={'kid': 'unknown'}))))
        # once for the first token, and once at most for the unknown ones within a minute or two
        self.assertLessEqual(self.web.count('localhost'), 1 + PATIENCE // 30)

    def test_check_looks_at_the_settings(self):
        self.assertNotIn('oauth', self.site.run('check', check=False))
        text = self.site.config.read_text()
        try:
            self.site.config.write_text(text.replace(f'"https://localhost:{self.web.port}/keys"', '"/nowhere/keys"'))
            self.assertIn('account.oauth_jwks: /nowhere/keys', self.site.run('check', check=False))
            self.site.config.write_text(text.replace(f'oauth_audience = "{AUDIENCE}"', 'oauth_audience = ""'))
            self.assertIn('oauth_audience is empty', self.site.run('check', check=False))
        finally:
            self.site.config.write_text(text)


if __name__ == '__main__':
    main()
