"""A definition that wants more than it may is refused, or asked about on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from cli.building.bake_rights import require_rights
from router import BakeBuild, BuildRequest, Key, UsageError

_BUILDS = (
    BakeBuild(
        name="api",
        request=BuildRequest(context="/etc", allow=("network.host",)),
        key=Key.own("k"),
        links={},
    ),
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILDX_BAKE_ENTITLEMENTS_FS", "BAKE_ALLOW_REMOTE_FS_ACCESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))


def test_without_a_terminal_it_is_refused_with_what_would_allow_it() -> None:
    with pytest.raises(UsageError) as raised:
        require_rights(_BUILDS, [])

    assert str(raised.value).splitlines() == [
        "the definition was not allowed to",
        "  run steps in the network of the daemon's host",
        "  read /etc",
    ]
    assert raised.value.hint == "if it may, add --allow=network.host --allow=fs.read=/etc"


def test_what_is_allowed_is_not_asked() -> None:
    assert require_rights(_BUILDS, ["network.host", "fs.read=/etc"]) == _BUILDS


@pytest.mark.parametrize(("answer", "allowed"), [("y\n", True), ("Y\n", True), ("\n", False), ("", False)])
def test_on_a_terminal_it_is_asked(
    answer: str, allowed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))

    if allowed:
        assert require_rights(_BUILDS, []) == _BUILDS
    else:
        with pytest.raises(UsageError, match="not allowed"):
            require_rights(_BUILDS, [])

    assert capsys.readouterr().err == (
        "The definition wants to\n"
        "  run steps in the network of the daemon's host\n"
        "  read /etc\n"
        "Allow it? [y/N] "
    )


def test_files_can_be_left_unasked_and_rights_at_the_daemon_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDX_BAKE_ENTITLEMENTS_FS", "0")

    with pytest.raises(UsageError) as raised:
        require_rights(_BUILDS, [])

    assert raised.value.hint == "if it may, add --allow=network.host"
    assert require_rights(_BUILDS, ["network.host"]) == _BUILDS


def test_files_can_be_left_unasked_for_definitions_of_repositories_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BAKE_ALLOW_REMOTE_FS_ACCESS", "1")

    assert require_rights(_BUILDS, ["network.host"], remote=True) == _BUILDS
    with pytest.raises(UsageError, match="read /etc"):
        require_rights(_BUILDS, ["network.host"])
    monkeypatch.setenv("BUILDX_BAKE_ENTITLEMENTS_FS", "1")
    with pytest.raises(UsageError, match="read /etc"):
        require_rights(_BUILDS, ["network.host"], remote=True)


def test_a_variable_that_is_no_truth_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDX_BAKE_ENTITLEMENTS_FS", "maybe")

    with pytest.raises(UsageError, match="BUILDX_BAKE_ENTITLEMENTS_FS"):
        require_rights(_BUILDS, [])
