"""Certificates for a fleet on TCP: a CA, one certificate for all daemons, one for clients. Pure.

As examples/k8s_buildkitd/certificates.sh makes them, and in the same files, so that either renews what the
other has made: ``ca.pem``, ``ca-key.pem``, and both ``daemons`` and ``client`` have ``ca.pem``, ``cert.pem``
and ``key.pem``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from router.errors import UsageError
from router.model.frozen import field, frozen

__all__ = ["CA_FILE", "CA_KEY_FILE", "FleetNames", "certificate_files"]

CA_FILE, CA_KEY_FILE = "ca.pem", "ca-key.pem"
_DAEMONS, _CLIENT = "daemons", "client"
_CA_DAYS, _DAYS = 3650, 90
# What is left when a certificate is made anew.
_RENEWED_WITHIN = timedelta(days=30)
# Clocks differ.
_EARLIER = timedelta(minutes=5)

Files = Mapping[str, bytes]


@frozen
class FleetNames:
    """The names that the daemons' certificate is for; a client checks the ``first`` of them."""

    fleet: str
    namespace: str

    @property
    def first(self) -> str:
        """What --tls-server-name is set to: a pod's IP changes too often to stand in a certificate."""
        return self.fleet

    @property
    def all(self) -> tuple[str, ...]:
        """The fleet's name, and those of its pods."""
        pods = f"*.{self.fleet}.{self.namespace}.svc"
        return (self.first, pods, f"{pods}.cluster.local", "localhost")


@frozen
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@frozen
class _Leaf:
    """A certificate to make: its subject, its use and its names."""

    folder: str
    usage: ObjectIdentifier
    names: tuple[str, ...] = ()


def certificate_files(there: Files, names: FleetNames, now: datetime | None = None) -> Files:
    """Return the files, by path, that are to be written beside those that are ``there``; none where all hold.

    A CA that is there stays. A certificate is replaced when it is another CA's, has not all names, or ends
    within 30 days. Raises ``UsageError`` for a CA that can't be used.
    """
    now = now or datetime.now(UTC)
    made: dict[str, bytes] = {}
    if CA_KEY_FILE in there or CA_FILE in there:
        authority = _read_authority(there)
    else:
        authority = _new_authority(now)
        made[CA_FILE] = authority.certificate.public_bytes(Encoding.PEM)
        made[CA_KEY_FILE] = _pem(authority.key)
    for leaf in (
        _Leaf(folder=_DAEMONS, usage=ExtendedKeyUsageOID.SERVER_AUTH, names=names.all),
        _Leaf(folder=_CLIENT, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        if not _holds(there, leaf, authority, now):
            made.update(_issued(leaf, authority, now))
    return made


def _new_authority(now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name("buildkitd CA")
    certificate = (
        _builder(subject, subject, key.public_key(), (now, _CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return _Authority(certificate=certificate, key=key)


_CA_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _issued(leaf: _Leaf, authority: _Authority, now: datetime) -> Files:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"buildkitd {leaf.folder}")
    issuer = authority.certificate
    builder = (
        _builder(subject, issuer.subject, key.public_key(), (now, _DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([leaf.usage]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False
        )
    )
    if leaf.names:
        names = x509.SubjectAlternativeName([x509.DNSName(name) for name in leaf.names])
        builder = builder.add_extension(names, critical=False)
    return {
        f"{leaf.folder}/ca.pem": issuer.public_bytes(Encoding.PEM),
        f"{leaf.folder}/cert.pem": builder.sign(authority.key, SHA256()).public_bytes(Encoding.PEM),
        f"{leaf.folder}/key.pem": _pem(key),
    }


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin_and_days: tuple[datetime, int],
) -> x509.CertificateBuilder:
    now, days = begin_and_days
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
    )


def _holds(there: Files, leaf: _Leaf, authority: _Authority, now: datetime) -> bool:
    """Say whether a folder's certificate is this CA's, for these names, and lasts a while."""
    files = [f"{leaf.folder}/{name}" for name in ("ca.pem", "cert.pem", "key.pem")]
    if any(name not in there for name in files):
        return False
    try:
        found = x509.load_pem_x509_certificate(there[files[1]])
        found.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return set(leaf.names) <= set(_names_of(found)) and found.not_valid_after_utc - now > _RENEWED_WITHIN


def _names_of(certificate: x509.Certificate) -> Sequence[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return extension.value.get_values_for_type(x509.DNSName)


def _read_authority(there: Files) -> _Authority:
    missing = [name for name in (CA_FILE, CA_KEY_FILE) if name not in there]
    if missing:
        raise UsageError(
            f"the directory of certificates has no {missing[0]}: they can't be renewed",
            hint="for a new CA, whose certificates all clients need then, name another directory",
        )
    try:
        certificate = x509.load_pem_x509_certificate(there[CA_FILE])
        key = load_pem_private_key(there[CA_KEY_FILE], password=None)
    except (ValueError, TypeError) as exc:
        raise UsageError(f"{CA_FILE} or {CA_KEY_FILE} is not a certificate or a key in PEM form") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise UsageError(f"{CA_KEY_FILE} is not the key of {CA_FILE}")
    return _Authority(certificate=certificate, key=key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
