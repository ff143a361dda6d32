"""One attack on the real program: what it is run with, how it may end, and what it took at most."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.measured import Measured, run_measured

__all__ = [
    "ENDED",
    "ESCAPE",
    "FAILED",
    "LIMIT",
    "OUT_OF_TIME",
    "UNREACHABLE",
    "Attack",
    "Command",
    "build",
    "faults",
    "start_time",
]

LIMIT = 1.0
"""Seconds that a build under attack is given by ``--timeout``, where that is what ends it."""
_FAR = 10.0
PATIENCE = 2.0
"""Seconds after the limit in which the process has ended; what it takes to start comes on top."""
MEGABYTES = 200
"""At most, of the whole process; of these some 40 are the interpreter and the program."""

ESCAPE = "\x1b]0;owned\x07\x1b[2J\r"
"""What hostile texts hold, and what no terminal may see."""

# Ways in which the program may end, by its documentation.
FAILED, UNREACHABLE, OUT_OF_TIME = 1, 69, 124
ENDED = frozenset({FAILED, UNREACHABLE, OUT_OF_TIME})

# Then it counts as hanging.
_MOST_SECONDS = 60.0
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Command:
    """The program's arguments, and the variables that it has beside ``PATH`` and ``HOME``."""

    args: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """``peer`` is given a directory of its own, and serves while it is entered.

    ``codes`` are the exit codes that are right, ``said`` an expression that stderr matches, ``megabytes`` of
    the process at most, ``seconds`` its ``--timeout``.
    """

    peer: Callable[[Path], AbstractContextManager[Command]]
    codes: frozenset[int] = ENDED
    said: str = ""
    megabytes: int = MEGABYTES
    seconds: float = LIMIT

    @property
    def limit(self) -> float:
        """The ``--timeout``: a far one where something else is to end it, also on a busy machine."""
        return self.seconds if OUT_OF_TIME in self.codes else _FAR

    def run(self, directory: Path) -> Measured:
        """Run the program against the peer."""
        with self.peer(directory) as command:
            words = list(command.args)
            if words[0] == "build":
                words[1:1] = ["--timeout", f"{self.limit:g}s"]
            return _run(Command(words, command.environment), directory)


def faults(done: Measured, attack: Attack, *, start: float) -> list[str]:
    """Return what is not as it should be; ``start`` is how long the program takes to start here."""
    found = []
    if done.code not in attack.codes:
        found.append(f"exit code {done.code} is none of {sorted(attack.codes)}")
    # A machine that is busy takes longer to start it than it did before.
    if done.seconds > attack.limit + PATIENCE + 2 * start + 0.5:
        found.append(f"it took {done.seconds:.1f} s (start: {start:.1f} s)")
    if done.megabytes > attack.megabytes:
        found.append(f"it took {done.megabytes:.0f} MB")
    if "Traceback" in done.said:
        found.append("a traceback")
    if control := _CONTROL.search(done.printed + done.said):
        found.append(f"the control character {control[0]!r} was printed")
    if not re.search(attack.said, done.said):
        found.append(f"nothing like {attack.said!r} was said")
    return found


def _run(command: Command, directory: Path) -> Measured:
    return run_measured(
        [sys.executable, "-m", "tests.wire.cli", *command.args],
        directory,
        environment={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **command.environment},
        within=_MOST_SECONDS,
    )


def build(
    address: str, directory: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Command:
    """Return a build of a small context on this address; the attack adds its limit."""
    context = directory / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text("FROM scratch\n")
    words = ("build", "--addr", address, "--progress", "plain", "--retries", "0")
    return Command((*words, *options, str(context)), environment or {})


def start_time(directory: Path) -> float:
    """Return the seconds that the program takes here and now before it does anything."""
    return _run(Command(("version",)), directory).seconds
