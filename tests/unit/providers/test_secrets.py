"""Secrets are read when asked for, checked before the build, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.errors import UsageError
from router.model.request import Secret
from router.providers.secrets import MAX_SECRET_SIZE, SecretStore


def test_a_file_is_read_when_the_daemon_asks(tmp_path: Path) -> None:
    file = tmp_path / "npm"
    file.write_bytes(b"old")
    store = SecretStore([Secret(id="npm", path=str(file))], {})
    file.write_bytes(b"new\n\xff")

    assert store.get("npm") == b"new\n\xff"


def test_a_variable_is_taken_from_the_environment_given() -> None:
    assert SecretStore([Secret(id="npm", env="NPM")], {"NPM": "ü"}).get("npm") == "ü".encode()


def test_an_unknown_id_gives_nothing() -> None:
    assert SecretStore([], {"npm": "value"}).get("npm") is None


def test_the_last_of_two_with_one_id_counts() -> None:
    store = SecretStore([Secret(id="a", env="ONE"), Secret(id="a", env="TWO")], {"ONE": "1", "TWO": "2"})

    assert store.get("a") == b"2"


def test_the_check_passes_when_all_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "npm").touch()

    SecretStore([Secret(id="a", env="A"), Secret(id="b", path=str(tmp_path / "npm"))], {"A": ""}).check()


def test_a_missing_file_is_the_users_error() -> None:
    with pytest.raises(UsageError, match="secret npm: can't read /nowhere/npm: no such file or directory"):
        SecretStore([Secret(id="npm", path="/nowhere/npm")], {}).check()


def test_a_missing_variable_is_the_users_error() -> None:
    with pytest.raises(UsageError, match="secret npm: variable NPM is not set") as caught:
        SecretStore([Secret(id="npm", env="NPM")], {}).check()

    assert caught.value.hint is not None
    assert "export NPM" in caught.value.hint


def test_the_largest_secret_is_500_kib(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * MAX_SECRET_SIZE)
    store = SecretStore([Secret(id="large", path=str(file))], {})
    store.check()

    file.write_bytes(b"x" * (MAX_SECRET_SIZE + 1))
    with pytest.raises(UsageError, match="secret large is larger than 500 KiB"):
        store.check()


def test_no_value_is_shown() -> None:
    store = SecretStore([Secret(id="npm", env="NPM")], {"NPM": "hidden"})

    assert "hidden" not in repr(store)
