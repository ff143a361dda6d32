"""The real program against each of the hostile peers: it ends in time, in words and without much memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.attack import faults, start_time
from tests.hostile.attacks import ATTACKS


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the program takes to start here and now, at most."""
    return max(start_time(tmp_path_factory.mktemp("start")) for _ in range(2))


@pytest.mark.parametrize("name", ATTACKS)
def test_the_program_withstands(name: str, tmp_path: Path, start: float) -> None:
    attack = ATTACKS[name]

    done = attack.run(tmp_path)

    assert faults(done, attack, start=start) == [], done.said[-2000:]
