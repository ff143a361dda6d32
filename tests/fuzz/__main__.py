"""Fuzz one reader, guided by coverage: `python -m tests.fuzz NAME [--seconds 60]`.

What it finds is written to `crash-*` in the working directory; give the file to go through it once more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["router"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until the time is over, or go through one file."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("file", nargs="?", type=Path)
    given = parser.parse_args()
    target = TARGETS[given.name]
    if given.file is not None:
        target.run(given.file.read_bytes())
        return
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        atheris.Setup([sys.argv[0], corpus, f"-max_total_time={given.seconds}", "-timeout=10"], target.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
