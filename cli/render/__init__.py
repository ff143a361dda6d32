"""Progress of a build on stderr: tty, plain, rawjson, quiet.

Each display is split in two: a pure core that turns events into lines (`trace`, `layout`, `printer`,
`rawjson`) and a thin class that owns the stream and the timer. Errors that end the command are
`cli.render.error`'s; results go to stdout and are the command's own business.

Every build waits for these modules to load, so their values are named tuples and plain classes (a frozen
dataclass takes a millisecond to make) and their patterns are compiled when they are first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol, TextIO, cast, get_args

from router import BuildResult, Event, UsageError

if TYPE_CHECKING:
    from cli.render.whereabouts import Whereabouts

__all__ = ["ProgressMode", "Renderer", "chosen_mode", "open_renderer"]

ProgressMode = Literal["auto", "tty", "plain", "rawjson", "quiet", "none"]


class Renderer(Protocol):
    """Shows one build."""

    def event(self, event: Event) -> None:
        """Take what happened, from any thread; cheap, and ignored once closed."""
        ...

    def hurry(self) -> None:
        """From now on give up a reader who takes nothing: the build is to end.

        Takes no lock, so that a signal's handler may call it.
        """
        ...

    def close(self, error: BaseException | None, result: BuildResult | None = None) -> None:
        """Leave the final record and a sane terminal; more than one call does nothing more.

        ``error`` is what ended the build, None when it succeeded. It is not printed here. ``result`` is what
        came of a build that did; the last line tells of it.
        """
        ...


def open_renderer(
    mode: ProgressMode,
    *,
    stream: TextIO,
    environment: Mapping[str, str],
    verbosity: int,
    whereabouts: Whereabouts | None = None,
) -> Renderer:
    """Start the display that ``mode`` names; the caller closes it. Raises as ``chosen_mode`` does.

    ``whereabouts`` stands for what follows one build from daemon to daemon.
    """
    match chosen_mode(mode, stream, environment):
        case "tty":
            from cli.render.tty import open_tty

            return open_tty(stream, environment=environment, verbosity=verbosity, whereabouts=whereabouts)
        case "rawjson":
            from cli.render.rawjson import RawJsonRenderer

            return RawJsonRenderer(stream)
        case "quiet" | "none":
            from cli.render.quiet import QuietRenderer

            return QuietRenderer()
        case _:
            from cli.render.plain import PlainRenderer

            return PlainRenderer(stream, verbosity=verbosity, whereabouts=whereabouts)


def chosen_mode(mode: ProgressMode, stream: TextIO, environment: Mapping[str, str]) -> ProgressMode:
    """Return what ``auto`` stands for here, any other mode as it is.

    ``auto`` gives way to BUILDKIT_PROGRESS, as in buildx, and is otherwise tty on a terminal that can
    move its cursor, plain elsewhere. ``none`` shows as little as ``quiet``, whose command prints the image's
    id. Raises ``UsageError`` for tty without a terminal and for an unknown mode.
    """
    chosen = environment.get("BUILDKIT_PROGRESS") or mode if mode == "auto" else mode
    if chosen not in get_args(ProgressMode):
        raise UsageError(
            f'"{chosen}" is not a progress mode', hint=f"choose one of {', '.join(get_args(ProgressMode))}"
        )
    terminal = stream.isatty()
    if chosen == "auto":
        return "tty" if terminal and environment.get("TERM") != "dumb" else "plain"
    if chosen == "tty" and not terminal:
        raise UsageError("progress mode tty needs a terminal on stderr", hint="use --progress plain")
    return cast("ProgressMode", chosen)
