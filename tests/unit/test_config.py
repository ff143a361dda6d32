"""The configuration, and what is read of the process's surroundings."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config import (
    RouterConfig,
    environment,
    home_directory,
    local_platform,
    project_file,
    tls_options,
    user_file,
)
from router.errors import UsageError
from router.flags.platform import parse_platform
from router.model.tls import TLSOptions


def test_the_environment_is_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMROUTE_TEST", "before")

    snapshot = environment()
    monkeypatch.setenv("WARMROUTE_TEST", "after")

    assert snapshot["WARMROUTE_TEST"] == "before"


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "here"}, {"HOME": "./"}])
def test_without_a_home_it_is_what_the_list_of_users_says(
    monkeypatch: pytest.MonkeyPatch, home: dict[str, str]
) -> None:
    monkeypatch.setattr("router.config._listed_home", lambda: "/home/listed")

    assert home_directory(home) == "/home/listed"
    assert home_directory({"HOME": "/given"}) == "/given"


@pytest.mark.parametrize("listed", ["", "home"])
def test_a_user_whom_the_list_gives_no_home_has_none(monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    monkeypatch.setattr("router.config._listed_home", lambda: listed)

    assert home_directory({}) == ""


def test_the_local_platform_is_a_linux() -> None:
    platform = local_platform()

    assert platform.startswith("linux/")
    assert parse_platform("local", local=platform) == platform


def test_nothing_given_is_no_tls() -> None:
    assert RouterConfig().tls is tls_options(TLSOptions()) is None


def test_files_are_taken_as_they_are_given() -> None:
    options = TLSOptions(ca="ca", cert="cert", key="key", server_name="name")

    assert tls_options(options) is options


@pytest.mark.parametrize("names", ["ca.pem cert.pem key.pem", "ca.crt tls.crt tls.key"])
def test_a_directory_has_buildctls_file_names(tmp_path: Path, names: str) -> None:
    ca, cert, key = (tmp_path / name for name in names.split())
    for path in (ca, cert, key):
        path.touch()

    options = tls_options(TLSOptions(server_name="name"), str(tmp_path))

    assert options == TLSOptions(ca=str(ca), cert=str(cert), key=str(key), server_name="name")


def test_a_directory_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    with pytest.raises(UsageError, match=r"has no cert\.pem or tls\.crt"):
        tls_options(TLSOptions(), str(tmp_path))


def test_a_directory_beside_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--tls-dir and --tls-ca, --tls-key name the same files"):
        tls_options(TLSOptions(ca="ca", key="key"), str(tmp_path))


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(UsageError, match="--tls-cert is given without --tls-key"):
        tls_options(TLSOptions(cert="cert"))


def test_the_users_file_is_where_the_xdg_specification_has_it() -> None:
    home = {"HOME": "/home/u"}

    assert user_file(home) == "/home/u/.config/warmroute/config.toml"
    assert user_file({**home, "XDG_CONFIG_HOME": "/c"}) == "/c/warmroute/config.toml"
    assert user_file({**home, "XDG_CONFIG_HOME": "c"}) == "/home/u/.config/warmroute/config.toml"
    assert user_file({}) == ""


def test_a_projects_file_is_the_nearest_up_to_the_root_of_its_repository(tmp_path: Path) -> None:
    root = tmp_path / "root"
    inner = root / "a" / "b"
    inner.mkdir(parents=True)
    (root / ".git").mkdir()
    (tmp_path / "warmroute.toml").touch()
    assert project_file(str(inner)) == ""

    (root / "warmroute.toml").touch()
    assert project_file(str(inner)) == str(root / "warmroute.toml")

    (root / "a" / "warmroute.toml").touch()
    assert project_file(str(inner)) == str(root / "a" / "warmroute.toml")


def test_outside_of_a_repository_only_the_directory_itself_is_looked_at(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "warmroute.toml").touch()

    assert project_file(str(inner)) == ""
    assert project_file(str(tmp_path)) == str(tmp_path / "warmroute.toml")


def test_a_directory_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "warmroute.toml").mkdir()

    assert project_file(str(tmp_path)) == ""
