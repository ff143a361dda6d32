"""A project's file counts while it is, byte for byte, what the user has trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.configuration.reading import read_config_file
from router.configuration.trust import is_trusted, set_trust
from router.errors import UsageError


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_it_is_trusted_as_it_is_and_where_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    path = str(tmp_path / "warmroute.toml")
    assert not is_trusted(path, b"a", environment)

    set_trust(path, b"a", environment)

    assert is_trusted(path, b"a", environment)
    assert not is_trusted(path, b"b", environment)
    assert not is_trusted(str(tmp_path / "other" / "warmroute.toml"), b"a", environment)


def test_trust_goes_with_the_next_and_can_be_taken_back(environment: dict[str, str]) -> None:
    set_trust("/other", b"a", environment)
    set_trust("/p", b"a", environment)
    set_trust("/p", b"b", environment)
    assert (is_trusted("/p", b"a", environment), is_trusted("/p", b"b", environment)) == (False, True)

    set_trust("/p", None, environment)

    assert not is_trusted("/p", b"b", environment)
    assert is_trusted("/other", b"a", environment)


def test_a_directory_whose_name_has_lines_vouches_for_nobody(environment: dict[str, str]) -> None:
    set_trust("/victim", b"good", environment)
    store = Path(environment["XDG_STATE_HOME"], "warmroute", "trusted")
    line = store.read_text().replace("/victim", "/target").strip()
    set_trust("/victim", None, environment)

    set_trust(f"/x\n{line}\n/y", b"anything", environment)

    assert not is_trusted("/target", b"good", environment)


def test_only_this_user_can_read_whom_it_trusts(environment: dict[str, str]) -> None:
    set_trust("/p", b"a", environment)

    store = Path(environment["XDG_STATE_HOME"], "warmroute", "trusted")
    assert store.stat().st_mode & 0o777 == 0o600
    assert store.parent.stat().st_mode & 0o777 == 0o700


def test_without_a_home_nothing_is_trusted() -> None:
    assert not is_trusted("/p", b"a", {"XDG_STATE_HOME": "relative"})
    with pytest.raises(UsageError, match="this user has no home"):
        set_trust("/p", b"a", {})


def test_a_pipe_in_a_checkout_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UsageError, match="is not a file"):
        read_config_file(str(tmp_path / "pipe"))


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"#" * 65537)

    with pytest.raises(UsageError, match="is larger than 64 KiB"):
        read_config_file(str(tmp_path / "long"))
