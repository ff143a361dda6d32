"""What placing a build costs, by the size of its fleet; prints a table in Markdown.

    python -m benchmarks.placement

Milliseconds of CPU, medians of fresh processes. ``import`` is what the ring loads beyond what every build
loads; the first key pays for the layout, a second one of the same fleet for its walk alone.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

_SIZES = (1, 3, 50, 200)
_TURNS = 21
_MEASURED = """
import hashlib, sys, time
import router.placement.order
from router.placement.ring import rank
names = [f"buildkitd-{number}" for number in range(int(sys.argv[1]))]
began = time.process_time()
if len(names) > 1: import uhashring
imported = time.process_time()
rank("registry.example.com/team/app", names)
first = time.process_time()
rank("registry.example.com/team/other", names)
second = time.process_time()
print(imported - began, first - imported, second - first)
"""


def _medians(size: int) -> Iterator[float]:
    runs = []
    for _ in range(_TURNS):
        finished = subprocess.run(
            [sys.executable, "-c", _MEASURED, str(size)], capture_output=True, text=True, check=True
        )
        runs.append([float(seconds) for seconds in finished.stdout.split()])
    for column in zip(*runs, strict=True):
        yield statistics.median(column) * 1000


def main() -> None:
    """Print a row for each size of a fleet."""
    print("| daemons | import | first key | second key |")
    print("|---|---|---|---|")
    for size in _SIZES:
        cells = " | ".join(f"{milliseconds:.2f} ms" for milliseconds in _medians(size))
        print(f"| {size} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
