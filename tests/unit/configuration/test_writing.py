"""A fleet that was made is added to the user's file, and what stands there stays."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.configuration.writing import Forgotten, _table, forget_fleet, remember_fleet
from router.errors import UsageError

SETTINGS = {"selector": "app=ci", "namespace": "ci"}
OWN = """# mine
[defaults]
queue = "2m" # patience
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "warmroute" / "config.toml"


def test_a_file_is_made_for_this_user_alone(path: Path) -> None:
    assert remember_fleet(str(path), "ci", SETTINGS) == "added"

    assert tomllib.loads(path.read_text()) == {"fleet": {"ci": SETTINGS}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("end", ["", "\n"])
def test_what_stands_there_stays_as_it_is(path: Path, end: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(OWN + "retries = 3" + end)
    path.chmod(0o640)

    remember_fleet(str(path), "ci", SETTINGS)

    assert path.read_text().startswith(OWN)
    assert tomllib.loads(path.read_text())["defaults"] == {"queue": "2m", "retries": 3}
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_fleet_that_is_there_is_not_written_again_nor_changed(path: Path) -> None:
    remember_fleet(str(path), "ci", SETTINGS)
    before = path.read_text()

    assert remember_fleet(str(path), "ci", SETTINGS) == "there"
    assert remember_fleet(str(path), "ci", {**SETTINGS, "namespace": "other"}) == "other"
    assert path.read_text() == before


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    (tmp_path / "dotfile").write_text(OWN)
    path.symlink_to(tmp_path / "dotfile")

    remember_fleet(str(path), "ci", SETTINGS)

    assert path.is_symlink()
    assert "[fleet.ci]" in (tmp_path / "dotfile").read_text()


@pytest.mark.parametrize("path", ["", "/nonexistent/.config/warmroute/config.toml"])
def test_no_home_is_made(path: str) -> None:
    assert remember_fleet(path, "ci", SETTINGS) == "nowhere"
    assert not os.path.exists("/nonexistent")


@pytest.mark.parametrize("text", ["[", "fleet = 1", "\xff"])
def test_a_file_that_is_wrong_is_left_alone(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(UsageError):
        remember_fleet(str(path), "ci", SETTINGS)

    assert path.read_bytes() == text.encode("latin-1")


OTHERS = ("via", "tls-dir")


@pytest.mark.parametrize("before", ["", OWN, OWN + '\n[fleet.lab]\naddr = "tcp://h:1"\n'])
@pytest.mark.parametrize("more", [{}, {"via": "pod-ip", "tls-dir": "/x"}])
def test_what_was_added_is_taken_out_and_the_rest_is_as_it_was(
    path: Path, before: str, more: dict[str, str]
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(before)
    remember_fleet(str(path), "ci", {**SETTINGS, **more})
    behind = "\n[fleet.z] # behind\nnamespace = 'z'\n"
    path.write_text(path.read_text() + behind)

    assert forget_fleet(str(path), "ci", SETTINGS, others=OTHERS) == "removed"

    assert path.read_text() == before + behind
    assert forget_fleet(str(path), "ci", SETTINGS, others=OTHERS) == "absent"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('[fleet.ci]\nselector = "app=ci"\nnamespace = "other"\n', "absent"),
        ('[fleet.ci]\nselector = "app=ci"\nnamespace = "ci"\nkube-context = "x"\n', "absent"),
        ('[fleet.ci]\nselector = "app=ci"\nnamespace = "ci"\nmax-builds = 4\n', "kept"),
        ('[fleet.ci]\nselector = "app=ci" # mine\nnamespace = "ci"\n', "kept"),
        ('fleet.ci = {selector = "app=ci", namespace = "ci"}\n', "kept"),
        ('defaults.fleet = "ci"\n[fleet.ci]\nselector = "app=ci"\nnamespace = "ci"\n', "kept"),
    ],
)
def test_a_fleet_that_somebody_wrote_otherwise_stays(path: Path, text: str, outcome: Forgotten) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)

    assert forget_fleet(str(path), "ci", {**SETTINGS, "kube-context": ""}, others=OTHERS) == outcome
    assert path.read_text() == text


def test_without_a_file_there_is_nothing_to_forget(path: Path) -> None:
    assert forget_fleet(str(path), "ci", SETTINGS, others=()) == "absent"
    assert forget_fleet("", "ci", SETTINGS, others=()) == "absent"
    assert not path.parent.exists()


@given(
    name=st.text(min_size=1), settings=st.dictionaries(st.sampled_from(["selector", "namespace"]), st.text())
)
def test_what_is_written_is_read_as_it_was(name: str, settings: dict[str, Any]) -> None:
    try:
        (name + "".join(settings.values())).encode()
    except UnicodeEncodeError:
        return  # a file has no lone surrogates

    assert tomllib.loads(_table(name, settings, after=b"")) == {"fleet": {name: settings}}
