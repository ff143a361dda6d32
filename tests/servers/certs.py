"""Certificates for TLS and mutual TLS: a certificate authority, servers, clients, and the wrong ones too."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    cert: bytes
    key: bytes

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write NAME.crt and NAME.key; return both paths."""
        cert, key = directory / f"{name}.crt", directory / f"{name}.key"
        cert.write_bytes(self.cert)
        write_private(key, self.key)
        return cert, key


class CA:
    """A certificate authority that lives as long as this object. Another instance is a wrong CA.

    With `existing` it is one that somebody else has made; its key is on an elliptic curve.
    """

    def __init__(self, name: str = "warmroute tests", *, existing: Pair | None = None) -> None:
        if existing is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._cert = self._own_certificate(_distinguished(name, None))
        else:
            key = serialization.load_pem_private_key(existing.key, password=None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            self._key, self._cert = key, x509.load_pem_x509_certificate(existing.cert)
        self._name = self._cert.subject

    @property
    def pem(self) -> bytes:
        """The CA's own certificate."""
        return self._cert.public_bytes(serialization.Encoding.PEM)

    @property
    def pair(self) -> Pair:
        """The CA's certificate and key, for servers that sign certificates themselves."""
        return Pair(self.pem, _private_pem(self._key))

    def server(
        self, names: Sequence[str] = LOOPBACK, *, common_name: str | None = None, expired: bool = False
    ) -> Pair:
        """Issue a certificate for a server, and client too; `names` are its DNS names and addresses."""
        return self._issue(common_name or names[0], None, names, expired=expired)

    def client(
        self, common_name: str = "client", *, organization: str | None = None, expired: bool = False
    ) -> Pair:
        """Issue a certificate for a client; Kubernetes reads user and group from the two names."""
        return self._issue(common_name, organization, (), expired=expired)

    def write_tls_dir(self, directory: Path, pair: Pair) -> Path:
        """Write what `buildctl --tlsdir` reads: ca.pem, cert.pem, key.pem; return the directory."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "ca.pem").write_bytes(self.pem)
        (directory / "cert.pem").write_bytes(pair.cert)
        write_private(directory / "key.pem", pair.key)
        return directory

    def _issue(self, name: str, organization: str | None, names: Sequence[str], *, expired: bool) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if names else [])]
        draft = (
            _draft(_distinguished(name, organization), self._name, key.public_key(), expired=expired)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(self._authority_identifier(), critical=False)
        )
        if names:
            draft = draft.add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=False)
        cert = draft.sign(self._key, hashes.SHA256())
        return Pair(cert.public_bytes(serialization.Encoding.PEM), _private_pem(key))

    def _own_certificate(self, name: x509.Name) -> x509.Certificate:
        return (
            _draft(name, name, self._key.public_key(), expired=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_CA_USAGE, critical=True)
            .add_extension(self._key_identifier(), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _key_identifier(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())

    def _authority_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


# Python 3.13 verifies strictly by RFC 5280, which wants a CA to say that it may sign certificates.
_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def signing_keys() -> tuple[bytes, bytes]:
    """Return a private key and its public key, PEM, for signing tokens and for checking them."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return _private_pem(key), public


def _draft(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, *, expired: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    ends = now - _DAY if expired else now + 30 * _DAY
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(ends)
    )


def _distinguished(common_name: str, organization: str | None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    path.touch(mode=0o600)
    path.write_bytes(content)
