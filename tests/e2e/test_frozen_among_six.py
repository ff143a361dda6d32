"""Six daemons, one of them stopped in its tracks: every verb ends in time, with the answers of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e import stores
from tests.e2e.program import Finished
from tests.e2e.stores import Stores

NAMES = ("ash", "birch", "cedar", "elm", "fir", "oak")
FROZEN = "cedar"
OTHERS = sorted(set(NAMES) - {FROZEN})
# What a daemon has for connecting, and the machine's share on top of it.
DEADLINE, SHARE = 2, 6

ENDS = ("--connect-timeout", f"{DEADLINE}s")


@pytest.fixture(scope="module")
def six(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Six daemons that have built something, one of them frozen since."""
    with stores.started(tmp_path_factory.mktemp("six"), NAMES, busybox) as fleet:
        for name in NAMES:
            fleet.build(name, size=1000)
        fleet.daemons[FROZEN].freeze()
        try:
            yield fleet
        finally:
            fleet.daemons[FROZEN].thaw()


def by_daemon(rows: Any) -> list[str]:
    """Return who answered, of rows with one for each daemon."""
    return sorted(row.get("daemon") or row["name"] for row in rows if not row["error"])


def listed(rows: Any) -> list[str]:
    """Return whose builds there are."""
    return sorted({row["daemon"] for row in rows})


@pytest.mark.parametrize(
    ("verb", "answered"),
    [
        (("ls",), by_daemon),
        (("workers",), by_daemon),
        (("debug", "info"), by_daemon),
        (("du",), lambda said: by_daemon(said["daemons"])),
        (("prune", "--dry-run"), lambda said: by_daemon(said["daemons"])),
        (("prune", "--force", "--filter", "type=exec.cachemount"), lambda said: by_daemon(said["daemons"])),
        (("history", "ls"), listed),
        (("stats", "--by", "daemon"), listed),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_verb_has_the_answers_of_the_five(
    six: Stores, verb: tuple[str, ...], answered: Callable[[Any], list[str]]
) -> None:
    done = six.warmroute(*verb, "--format", "json", *ENDS)

    assert answered(done.json) == OTHERS
    require_end(done)


@pytest.mark.parametrize(
    "verb",
    [
        ("ps",),
        ("logs", "--progress", "none"),
        ("history", "inspect"),
        ("history", "trace"),
        ("cancel", "--key", "test"),
        ("simulate", "--history", "--builds", "20"),
    ],
    ids=" ".join,
)
def test_a_verb_that_has_no_row_for_each_daemon_ends_too(six: Stores, verb: tuple[str, ...]) -> None:
    require_end(six.warmroute(*verb, *ENDS))


def test_the_doctor_finds_five_well(six: Stores) -> None:
    done = six.warmroute("doctor", "--format", "json", *ENDS)

    reached = {each["subject"]: each["level"] for each in done.json if each["check"] == "reach"}
    assert done.code == 1
    assert reached == {name: "problem" if name == FROZEN else "ok" for name in NAMES}
    assert done.seconds < DEADLINE + SHARE


def test_the_records_of_the_five_are_removed(six: Stores) -> None:
    done = six.warmroute("history", "rm", "--all", "--force", "--format", "json", *ENDS)

    assert listed(done.json) == OTHERS
    require_end(done)


def require_end(done: Finished) -> None:
    """Require that it ended in time, and told of the one that did not answer."""
    assert done.code == 69, done.stderr
    assert f"ERROR: 1 of 6 daemons did not answer: {FROZEN}\n" in done.stderr
    assert done.seconds < DEADLINE + SHARE
