"""From the daemon's answer to a failed solve, and what was seen before it, to a BuildError."""

from __future__ import annotations

import re
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
from router.model.events import SolveStatus, SourceRange, Vertex
from router.model.frozen import replace
from router.model.source import excerpt, source_lines
from router.rpc.grpc import NotGrpcError

__all__ = ["BuildObserver", "explain"]

# What can be done about a failure, by the daemon's words: it has no other way of telling.
_LOG_IN = (
    "docker login to that registry: the credentials are those of the docker config of who runs the build"
)
_INSECURE = "if the registry is meant to be like that: --registry-auth-tlscontext host={},insecure=true"
_NO_ROOM = "buildctl prune frees what the daemon's cache holds; its config bounds that ([worker.oci] gc)"
_PLAIN_HTTP = (
    "a registry without TLS: --output type=image,push=true,registry.insecure=true, or buildkitd.toml"
)
_UNKNOWN_CALL = (
    "this frontend has no such method: --call subrequests.describe lists those it has;"
    " --build-arg BUILDKIT_SYNTAX=docker/dockerfile:1 takes a newer one"
)
_GRANT = "--allow {} grants it; the daemon has to allow it too (insecure-entitlements in buildkitd.toml)"
_GRANTED = "who runs the daemon can allow it: insecure-entitlements in buildkitd.toml"
_FORWARD = "--ssh default forwards the agent of SSH_AUTH_SOCK, --ssh ID=PATH a socket or a private key"
_OLD_ENGINE = (
    "the BuildKit inside of this Docker engine has less than a buildkitd: --addr or --selector names one"
)
_HINTS = (
    (
        re.compile(
            r"unknown cache (ex|im)porter|exporter \S+ could not be found|multiple references to image store"
        ),
        _OLD_ENGINE,
    ),
    (re.compile(r"unsupported request frontend\.|unsupported .*\.frontend\.subrequests"), _UNKNOWN_CALL),
    (
        re.compile(
            r"401 Unauthorized|403 Forbidden|no basic auth|authorization failed|insufficient_scope"
            r"|the token server answers 40[13]"
        ),
        _LOG_IN,
    ),
    (re.compile(r"no token for (\S{1,255}): the token server is on plain http"), _INSECURE),
    (re.compile("server gave HTTP response to HTTPS client"), _PLAIN_HTTP),
    (re.compile(r"\bsecurity\.insecure is not allowed"), _GRANT.format("security.insecure")),
    (re.compile(r"\bnetwork\.host is not allowed"), _GRANT.format("network.host")),
    (re.compile("granting entitlement .* is not allowed by build daemon"), _GRANTED),
    (re.compile("no SSH key .* forwarded from the client|no SSH agent is forwarded under"), _FORWARD),
)

_LOG_LINES = 20
_LOG_BYTES = 8 * 1024
# Steps that have not succeeded, each with the last that it wrote; and steps that have failed.
_MOST_TAILS, _MOST_FAILED = 500, 500
_LONGEST_NAME = 1000
_LONGEST_ERROR = 4000


_Kept = TypeVar("_Kept")


class _Tail:
    """The last lines a vertex wrote, bounded in number and size."""

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
    """Remembers, of all events, what explains a failure."""

    def __init__(self) -> None:
        self._failed: dict[str, Vertex] = {}
        self._tails: dict[str, _Tail] = {}

    def see(self, status: SolveStatus) -> None:
        """Take note of one status message."""
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
        """Return the error that the user sees for what the daemon answered."""
        typed = dict(error.typed)
        failed = self._step(typed.get("errdefs.Vertex", {}).get("digest"))
        tail = self._tails.get(failed.digest) if failed else None
        return BuildError(
            f"failed to solve: {error}",
            step=failed.name if failed else "",
            vertex=failed.digest if failed else "",
            step_exit_code=_exit_code(typed.get("gatewayapi.ExitMessage", {})),
            log_tail=tail.text() if tail else (),
            excerpt=_excerpt_of(error),
            hint=_hint(str(error)),
        )

    def _step(self, digest: object) -> Vertex | None:
        """Return the step that the daemon names, of several that failed; else the last."""
        named = self._failed.get(digest) if isinstance(digest, str) else None
        return named or next(reversed(self._failed.values()), None)


def _drop_oldest(kept: dict[str, _Kept], most: int) -> None:
    if len(kept) > most:
        del kept[next(iter(kept))]


def explain(
    error: RouterError, *, own: Sequence[RouterError], observer: BuildObserver, daemon: str
) -> RouterError:
    """Tell faults of the path, of this machine and of the build from each other.

    ``error`` is how Solve ended; ``own`` is what went wrong meanwhile on this side of the session, which the
    daemon's answer only echoes. Nobody here cancelled the build: that never gets to an answer of Solve's.
    """
    # A transfer that the daemon broke off is a consequence of its failure, whatever that was.
    causes = [cause for cause in own if not isinstance(cause, TransferError)]
    if causes:
        return causes[0]
    if not isinstance(error, RpcError):
        return error
    match fault_of(error):
        case "lost":
            return ConnectionLostError(f"{daemon} broke off: {error}", temporary=True)
        case "overload":
            return OverloadError(
                f"{daemon} has no room for the build: {error}", hint=_NO_ROOM, temporary=True
            )
        case _ if isinstance(error, NotGrpcError):
            return DialError(f"{daemon} did not answer as a BuildKit daemon: {error}", hint=error.hint)
        case _:
            return observer.build_error(error)


def _hint(message: str) -> str | None:
    if "did not complete successfully" in message:
        return None  # a step's command, whatever words are in it
    for pattern, hint in _HINTS:
        if found := pattern.search(message):
            return hint.format(*found.groups())
    return None


def _exit_code(fields: Mapping[str, Any]) -> int | None:
    code = fields.get("Code")
    return code if isinstance(code, int) else None


def _excerpt_of(error: RpcError) -> str:
    for name, source in error.typed:
        if name != "errdefs.Source":
            continue
        try:
            info = source.get("info", {})
            ranges = [
                SourceRange(start_line=item["start"]["line"], end_line=item.get("end", item["start"])["line"])
                for item in source.get("ranges", [])
            ]
            text = excerpt(info.get("filename", ""), source_lines(_base64(info.get("data", ""))), ranges)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # an excerpt is a help; an odd one must not hide the error itself
        if text:
            return text
    return ""


def _base64(text: str) -> bytes:
    import base64

    return base64.b64decode(text)
