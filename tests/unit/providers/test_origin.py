"""The token of a set of directories: the same for them, another for everything else."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from router import config
from router.providers import origin, origin_record
from router.providers.origin import Origin, find_origin
from router.providers.origin_record import Head


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
        b"0" * 32 + b" 1\n",
        b"0" * 32 + b" 1 boot\n",
        b"0" * 32 + b" 1 boot 0",
        b"0" * 32 + b" 1 boot 00\n",
        b"0" * 32 + b" 1 boot 0\nnot whole pairs",
        b"0" * 32 + b" 9000000000000000000 boot 0\n",  # a clock that went back since
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


def test_a_record_that_another_build_removes_meanwhile_is_no_matter(
    state: dict[str, str], context: Path
) -> None:
    records = Path(find_origin({"context": str(context)}, state).record).parent
    (records / "gone").symlink_to("nowhere")

    assert find_origin({"other": str(context)}, state).token
    gc.collect()  # what was left open would be a warning, and so an error


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


def test_another_file_system_with_the_same_numbers_has_another_token(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "identity", lambda _: b"1")
    first = find_origin({"context": str(context)}, state)
    monkeypatch.setattr(origin, "identity", lambda _: b"2")

    assert find_origin({"context": str(context)}, state).token != first.token


def test_a_directory_with_two_names_is_looked_at_once(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def look(opened: int) -> bytes:
        looked_at.append(opened)
        return b"1"

    monkeypatch.setattr(origin, "identity", look)

    find_origin({"context": str(context), "dockerfile": str(context)}, state)

    assert len(looked_at) == 1


def test_nothing_is_kept_of_a_directory_in_an_image(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "identity", lambda _: None)
    first, second = (find_origin({"context": str(context)}, state) for _ in range(2))

    assert first.token != second.token
    assert "image" in first.problem
    assert not first.record


SECOND = 10**9
KEPT = Head(token="0" * 32, since=10**18, boot="this", offset=10**15)


@pytest.mark.parametrize(
    ("later", "boot", "lead", "good"),
    [
        (1, "this", 0, True),
        (1, "this", -SECOND, True),  # a leap second
        (1, "this", -SECOND - 1, False),
        (1, "this", 3600 * SECOND, True),
        (1, "another", -3600 * SECOND, True),
        (-1, "another", 0, False),
    ],
)
def test_a_clock_that_was_set_back_ends_a_token(later: int, boot: str, lead: int, *, good: bool) -> None:
    now = replace(KEPT, since=KEPT.since + later, boot=boot, offset=KEPT.offset + lead)

    assert KEPT.is_good(now) is good


def test_where_boots_have_no_names_only_the_time_counts() -> None:
    kept = replace(KEPT, boot="-")

    assert kept.is_good(replace(kept, offset=kept.offset - 3600 * SECOND))


def test_a_record_of_a_clock_that_was_fast_is_replaced_when_it_is_right_again(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time_ns
    monkeypatch.setattr("router.providers.origin_record.time.time_ns", lambda: right() + 3600 * SECOND)
    first = find_origin({"context": str(context)}, state)
    kept = Path(first.record).read_bytes()
    monkeypatch.setattr("router.providers.origin_record.time.time_ns", right)
    earlier = kept.replace(b"%d " % first.since, b"%d " % (right() - SECOND))
    Path(first.record).write_bytes(earlier)

    assert find_origin({"context": str(context)}, state).token != first.token


def test_directories_are_kept_with_the_token(state: dict[str, str], context: Path) -> None:
    first = found(context, state)
    first.add_directories(b"a" * 16)
    first.add_directories(b"b" * 32)

    assert found(context, state) == first
    assert first.directories() == b"a" * 16 + b"b" * 32


def test_directories_of_a_token_that_is_no_more_are_unknown_and_not_kept(
    state: dict[str, str], context: Path
) -> None:
    first = found(context, state)
    first.forget()
    assert first.directories() is None
    first.add_directories(b"a" * 16)
    second = found(context, state)
    first.add_directories(b"a" * 16)

    assert first.directories() is None
    assert second.directories() == b""


def test_a_token_is_forgotten_when_more_is_described_than_can_be_kept(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found(context, state)
    monkeypatch.setattr(origin_record, "_MOST", 200)
    first.add_directories(b"a" * 208)

    assert first.directories() is None
    assert found(context, state).token != first.token


def test_what_cannot_be_forgotten_either_is_an_error(
    state: dict[str, str], context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found(context, state)

    def refuse(*_arguments: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(origin_record, "_append", refuse)
    monkeypatch.setattr("router.providers.origin_record.os.unlink", refuse)

    with pytest.raises(OSError, match="Read-only"):
        first.add_directories(b"a" * 16)


def test_without_a_record_directories_are_as_new_as_the_token(context: Path) -> None:
    first = find_origin({"context": str(context)}, {"XDG_STATE_HOME": "/proc/nothing can be made here"})
    first.add_directories(b"a" * 16)

    assert first.directories() == b""


def found(context: Path, state: dict[str, str]) -> Origin:
    """Find the origin of one directory."""
    return find_origin({"context": str(context)}, state)
