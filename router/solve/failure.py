"""From the daemon's answer to a failed solve, and the events before it, to a BuildError."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from router.bounds import shortened
from router.errors import (
    BuildError,
    ConnectionLostError,
    DialError,
    OverloadError,
    RouterError,
    RpcError,
    TransferError,
)
from router.faults import fault_of
from router.model.events import SolveStatus, Vertex
from router.model.frozen import replace
from router.rpc.grpc import NotGrpcError

__all__ = ["BuildObserver", "explain"]

_NO_ROOM = "buildctl prune frees the daemon's cache; buildkitd.toml limits its size ([worker.oci] gc)"
_LOG_LINES = 20
_LOG_BYTES = 8 * 1024
# Limits: steps that have not succeeded, with their last output each; and steps that have failed.
_MOST_TAILS, _MOST_FAILED = 500, 500
_LONGEST_NAME = 1000
_LONGEST_ERROR = 4000


_Kept = TypeVar("_Kept")


class _Tail:
    """The last lines that a vertex wrote, limited in number and size."""

    __slots__ = ("lines", "partial")

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_LOG_LINES)
        self.partial = b""

    def feed(self, data: bytes) -> None:
        *whole, rest = (self.partial + data).split(b"\n")
        self.partial = rest[-_LOG_BYTES:]
        for line in whole[-_LOG_LINES:]:
            self.lines.append(line[-_LOG_BYTES:].decode("utf-8", "replace").rstrip("\r"))

    def text(self) -> tuple[str, ...]:
        rest = self.partial.decode("utf-8", "replace")
        return (*self.lines, rest) if rest else tuple(self.lines)


class BuildObserver:
    """Remembers the events that explain a failure."""

    def __init__(self) -> None:
        self._failed: dict[str, Vertex] = {}
        self._tails: dict[str, _Tail] = {}

    def see(self, status: SolveStatus) -> None:
        """Note one status message."""
        for log in status.logs:
            self._tail(log.vertex).feed(log.data)
        for vertex in status.vertexes:
            if vertex.error and not vertex.error.endswith("context canceled"):
                self._failed.pop(vertex.digest, None)
                self._failed[vertex.digest] = replace(
                    vertex,
                    name=shortened(vertex.name, _LONGEST_NAME),
                    error=shortened(vertex.error, _LONGEST_ERROR),
                    inputs=(),
                )
                _drop_oldest(self._failed, _MOST_FAILED)
            elif vertex.completed is not None and not vertex.error:
                self._tails.pop(vertex.digest, None)

    def _tail(self, digest: str) -> _Tail:
        tail = self._tails.get(digest)
        if tail is None:
            tail = self._tails[digest] = _Tail()
            _drop_oldest(self._tails, _MOST_TAILS)
        return tail

    def build_error(self, error: RpcError) -> BuildError:
        """Return the error for the user from the daemon's answer."""
        from router.solve.advice import excerpt_of, hint_for  # a dozen expressions, for failed builds only

        typed = dict(error.typed)
        failed = self._step(typed.get("errdefs.Vertex", {}).get("digest"))
        tail = self._tails.get(failed.digest) if failed else None
        return BuildError(
            f"failed to solve: {error}",
            step=failed.name if failed else "",
            vertex=failed.digest if failed else "",
            step_exit_code=_exit_code(typed.get("gatewayapi.ExitMessage", {})),
            log_tail=tail.text() if tail else (),
            excerpt=excerpt_of(error),
            hint=hint_for(str(error)),
        )

    def _step(self, digest: object) -> Vertex | None:
        """Return the step that the daemon names if several failed; else the last one."""
        named = self._failed.get(digest) if isinstance(digest, str) else None
        return named or next(reversed(self._failed.values()), None)


def _drop_oldest(kept: dict[str, _Kept], most: int) -> None:
    if len(kept) > most:
        del kept[next(iter(kept))]


def explain(
    error: RouterError, *, own: Sequence[RouterError], observer: BuildObserver, daemon: str
) -> RouterError:
    """Distinguish faults of the connection, of this machine and of the build.

    ``error`` is Solve's error; ``own`` are the errors on this side of the session meanwhile, which the
    daemon's answer only echoes. A build canceled here never gets as far as Solve's answer.
    """
    # A transfer that the daemon broke off is a consequence of its failure, not a cause.
    causes = [cause for cause in own if not isinstance(cause, TransferError)]
    if causes:
        return causes[0]
    if not isinstance(error, RpcError):
        return error
    match fault_of(error):
        case "lost":
            return ConnectionLostError(f"{daemon} broke off the build: {error}", temporary=True)
        case "overload":
            return OverloadError(
                f"{daemon} has no space left for the build: {error}", hint=_NO_ROOM, temporary=True
            )
        case _ if isinstance(error, NotGrpcError):
            return DialError(f"{daemon} is not a BuildKit daemon: {error}", hint=error.hint)
        case _:
            return observer.build_error(error)


def _exit_code(fields: Mapping[str, Any]) -> int | None:
    code = fields.get("Code")
    return code if isinstance(code, int) else None
