"""Where a build is, in words: which daemon, and which choice that one is for the build's key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from cli.render.foreign import own_line, printable
from cli.render.units import format_bytes
from router import Attempt, BuildResult, Event, Miss, Notice, Place, SolveStatus

__all__ = ["Whereabouts", "building_on", "last_lines", "where"]

# What every build comes to is not worth a word: files are described each time, and the fleet is listed.
_WORTH_SAYING_SENT = 100_000  # bytes
_WORTH_SAYING_WAITED = 1.0  # seconds


class Whereabouts:
    """Follows a build from daemon to daemon.

    One that is tried has the build as soon as it tells something of it, and not before.
    """

    def __init__(self) -> None:
        self.cache_only = False
        """Whether nothing will come of the build but cache."""
        self._attempt: Attempt | None = None
        self._has_it = False

    def hear(self, event: Event) -> Attempt | None:
        """Take an event; return the attempt with whose daemon the build has just begun, if so."""
        if isinstance(event, Attempt):
            self._attempt, self._has_it = event, False
        elif isinstance(event, Notice):
            self.cache_only = self.cache_only or event.reason == "cache-only"
        elif isinstance(event, SolveStatus) and self._attempt is not None and not self._has_it:
            self._has_it = True
            return self._attempt
        return None

    @property
    def label(self) -> str:
        """The daemon in a few words, empty before there is one."""
        if self._attempt is None:
            return ""
        label = where(self._attempt.daemon, self._attempt.place)
        return label if self._has_it else f"trying {label}"


def building_on(attempt: Attempt) -> str:
    """Say where the build has begun, and why not at home."""
    place = attempt.place
    detail = str(place)
    if place.reason:
        detail += f"; {_home(place)}"
    return f"building on {_daemon(attempt.daemon, detail)}"


def last_lines(result: BuildResult | None, nanoseconds: int, *, cache_only: bool) -> str:
    """Say what came of a build that succeeded, in lines of warmroute's own; nothing without a result."""
    if result is None:
        return ""
    lines = [f"built on {where(result.daemon, result.place)}: {', '.join(_figures(result, nanoseconds))}"]
    if result.miss is not None:
        lines.append(_first_miss(result.miss, result.place))
    if cache_only:
        stays = f"the image stays in the build cache of {printable(result.daemon)}"
        lines.append(f"no --push, --load or --output: {stays}")
    return "".join(f"warmroute: {line}\n" for line in lines)


def _figures(result: BuildResult, nanoseconds: int) -> Iterator[str]:
    """Say how warm the build was and what it took, without what was next to nothing."""
    if result.steps:
        yield f"{result.cached} of {result.steps} step{'s' if result.steps > 1 else ''} cached"
    if result.sent >= _WORTH_SAYING_SENT:
        yield f"sent {format_bytes(result.sent)}"
    if result.waited >= _WORTH_SAYING_WAITED:
        yield f"waited {result.waited:.1f} s"
    yield f"{nanoseconds / 1e9:.1f} s"


def _first_miss(miss: Miss, place: Place) -> str:
    """Say which step was the first to run, and why: the later ones ran because of it."""
    match miss.reason:
        case "first":
            why = f" ({_home(place)})" if place.reason else ""
            if miss.moved_from and miss.fleet == "grew":
                moved = f"{printable(miss.moved_from)} to {printable(place.home)}"
                why = f" (its home moved from {moved}, because the fleet grew)"
            elif miss.moved_from:  # who has built it there can't be asked any more
                why = f" (its home was {printable(miss.moved_from)} before the fleet shrank)"
            return f"the first build of this image here, as far as its history tells{why}"
        case "differs":
            why = " (the last build here had no such step: it, an argument, or what it builds on is another)"
        case "files":
            why = " (its files changed, or its cache was pruned)"
        case "pruned":
            why = " (its cache was pruned)"
        case "unknown":
            why = ""
        case _:
            assert_never(miss.reason)
    return f"first step not cached: {own_line(printable(miss.step))}{why}"


def where(name: str, place: Place) -> str:
    """Return a daemon with the choice that it is: ``buildkitd-2 (home)``."""
    return _daemon(name, str(place))


def _home(place: Place) -> str:
    return f"home {printable(place.home)}: {printable(place.reason)}"


def _daemon(name: str, detail: str) -> str:
    return f"{printable(name)} ({detail})"
