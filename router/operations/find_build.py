"""One build of a fleet by its reference, as far as that is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from router.errors import UnreachableError, UsageError
from router.model.daemon import Daemon
from router.model.record import BuildRecord
from router.operations.each import Answer
from router.operations.records import DaemonRecord, RecordQuery, ask_records, by_time
from router.transport.options import DialOptions

__all__ = ["find_build"]

_Answers = Sequence[Answer[tuple[BuildRecord, ...]]]

# Characters of our references; those of buildx and buildctl have 25.
_WHOLE = 32
# Builds that an error names.
_NAMED = 5


def find_build(
    daemons: Sequence[Daemon],
    options: DialOptions,
    ref: str,
    *,
    accept: Callable[[_Answers], object] | None = None,
) -> DaemonRecord:
    """Return the build whose reference begins with ``ref``: finished, or running.

    ``^1`` is the one before the latest, ``^2`` the one before that; empty is the latest. Raises
    ``UsageError`` where there is none or several, ``UnreachableError`` where it may be on a daemon that did
    not answer. Which one is the latest can only all of them tell: where some did not, ``accept`` is given the
    answers, and the latest of the others returned; without ``accept`` that is an ``UnreachableError`` too.
    """
    back = _steps_back(ref)
    if back is not None:
        return _counted_back(back, ask_records(daemons, options, RecordQuery(limit=back + 1)), accept)
    answers = ask_records(daemons, options, RecordQuery(ref=ref if len(ref) >= _WHOLE else ""))
    found = [each for each in by_time(answers) if each.record.ref.startswith(ref)]
    if not found:
        raise _none(f'build "{ref}"', answers)
    exact = [each for each in found if each.record.ref == ref]
    if len(found) > 1 and not exact:
        raise UsageError(
            f'"{ref}" is the beginning of {len(found)} builds: {_names([each.record.ref for each in found])}',
            hint="give more of its characters",
        )
    return (exact or found)[0]


def _counted_back(back: int, answers: _Answers, accept: Callable[[_Answers], object] | None) -> DaemonRecord:
    builds = sorted(by_time(answers), key=lambda each: -(each.record.created or 0))
    what = "latest build" if not back else f"build before the last {back}"
    if back >= len(builds):
        raise _none(what if back else "build", answers)
    silent = [answer.daemon.name for answer in answers if answer.error is not None]
    if silent:
        if accept is None:
            raise UnreachableError(
                f"the {what} may be on a daemon that did not answer: {_names(silent)}",
                hint="name the build by its id: warmroute history ls lists those of the others",
            )
        accept(answers)
    return builds[back]


def _steps_back(ref: str) -> int | None:
    if not ref:
        return 0
    number = ref.removeprefix("^")
    return int(number) if number != ref and re.fullmatch(r"[0-9]{1,6}", number) else None


def _none(what: str, answers: _Answers) -> UsageError | UnreachableError:
    asked = _names([answer.daemon.name for answer in answers if answer.error is None])
    silent = [(answer.daemon.name, answer.error) for answer in answers if answer.error is not None]
    if not silent:
        return UsageError(f"no {what} on {asked}", hint="warmroute history ls lists those that there are")
    said = f"no {what} on {asked}; " if asked else ""
    why = "; ".join(f"{name}: {error}" for name, error in silent[:_NAMED])
    return UnreachableError(
        f"{said}{len(silent)} of {len(answers)} daemons did not answer: {why}", hint=silent[0][1].hint
    )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
