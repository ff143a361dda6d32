"""`make demo`, as a stranger runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(
    r"(?P<image>\w+) +│ docker\.io/demo/(?P=image) +│ (?P<daemon>\w+) +"
    r"│ +(?P<first>[\d.]+) s +│ +(?P<second>[\d.]+) s +│ (?P<cached>\d+) of (?P<all>\d+)"
)


def test_every_second_build_of_the_demo_is_cached_on_the_same_daemon() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=_ROOT,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    rows = list(_ROW.finditer(done.stdout))
    assert len(rows) == 6
    assert all(row["cached"] == row["all"] != "0" for row in rows)
    assert len({row["daemon"] for row in rows}) > 1
    # The step of three seconds is what a second build saves.
    assert all(float(row["first"]) > 3 > float(row["second"]) for row in rows)
