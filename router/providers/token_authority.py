"""Proof that two builds are of the same user, so that a daemon may use the tokens of one for the other.

The daemon keeps tokens between builds but no passwords. Whose token one is it knows by a public key, which
it asks of a session with a salt of its own, and by a signature that the next session must give. The key is
made of the salt and of random bytes of this machine's, which stand in ``.token_seed`` beside the docker
config: the file, its lock and its form are those of BuildKit's own clients, so tokens are shared with them.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hmac
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from router.named_file import read_named
from router.untrusted_json import NotJSONError, members, read_json

__all__ = ["TokenAuthority"]

_FILE = ".token_seed"
_LOCK = ".token_seed.lock"
_SEED_SIZE = 16
# How long another program may hold the lock, in seconds; then this build goes without the file.
_PATIENCE = 5.0


class TokenAuthority:
    """Keys by registry. ``directory`` is the docker config's, empty for none.

    Where the file can't be read or written the seeds are good for this process only, which costs a token
    more per build. May be used from several threads at once.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._seeds: dict[str, bytes] = {}

    def public_key(self, host: str, salt: bytes, *, anonymous: bool) -> bytes:
        """Return the key of this user, or of anybody at a registry where ``anonymous`` has no login."""
        key = self._key(host, salt, anonymous=anonymous)
        return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, host: str, salt: bytes, payload: bytes, *, anonymous: bool) -> bytes:
        """Return NaCl's signed message: the signature, then the payload."""
        return self._key(host, salt, anonymous=anonymous).sign(payload) + payload

    def _key(self, host: str, salt: bytes, *, anonymous: bool) -> Ed25519PrivateKey:
        seed = b"" if anonymous else self._seed(host)
        return Ed25519PrivateKey.from_private_bytes(hmac.digest(salt, seed, "sha256"))

    def _seed(self, host: str) -> bytes:
        with self._lock:
            if host not in self._seeds:
                self._seeds[host] = self._kept_seed(host) or os.urandom(_SEED_SIZE)
            return self._seeds[host]

    def _kept_seed(self, host: str) -> bytes | None:
        """Return the seed that the file has, or has now; None where there can be no file."""
        if not self._directory:
            return None
        with suppress(OSError):
            os.mkdir(self._directory, 0o700)
        path = os.path.join(self._directory, _FILE)
        with _locked(os.path.join(self._directory, _LOCK)):
            found = _load(path)
            seed = _decoded(found.get(host))
            if seed is None:
                seed = os.urandom(_SEED_SIZE)
                found[host] = {"Seed": base64.b64encode(seed).decode()}
                with suppress(OSError):
                    _save(path, json.dumps(found, indent=2).encode())
            return seed


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold the lock that BuildKit's clients hold; where that can't be had, go on without."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        ends = time.monotonic() + _PATIENCE
        while not _try_lock(descriptor) and time.monotonic() < ends:
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _load(path: str) -> dict[str, object]:
    try:
        found = read_json(read_named(path))
    except (OSError, NotJSONError):
        return {}  # missing, or left behind half-written
    return dict(members(found))


def _save(path: str, content: bytes) -> None:
    """Write the file whole or not at all, for nobody else to read."""
    aside = f"{path}.{os.getpid()}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(aside, path)
    except OSError:
        os.unlink(aside)
        raise


def _decoded(entry: object) -> bytes | None:
    seed = entry.get("Seed") if isinstance(entry, dict) else None
    if not isinstance(seed, str):
        return None
    try:
        return base64.b64decode(seed, validate=True) or None
    except (binascii.Error, ValueError):
        return None
