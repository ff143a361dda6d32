"""What docs/how-to/simulate.md shows is what the program prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "simulate.md"
_SHOWN = re.findall(
    r"^```console\n\$ warmroute (.+)\n((?:.*\n)*?)```$", _PAGE.read_text("utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("command", "shown"), _SHOWN, ids=[command for command, _ in _SHOWN])
def test_what_the_page_shows_is_what_the_program_prints(command: str, shown: str) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("warmroute")), *shlex.split(command)],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout == shown


def test_the_page_shows_something() -> None:
    assert _SHOWN
