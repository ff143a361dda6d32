"""Private SSH keys from files, and what an agent does with them: tell the public half, sign.

Takes what ``ssh-keygen`` and openssl write (OpenSSH's own form, PKCS#1, PKCS#8, SEC 1) for RSA, ECDSA and
Ed25519, without a passphrase. Nobody is asked for one: an agent is the place for keys that have one.

Formats: RFC 4253 (section 6.6), RFC 5656, RFC 8332, RFC 8709.
"""

from __future__ import annotations

import base64
import os
import warnings
from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from router.errors import UsageError, os_reason
from router.once import OneTimeFiles
from router.providers.ssh_agent import string

__all__ = ["RSA_SHA2_256", "RSA_SHA2_512", "SSHKey", "load_key"]

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

# Flags of a sign request: draft-ietf-sshm-ssh-agent, section 6.
RSA_SHA2_256 = 2
RSA_SHA2_512 = 4

# A key has some kilobytes; what is larger is another file.
_MOST_KEY = 100 * 1024


class SSHKey:
    """One private key. ``blob`` is its public half as SSH sends it, ``comment`` what ``ssh-add -l`` shows."""

    def __init__(self, private: PrivateKey, comment: str) -> None:
        line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        self.blob = base64.b64decode(line.split()[1])
        self.comment = comment
        self._private = private

    def __repr__(self) -> str:
        return f"<SSHKey {self.comment}>"

    def sign(self, data: bytes, flags: int) -> bytes:
        """Return a signature in SSH's form: the algorithm's name, then what that algorithm gives.

        ``flags`` choose the hash of an RSA key, which is SHA-1 without any.
        """
        match self._private:
            case RSAPrivateKey():
                return _sign_rsa(self._private, data, flags)
            case EllipticCurvePrivateKey():
                return _sign_ecdsa(self._private, data)
            case _:
                return string(b"ssh-ed25519") + string(self._private.sign(data))


def load_key(path: str, flag: str, files: OneTimeFiles | None = None) -> SSHKey:
    """Read a private key; ``flag`` stands in errors for the option that named it.

    Raises ``UsageError`` when the file can't be read, has a passphrase, or holds something else.
    """
    data = _read(path, flag, files or OneTimeFiles())
    if b"-----BEGIN " not in data or b"PRIVATE KEY-----" not in data:
        _refuse_other_file(path, flag, data)
    load = load_ssh_private_key if b"-----BEGIN OPENSSH PRIVATE KEY-----" in data else load_pem_private_key
    try:
        with warnings.catch_warnings():  # what is deprecated is refused below
            warnings.simplefilter("ignore")
            private = load(_without_parameters(data), None)
    except TypeError as exc:  # how the library asks for a passphrase
        raise UsageError(
            f"{flag}: the key {path} has a passphrase",
            hint=f"put it into an agent (ssh-add {path}) and forward that: --ssh ID",
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise UsageError(
            f"{flag}: the key {path} can't be read: {_one_line(exc)}",
            hint=f"does ssh-keygen -y -f {path} read it? An agent may be able to: --ssh ID",
        ) from exc
    if not isinstance(private, PrivateKey):
        raise UsageError(
            f"{flag}: the key {path} is of a kind that is not supported",
            hint="supported: RSA, ECDSA and Ed25519",
        )
    try:
        return SSHKey(private, os.path.basename(path))
    except (ValueError, KeyError) as exc:  # a curve that SSH has no name for
        raise UsageError(
            f"{flag}: the key {path} is not an SSH key", hint="supported curves: NIST P-256, P-384 and P-521"
        ) from exc


def _read(path: str, flag: str, files: OneTimeFiles) -> bytes:
    try:
        data = files.read(path, _MOST_KEY)
    except OSError as exc:
        raise UsageError(f"{flag}: can't read the key {path}: {os_reason(exc)}", hint=_hint(path)) from exc
    if len(data) > _MOST_KEY:
        raise UsageError(
            f"{flag}: {path} is larger than {_MOST_KEY // 1024} KiB, too large for a key", hint=_hint(path)
        )
    return data


def _hint(path: str) -> str:
    if path.startswith("~"):
        return "the shell leaves a ~ behind = and , as it is: write $HOME instead"
    return "--ssh ID=PATH takes an agent's socket or a private key, relative to the working directory"


def _refuse_other_file(path: str, flag: str, data: bytes) -> NoReturn:
    if data.startswith((b"ssh-", b"ecdsa-", b"sk-")) or b"PUBLIC KEY-----" in data:
        raise UsageError(
            f"{flag}: {path} is a public key", hint=f"name the private one: {path.removesuffix('.pub')}"
        )
    if data.startswith(b"PuTTY-"):
        raise UsageError(
            f"{flag}: the key {path} is in PuTTY's form",
            hint=f"convert it: puttygen {path} -O private-openssh -o KEY",
        )
    raise UsageError(f"{flag}: {path} is neither a private key nor a socket", hint=_hint(path))


def _without_parameters(data: bytes) -> bytes:
    """Drop the block that ``openssl ecparam -genkey`` writes before the key."""
    before, mark, rest = data.partition(b"-----END EC PARAMETERS-----")
    return rest.lstrip() if mark and before.lstrip().startswith(b"-----BEGIN EC PARAMETERS-----") else data


def _sign_rsa(key: RSAPrivateKey, data: bytes, flags: int) -> bytes:
    if flags & RSA_SHA2_512:
        return string(b"rsa-sha2-512") + string(key.sign(data, PKCS1v15(), hashes.SHA512()))
    if flags & RSA_SHA2_256:
        return string(b"rsa-sha2-256") + string(key.sign(data, PKCS1v15(), hashes.SHA256()))
    # Asked for by clients that talk to servers from before RFC 8332, as every agent is.
    return string(b"ssh-rsa") + string(key.sign(data, PKCS1v15(), hashes.SHA1()))  # noqa: S303


def _sign_ecdsa(key: EllipticCurvePrivateKey, data: bytes) -> bytes:
    by_size: dict[int, hashes.HashAlgorithm] = {
        256: hashes.SHA256(),
        384: hashes.SHA384(),
        521: hashes.SHA512(),
    }
    size = key.curve.key_size
    r, s = decode_dss_signature(key.sign(data, ECDSA(by_size[size])))
    return string(f"ecdsa-sha2-nistp{size}".encode()) + string(_mpint(r) + _mpint(s))


def _mpint(number: int) -> bytes:
    """Return SSH's form of a positive number, whose highest bit is 0 (RFC 4251, section 5)."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:200].rstrip(".") or type(exc).__name__
