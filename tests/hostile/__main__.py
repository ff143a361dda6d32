"""Run the attacks and print what each took: ``python -m tests.hostile [part of a name ...]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.hostile.attack import faults, start_time
from tests.hostile.attacks import ATTACKS


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Return 1 where something was not as it should be."""
    wanted = sys.argv[1:]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="wh-") as directory:
        start = start_time(Path(directory))
    _tell(f"start: {start:.1f} s")
    for name, attack in ATTACKS.items():
        if wanted and not any(part in name for part in wanted):
            continue
        with tempfile.TemporaryDirectory(prefix="wh-") as directory:
            done = attack.run(Path(directory))
        found = faults(done, attack, start=start)
        wrong += bool(found)
        _tell(f"{name:60} {done.code:4} {done.seconds:5.1f} s {done.megabytes:5.0f} MB")
        if found:
            _tell(f"    {'; '.join(found)}\n    {done.said[-600:]!r}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
