"""`warmroute workers` on several daemons, beside buildctl asked one by one."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.e2e.processes import BIN, Installed
from tests.e2e.terminals import on_terminal
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd

NAMES = ("ash", "birch", "cedar")


@pytest.fixture
def options(buildkitd_three: tuple[Buildkitd, ...]) -> list[str]:
    """The options that name three daemons."""
    return [f"--addr={name}={each.address}" for name, each in zip(NAMES, buildkitd_three, strict=True)]


def _by_buildctl(daemon: Buildkitd) -> list[dict[str, Any]]:
    words = ("--addr", daemon.address, "debug", "workers", "--format", "{{json .}}")
    argv = [str(binaries.buildctl()), *words]
    found = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout
    workers: list[dict[str, Any]] = json.loads(found)
    return workers


def test_the_workers_are_those_of_each_daemon(
    buildkitd_three: tuple[Buildkitd, ...], options: list[str]
) -> None:
    listed = Installed().ok("workers", "--format", "json", *options).json

    assert [set(row) for row in listed] == [{"daemon", "address", "workers", "error"}] * 3
    assert [(row["daemon"], row["error"]) for row in listed] == [(name, "") for name in NAMES]
    for row, daemon in zip(listed, buildkitd_three, strict=True):
        for ours, theirs in zip(row["workers"], _by_buildctl(daemon), strict=True):
            assert {"id", "labels", "platforms", "gcPolicy", "buildkitVersion"} <= set(ours)
            assert (ours["id"], ours["labels"]) == (theirs["id"], theirs["labels"])
            assert ours["platforms"] == theirs["platforms"]
    assert listed == Installed().ok("debug", "workers", "--format", "json", *options).json


def test_a_frozen_daemon_is_a_row(buildkitd_three: tuple[Buildkitd, ...], options: list[str]) -> None:
    buildkitd_three[1].freeze()
    try:
        done = Installed().run("workers", "--connect-timeout", "2", *options)
    finally:
        buildkitd_three[1].thaw()

    rows = {name: cells for name, *cells in (re.split("  +", line) for line in done.stdout.splitlines())}
    assert done.code == 69
    assert done.seconds < 2 + 4
    assert rows["birch"] == ["no answer", "-", "-"]
    assert rows["ash"][:2] == [_by_buildctl(buildkitd_three[0])[0]["id"], "v0.32.1"]
    assert rows["ash"][2].startswith("linux/amd64 (+")
    assert "ERROR: 1 of 3 daemons did not answer: birch\n" in done.stderr


@pytest.mark.parametrize("columns", [80, 200])
def test_no_row_wraps(options: list[str], columns: int) -> None:
    with on_terminal(
        [str(BIN / "warmroute"), "workers", *options], Installed().variables, columns=columns
    ) as on:
        assert on.wait() == 0

    lines = on.text.splitlines()
    assert [line.split()[0] for line in lines] == ["DAEMON", *NAMES]
    assert max(map(len, lines)) <= columns


def test_all_there_is_to_say_of_workers_fits_a_narrow_terminal(options: list[str]) -> None:
    whole = Installed().ok("workers", "-v", *options).stdout
    with on_terminal([str(BIN / "warmroute"), "workers", "-v", *options], Installed().variables) as on:
        assert on.wait() == 0

    lines = on.text.splitlines()
    assert max(map(len, lines)) <= 80
    assert max(map(len, whole.splitlines())) > 80
    assert "".join(on.text.split()) == "".join(whole.split())
