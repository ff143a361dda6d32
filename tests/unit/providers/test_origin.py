"""The token of a set of directories: the same for them, another for everything else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from router import config
from router.providers import origin
from router.providers.origin import find_origin


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    return folder


def test_the_next_build_of_the_same_directories_has_the_same_token(
    state: dict[str, str], context: Path
) -> None:
    before = time.time_ns()
    first = find_origin({"context": str(context)}, state)

    assert find_origin({"context": str(context)}, state) == first
    assert before <= first.since <= time.time_ns()
    assert stat.S_IMODE(os.stat(first.record).st_mode) == 0o600


def test_the_same_directory_by_another_path_has_the_same_token(
    state: dict[str, str], context: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(context)

    first = find_origin({"context": str(context)}, state)

    assert find_origin({"context": str(tmp_path / "link")}, state).token == first.token


def test_other_directories_have_other_tokens(state: dict[str, str], context: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    one, two = str(context), str(other)
    choices: tuple[dict[str, str], ...] = (
        {},
        {"context": one},
        {"context": two},
        {"dockerfile": one},
        {"context": one, "dep": two},
        {"context": two, "dep": one},
    )

    tokens = {find_origin(choice, state).token for choice in choices}

    assert len(tokens) == len(choices)


def test_a_directory_made_anew_at_the_same_path_has_another_token(
    state: dict[str, str], context: Path, tmp_path: Path
) -> None:
    first = find_origin({"context": str(context)}, state)
    context.rename(tmp_path / "old")  # keeps its inode from being given to the new one
    context.mkdir()

    assert find_origin({"context": str(context)}, state).token != first.token


def test_a_copied_record_means_nothing_on_another_machine(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_origin({"context": str(context)}, state)
    monkeypatch.setattr(origin, "_machine", lambda: ("another",))

    assert find_origin({"context": str(context)}, state).token != first.token


def test_a_forgotten_token_does_not_come_back(state: dict[str, str], context: Path) -> None:
    first = find_origin({"context": str(context)}, state)
    first.forget()

    assert find_origin({"context": str(context)}, state).token != first.token


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 50,
        b"0" * 32,
        b"0" * 32 + b" 1",
        b"0" * 32 + b" 1\nmore",
        b"0" * 32 + b" 9000000000000000000\n",  # a clock that went back since
    ],
)
def test_a_record_that_makes_no_sense_is_replaced(
    content: bytes, state: dict[str, str], context: Path
) -> None:
    first = find_origin({"context": str(context)}, state)
    Path(first.record).write_bytes(content)

    second = find_origin({"context": str(context)}, state)

    assert second.token not in {first.token, "0" * 32}
    assert find_origin({"context": str(context)}, state) == second


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HOME": ""},
        {"HOME": "relative"},
        {"HOME": "/nonexistent"},
        {"XDG_STATE_HOME": "relative", "HOME": ""},
        {"XDG_STATE_HOME": "/proc/nothing can be made here"},
    ],
)
def test_without_a_place_to_keep_it_each_build_has_its_own_token(
    environment: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_listed_home", str)
    first, second = (find_origin({"context": str(context)}, environment) for _ in range(2))

    assert first.token != second.token
    assert first.problem
    assert not Path("/nonexistent").exists()
    first.forget()


def test_the_home_directory_is_the_place_where_no_other_is_named(context: Path, tmp_path: Path) -> None:
    first = find_origin({"context": str(context)}, {"HOME": str(tmp_path)})

    assert Path(first.record).parent == tmp_path / ".local/state/warmroute/contexts"


def test_records_that_nobody_uses_are_cleared_away(state: dict[str, str], context: Path) -> None:
    used = find_origin({"context": str(context)}, state)
    folder = Path(used.record).parent
    long_ago = time.time() - 90 * 86_400
    for number in range(3):
        (folder / f"old-{number}").touch()
        os.utime(folder / f"old-{number}", (long_ago, long_ago))
    os.utime(used.record, (long_ago, long_ago))
    assert find_origin({"context": str(context)}, state) == used

    new = find_origin({"context": str(context), "dep": str(context)}, state)

    assert {path.name for path in folder.iterdir()} == {Path(used.record).name, Path(new.record).name}


def test_there_are_never_many_records(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "_MOST_RECORDS", 5)
    records = [find_origin({str(number): str(context)}, state).record for number in range(20)]

    assert len(list(Path(records[0]).parent.iterdir())) == 5
    assert Path(records[-1]).exists()


def test_nobody_else_can_write_where_the_token_is(
    state: dict[str, str], context: Path, tmp_path: Path
) -> None:
    program = (
        "import os, sys; os.umask(0)\n"
        "from router.providers.origin import find_origin\n"
        "find_origin({'context': sys.argv[1]}, {'XDG_STATE_HOME': sys.argv[2]})"
    )

    subprocess.run((sys.executable, "-c", program, context, state["XDG_STATE_HOME"]), check=True)

    ours = tmp_path / "state" / "warmroute"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (ours, ours / "contexts")] == [0o700] * 2
