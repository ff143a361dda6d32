"""Where the daemons and keys of a simulation come from: the command line, files, the fleet, its histories."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, TypeVar

import router as library
from cli.asking import require_answers, tell_silent
from cli.given.files import GivenFiles
from cli.interruption import Silent, interruptible
from cli.named import NamedTuple
from cli.render.units import NANOSECONDS
from cli.simulation.options import SimulationOptions
from router import Flag, RouterConfig, UsageError, parse_duration

if TYPE_CHECKING:
    from router import Answer, BuildRecord, Daemon, SimulatedKey

__all__ = ["Source", "source_of"]

_Value = TypeVar("_Value")
_Answers = Sequence["Answer[tuple[BuildRecord, ...]]"]


class Source(NamedTuple):
    """Daemons and keys; ``silent`` are those of the ``asked`` daemons that did not tell their builds."""

    daemons: tuple[Daemon, ...]
    keys: tuple[SimulatedKey, ...]
    silent: Sequence[str] = ()
    asked: int = 0


def source_of(options: SimulationOptions, config: RouterConfig) -> Source:
    """Read, list or ask what the options name.

    Raises ``UsageError``; ``UnreachableError`` where the fleet can't be listed, or no daemon of it answers.
    """
    period = options.period.since
    since = parse_duration(period, Flag(name="--since", example="24h")) if period else None
    if since is not None and not options.history:
        raise UsageError("--since is for --history", hint="give --history as well, or leave --since out")
    if options.history and (options.given or options.keys):
        raise UsageError("--history gives the keys, and others are named", hint="leave out one of them")
    keys = () if options.history else _keys(options)
    named = _named(options.daemons) if options.daemons else ()
    if named and keys:
        return Source(daemons=named, keys=keys)
    with library.BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        listed = router.fleet.daemons()
        daemons = named or library.unhindered(listed)
        if not daemons or not listed:
            raise library.NoDaemonError(
                f"there are no {router.fleet.describe()}", hint="or name daemons: --daemons 6"
            )
        if keys:
            return Source(daemons=daemons, keys=keys)
        answers = library.ask_records(listed, router.dial_options)
    silent = _silent(answers)
    return Source(daemons=daemons, keys=_remembered(answers, since), silent=silent, asked=len(answers))


def _silent(answers: _Answers) -> list[str]:
    """Tell why some did not answer, and return their names.

    Raises ``UnreachableError`` where that is all of them, with the only one's own words.
    """
    if len(answers) == 1 and answers[0].error is not None:
        raise answers[0].error
    silent = tell_silent(answers)
    if len(silent) == len(answers):
        require_answers(silent, len(answers))
    return silent


def _remembered(answers: _Answers, since: float | None) -> tuple[SimulatedKey, ...]:
    now = time.time_ns()
    earliest = 0 if since is None else now - int(since * NANOSECONDS)
    histories = [
        [record for record in answer.value if (record.created or 0) >= earliest]
        for answer in answers
        if answer.value is not None
    ]
    found = library.recorded_keys(histories, now)
    if not found.keys:
        raise UsageError(
            "the daemons remember no builds whose key is known",
            hint="name keys with --keys FILE" + (", or give a longer --since" if since is not None else ""),
        )
    more = f"; {found.nameless} more tell neither a key nor an image" if found.nameless else ""
    builds = f"{found.builds} build{'s' if found.builds > 1 else ''}"
    sys.stderr.write(f"keys and times of {builds} of the last {found.seconds / 3600:.3g} h{more}\n")
    return found.keys


def _keys(options: SimulationOptions) -> tuple[SimulatedKey, ...]:
    if options.given and options.keys:
        raise UsageError(
            f"keys are given twice, as arguments ({', '.join(options.given)}) and by --keys {options.keys}",
            hint="leave out one of them",
        )
    if options.given:
        names = dict.fromkeys(library.Key.own(text).key for text in options.given)
        return tuple(library.SimulatedKey(key=name) for name in names)
    if not options.keys:
        raise UsageError(
            "there are no keys to simulate",
            hint="name some: warmroute simulate KEY...; or --keys FILE, --keys 1000 (invented), --history",
        )
    if options.keys.isdigit():
        return library.invented_keys(options.keys)
    keys = _read("--keys", options.keys, library.read_keys)
    if not keys:
        raise UsageError(f"--keys {options.keys} has no keys", hint="write one on each line")
    return keys


def _named(texts: list[str]) -> tuple[Daemon, ...]:
    files = [text for text in texts if text.startswith("@")]
    if files and len(texts) > 1:
        raise UsageError("--daemons names a file and more", hint="put all daemons into the file")
    daemons = (
        _read("--daemons", files[0].removeprefix("@"), library.read_daemon_names)
        if files
        else library.parse_daemon_names(texts)
    )
    if not daemons:
        raise UsageError(f"--daemons {' '.join(texts)} names no daemons", hint="for example: --daemons 6")
    return daemons


def _read(name: str, path: str, read: Callable[[Iterable[bytes], str], _Value]) -> _Value:
    hint = "a number stands for invented ones, everything else is a file"
    content = GivenFiles().content("/dev/stdin" if path == "-" else path, name, hint)
    return read(BytesIO(content), "stdin" if path == "-" else path)
