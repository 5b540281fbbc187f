# SPDX-License-Identifier: ISC
"""Certificates of a laboratory: an authority of its own, and servers' certificates signed by it, by
the openssl program. Also what DANE's TLSA records say of a certificate (RFC 6698)."""
import hashlib
import ipaddress
import pathlib
import subprocess


def openssl(*arguments, data=None):
    done = subprocess.run(['openssl', *(str(word) for word in arguments)], input=data, capture_output=True,
                          check=False, timeout=60)
    if done.returncode:
        raise AssertionError(f'openssl {arguments}: {done.stderr.decode()}')
    return done.stdout


def new_key(path):
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path)
    path.chmod(0o600)


def alternative(name):
    """The certificate's word for a host name or a numeric address."""
    try:
        return f'IP:{ipaddress.ip_address(name)}'
    except ValueError:
        return f'DNS:{name}'


class Authority:
    def __init__(self, place, name='The laboratory'):
        self.place = pathlib.Path(place)
        self.place.mkdir(parents=True, exist_ok=True)
        self.cert, self.key = self.place / 'ca.pem', self.place / 'ca-key.pem'
        new_key(self.key)
        openssl('req', '-x509', '-new', '-key', self.key, '-subj', f'/CN={name}', '-days', '30',
                '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-out', self.cert)

    def issue(self, place, *names, days=20, chain=False, kind='EC'):
        """cert.pem and key.pem in that folder, for these names and addresses; days -1: it has expired."""
        place = pathlib.Path(place)
        place.mkdir(parents=True, exist_ok=True)
        cert, key = place / 'cert.pem', place / 'key.pem'
        if kind == 'RSA':
            openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key)
            key.chmod(0o600)
        else:
            new_key(key)
        extensions = place / 'extensions'
        extensions.write_text('subjectAltName=' + ','.join(map(alternative, names)) +
                              '\nbasicConstraints=CA:FALSE\n')
        request = openssl('req', '-new', '-key', key, '-subj', f'/CN={names[0]}')
        openssl('x509', '-req', '-CA', self.cert, '-CAkey', self.key, '-days', days, '-extfile', extensions,
                '-set_serial', int.from_bytes(hashlib.sha256(request).digest()[:8], 'big') >> 1,
                '-out', cert, data=request)
        if chain:
            cert.write_bytes(cert.read_bytes() + self.cert.read_bytes())
        extensions.unlink()
        return cert, key


def tlsa(cert, usage=3, selector=1, matching=1):
    """The data of a TLSA record for the (first) certificate of a file."""
    if selector == 1:
        data = openssl('pkey', '-pubin', '-outform', 'DER', data=openssl('x509', '-in', cert, '-pubkey', '-noout'))
    else:
        data = openssl('x509', '-in', cert, '-outform', 'DER')
    if matching:
        data = hashlib.new('sha256' if matching == 1 else 'sha512', data).digest()
    return f'{usage} {selector} {matching} {data.hex()}'
