"""What carries a build out on a daemon.

One module each: ``native`` speaks BuildKit's API, ``buildctl`` and ``docker`` run those tools. They take
the same request and tell the same events, so that the story in ``router.build`` need not know which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from router.cancellation import Cancellation
from router.errors import RouterError
from router.model.daemon import Daemon
from router.model.events import Event
from router.model.frozen import field, frozen
from router.model.mark import BuildMark
from router.model.result import BuildResult
from router.once import OneTimeFiles
from router.solve.prepared import PreparedBuild
from router.tracing import NO_SPAN, Span
from router.transport.options import DialOptions

if TYPE_CHECKING:  # few builds have others beside them
    from router.backends.sharing import Portion
    from router.solve.handing import Linked

__all__ = ["Backend", "BackendContext"]


@frozen
class BackendContext:
    """What a build needs beside the request and the daemon.

    ``key`` is the balancing key, ``mark`` what is left on the build's record, None for nothing.
    ``context_id`` names the context independently of the machine (its path in its repository); it and the key
    are part of the session's shared key. ``environment`` stands for os.environ, ``on_event`` is called from
    the thread that builds, in order. With ``max_builds`` builds in flight the daemon gets none more; 0 is no
    bound. ``warm_only``: nor where it has never built the key, as far as the backend can tell. ``files`` has
    what was read of inputs that can be read once; ``lent`` are descriptors that a program inherits, for the
    paths in its command line that name them.
    ``span`` is what the spans of the part that has the context hang under. ``linked`` are other builds that
    use this one's result, or whose results it uses, and ``shared`` the directories that other builds have as
    well; only the native backend knows them. ``failures`` are why those could not be read.
    """

    key: str
    mark: BuildMark | None = None
    context_id: str = ""
    max_builds: int = 0
    warm_only: bool = False
    on_event: Callable[[Event], None]
    cancellation: Cancellation
    dial: DialOptions = field(default_factory=DialOptions)
    environment: Mapping[str, str] = field(default_factory=dict)
    files: OneTimeFiles = field(default_factory=OneTimeFiles, repr=False)
    lent: tuple[int, ...] = ()
    span: Span = NO_SPAN
    linked: Linked | None = field(default=None, repr=False)
    shared: Portion | None = field(default=None, repr=False)
    failures: Callable[[], Sequence[RouterError]] = tuple


class Backend(Protocol):
    """One way to carry a build out."""

    def build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext, /) -> BuildResult:
        """Build, blocking until it is done.

        Raises ``BuildError`` when the build itself fails, ``UnreachableError`` when the daemon or a tool
        can't be reached (the next daemon may do): ``DialError`` where the daemon never had the build,
        ``ConnectionLostError`` and ``OverloadError`` where it had it, ``BusyError`` where it has
        ``context.max_builds`` others, ``ColdError`` for ``warm_only``. ``UsageError`` for what the user gave
        wrong, ``CancelledError`` when ``context.cancellation`` was thrown.
        """

    def command(self, build: PreparedBuild, daemon: Daemon, context: BackendContext, /) -> Sequence[str]:
        """Return, as argv with secrets redacted, what ``build`` would run; used by ``--dry-run``."""
