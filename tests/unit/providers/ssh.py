"""Private keys in every form that files have them in, and a client of an agent."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_public_key,
)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey

RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
P256, P384, P521 = (
    ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
)

PEM, PKCS8, OPENSSH = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8, PrivateFormat.OpenSSH
_HASHES: dict[bytes, HashAlgorithm] = {
    b"ssh-rsa": SHA1(),
    b"rsa-sha2-256": SHA256(),
    b"rsa-sha2-512": SHA512(),
    b"ecdsa-sha2-nistp256": SHA256(),
    b"ecdsa-sha2-nistp384": SHA384(),
    b"ecdsa-sha2-nistp521": SHA512(),
}


def text(key: PrivateKey, form: PrivateFormat, passphrase: bytes = b"") -> bytes:
    """A key as it stands in a file."""
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption)


def write(folder: Path, name: str, content: bytes) -> str:
    """Write a file; return its path."""
    (folder / name).write_bytes(content)
    return str(folder / name)


def string(data: bytes) -> bytes:
    """A byte string of SSH's."""
    return len(data).to_bytes(4, "big") + data


def strings(data: bytes) -> list[bytes]:
    """Byte strings of SSH's, one behind the other."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        assert len(data) >= 4 + size
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def verify(blob: bytes, signature: bytes, data: bytes) -> bytes:
    """Check a signature in SSH's form with the public half; return the algorithm's name."""
    import base64

    kind = strings(blob[: 4 + int.from_bytes(blob[:4], "big")])[0]
    public = load_ssh_public_key(kind + b" " + base64.b64encode(blob))
    algorithm, raw = strings(signature)
    match public:
        case rsa.RSAPublicKey():
            public.verify(raw, data, padding.PKCS1v15(), _HASHES[algorithm])
        case ec.EllipticCurvePublicKey():
            r, s = (int.from_bytes(part, "big", signed=True) for part in strings(raw))
            public.verify(encode_dss_signature(r, s), data, ec.ECDSA(_HASHES[algorithm]))
        case ed25519.Ed25519PublicKey():
            public.verify(raw, data)
        case _:
            raise AssertionError(public)
    return algorithm


@dataclass
class AgentClient:
    """Talks to an agent over a socket."""

    socket: socket.socket

    def ask(self, request: bytes) -> bytes:
        """Return the answer to one request, without its size; nothing at the end."""
        self.socket.sendall(string(request))
        return self.answer()

    def answer(self) -> bytes:
        """Return the next answer."""
        header = self._exactly(4)
        return self._exactly(int.from_bytes(header, "big")) if header else b""

    def identities(self) -> dict[bytes, str]:
        """Return the agent's public keys and their comments."""
        answer = self.ask(bytes((11,)))
        assert answer[0] == 12
        parts = strings(answer[5:])
        assert len(parts) == 2 * int.from_bytes(answer[1:5], "big")
        return {blob: comment.decode() for blob, comment in zip(parts[::2], parts[1::2], strict=True)}

    def sign(self, blob: bytes, data: bytes, flags: int = 0) -> bytes:
        """Return a signature, nothing where the agent refuses."""
        answer = self.ask(bytes((13,)) + string(blob) + string(data) + flags.to_bytes(4, "big"))
        return strings(answer[1:])[0] if answer[0] == 14 else b""

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data
