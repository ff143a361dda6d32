"""Keys by which a daemon knows whose tokens are whose."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from router.providers.token_authority import TokenAuthority

SALT = bytes(range(32))
HOST = "r.example"


def public_key(directory: Path | str, host: str = HOST, salt: bytes = SALT) -> bytes:
    """What a new process finds."""
    return TokenAuthority(str(directory)).public_key(host, salt, anonymous=False)


def seeds(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / ".token_seed").read_text())
    return found


def test_a_signed_message_is_the_signature_and_the_payload(tmp_path: Path) -> None:
    authority = TokenAuthority(str(tmp_path))

    signed = authority.sign(HOST, SALT, b"payload", anonymous=False)

    key = Ed25519PublicKey.from_public_bytes(authority.public_key(HOST, SALT, anonymous=False))
    key.verify(signed[:64], b"payload")
    assert signed[64:] == b"payload"


def test_the_key_stays_the_same_from_build_to_build(tmp_path: Path) -> None:
    assert public_key(tmp_path) == public_key(tmp_path)


def test_another_registry_or_salt_has_another_key(tmp_path: Path) -> None:
    keys = {public_key(tmp_path), public_key(tmp_path, "b.example"), public_key(tmp_path, salt=b"x")}

    assert len(keys) == 3


def test_another_user_has_another_key(tmp_path: Path) -> None:
    assert public_key(tmp_path / "a") != public_key(tmp_path / "b")


def test_without_a_login_the_key_is_everybodys_and_nothing_is_written(tmp_path: Path) -> None:
    keys = {TokenAuthority(str(tmp_path / name)).public_key(HOST, SALT, anonymous=True) for name in "ab"}

    assert len(keys) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_seed_is_kept_as_buildkits_clients_keep_it(tmp_path: Path) -> None:
    # The public key is what Go's crypto packages, used as BuildKit does, make of this seed and this salt.
    (tmp_path / ".token_seed").write_text('{"r.example": {"Seed": "AAECAwQFBgcICQoLDA0ODw=="}}')

    key = TokenAuthority(str(tmp_path)).public_key(HOST, bytes(32), anonymous=False)

    assert key.hex() == "406c00dd4df959083ba224fc70fbc0c13e8745d5f469bf6d3c1090bb70b78a23"


def test_a_new_seed_is_added_for_nobody_else_to_read(tmp_path: Path) -> None:
    (tmp_path / ".token_seed").write_text('{"b.example": {"Seed": "AAAA"}, "odd": 5}')

    public_key(tmp_path)

    assert (tmp_path / ".token_seed").stat().st_mode & 0o777 == 0o600
    found = seeds(tmp_path)
    assert (found["b.example"], found["odd"]) == ({"Seed": "AAAA"}, 5)
    assert len(base64.b64decode(found[HOST]["Seed"])) == 16


def test_the_folder_is_made_but_not_what_it_stands_in(tmp_path: Path) -> None:
    public_key(tmp_path / ".docker")
    public_key(tmp_path / "none" / ".docker")

    assert (tmp_path / ".docker/.token_seed").exists()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("directory", ["", "/dev/null/.docker", "/proc/none"])
def test_without_a_place_for_it_the_seed_is_good_for_one_process(directory: str) -> None:
    authority = TokenAuthority(directory)

    assert authority.public_key(HOST, SALT, anonymous=False) == authority.public_key(
        HOST, SALT, anonymous=False
    )
    assert public_key(directory) != public_key(directory)


@given(st.binary(max_size=50) | st.sampled_from([b"[" * 100_000, b'{"r.example": {"Seed": "%%"}}', b"[1]"]))
def test_whatever_is_in_the_file_there_is_a_key(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / ".token_seed").write_bytes(content)

    assert len(public_key(folder)) == 32
    assert HOST in seeds(folder)


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(public_key(tmp_path))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(set(keys)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".token_seed", ".token_seed.lock"]


def test_a_lock_that_is_held_is_waited_for(tmp_path: Path) -> None:
    keys: list[bytes] = []
    descriptor = os.open(tmp_path / ".token_seed.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    thread = threading.Thread(target=lambda: keys.append(public_key(tmp_path)))
    thread.start()
    (tmp_path / ".token_seed").write_text('{"r.example": {"Seed": "AAECAwQFBgcICQoLDA0ODw=="}}')
    os.close(descriptor)
    thread.join(20)

    assert keys == [public_key(tmp_path)]
    assert seeds(tmp_path)[HOST]["Seed"] == "AAECAwQFBgcICQoLDA0ODw=="
