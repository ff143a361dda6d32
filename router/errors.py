"""Every error of warmroute.

::

    RouterError
    ├── UsageError               what the user gave is wrong                        exit 2
    ├── UnreachableError         something that is needed can't be reached          exit 69
    │   ├── NoDaemonError        no daemon was found, or none of them is fit
    │   ├── FleetError           the daemons could not be listed (Kubernetes, DNS)
    │   ├── DialError            a daemon's address refused, stayed silent, or speaks something else
    │   ├── ConnectionLostError  the connection broke while it was in use
    │   ├── OverloadError        a daemon has no room for the build: its disk, its memory, its calls
    │   ├── BusyError            a daemon has as many builds in flight as it may
    │   └── ToolError            a program that a backend runs is missing or too old
    ├── RpcError                 the daemon answered a call with a gRPC status      exit 1
    ├── RegistryError            a registry refused, or sent something unusable     exit 1
    ├── BuildError               the build itself failed                            exit 1
    ├── ColdError                a build was colder than it was to be               exit 3
    ├── OutputError              a result could not be written or loaded            exit 1
    ├── TransferError            the daemon broke off a transfer of files           exit 1
    ├── TimeLimitError           the time that the user allowed has passed          exit 124
    └── CancelledError           somebody interrupted it                            exit 130

``temporary`` says that the same thing may succeed when it is tried again, here or on another daemon.
``reason`` is one machine-readable word. A message says what was tried, on what, and why it failed;
``hint`` says what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

__all__ = [
    "BuildError",
    "BusyError",
    "CancelledError",
    "ColdError",
    "ConnectionLostError",
    "DialError",
    "FleetError",
    "NoDaemonError",
    "OutputError",
    "OverloadError",
    "RegistryError",
    "RouterError",
    "RpcError",
    "TimeLimitError",
    "ToolError",
    "TransferError",
    "UnreachableError",
    "UsageError",
    "os_reason",
]


def os_reason(error: OSError) -> str:
    """Say what an OSError means as a part of a message: in lower case, without its number and path."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


class RouterError(Exception):
    """The root of all errors of warmroute; ``str()`` is the message without the hint."""

    exit_code: ClassVar[int] = 1
    default_reason: ClassVar[str] = "error"

    def __init__(
        self, message: str, *, hint: str | None = None, reason: str | None = None, temporary: bool = False
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.reason = reason or self.default_reason
        self.temporary = temporary


class UsageError(RouterError):
    """An option, a file or a variable that the user gave is wrong."""

    exit_code = 2
    default_reason = "usage"


class UnreachableError(RouterError):
    """Something that the build needs can't be reached."""

    exit_code = 69
    default_reason = "unreachable"


class NoDaemonError(UnreachableError):
    """No daemon was found, or each one found was left out for a reason that the message names."""

    default_reason = "no-daemon"


class FleetError(UnreachableError):
    """The fleet could not be listed."""

    default_reason = "fleet"


class DialError(UnreachableError):
    """An address refused, stayed silent past the deadline, or speaks something else than it should."""

    default_reason = "dial"


class ConnectionLostError(UnreachableError):
    """An established connection broke; what was under way on it is lost."""

    default_reason = "connection-lost"


class OverloadError(UnreachableError):
    """A daemon took the build and had no room for it: a full disk, no memory, too many calls."""

    default_reason = "overload"


class BusyError(UnreachableError):
    """A daemon has as many builds in flight as it may; ``builds`` says how many. It did not take ours."""

    default_reason = "busy"

    def __init__(self, message: str, *, builds: int) -> None:
        super().__init__(message, temporary=True)
        self.builds = builds


class ColdError(RouterError):
    """A daemon has never had a build of the key, and another may have: it did not take the build. Or a build
    was colder than it was to be."""

    exit_code = 3

    default_reason = "cold"


class ToolError(UnreachableError):
    """A program that a backend or a transport runs is missing, too old, or did not start."""

    default_reason = "tool"


class RpcError(RouterError):
    """A call that the daemon answered with a gRPC status other than OK.

    ``code`` is the number of the status (https://grpc.io/docs/guides/status-codes/), ``details`` the
    pairs of type URL and bytes that came in grpc-status-details-bin, ``typed`` those of them that are typed
    errors of BuildKit's.
    """

    default_reason = "rpc"

    def __init__(
        self,
        message: str,
        *,
        code: int,
        details: Sequence[tuple[str, bytes]] = (),
        hint: str | None = None,
        temporary: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, temporary=temporary)
        self.code = code
        self.details = tuple(details)

    @property
    def typed(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """BuildKit's typed errors, the innermost first: a name such as ``errdefs.Vertex``, and its fields."""
        from router.untrusted_json import NotJSONError, members, read_json

        found: list[tuple[str, Mapping[str, Any]]] = []
        for type_url, value in self.details:
            name, plus, packing = type_url.rpartition("/")[2].partition("+")
            if not plus or packing != "json":
                continue
            try:
                fields = read_json(value)
            except NotJSONError:
                continue  # they are a help; an odd one must not hide the error itself
            if isinstance(fields, dict):
                found.append((name, members(fields)))
        return tuple(found)


class RegistryError(RouterError):
    """A registry answered, and the answer was a refusal, or content that can't be right or can't be read.

    ``reason`` says which: ``not-found``, ``denied``, ``refused`` with another status, ``invalid``,
    ``unsupported`` (a media type), ``too-large``. A registry that can't be reached, or stays busy, is a
    ``DialError``.
    """

    default_reason = "invalid"


class BuildError(RouterError):
    """The build itself failed; another daemon would fail in the same way.

    ``step`` is the name of the failing vertex and ``vertex`` its digest, ``log_tail`` the last lines it
    printed, ``excerpt`` the lines of the Dockerfile around the failing instruction (with the failing ones
    marked); each is empty where the daemon did not tell. ``step_exit_code`` is what the step's process ended
    with, None where it was no process. What the daemon answered is ``__cause__``, an ``RpcError`` with the
    typed errors, where it came over BuildKit's API.
    """

    default_reason = "build"

    def __init__(  # noqa: PLR0913 - each is a fact about the failure, given by name
        self,
        message: str,
        *,
        step: str = "",
        log_tail: Sequence[str] = (),
        excerpt: str = "",
        vertex: str = "",
        step_exit_code: int | None = None,
        hint: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.step = step
        self.vertex = vertex
        self.step_exit_code = step_exit_code
        self.log_tail = tuple(log_tail)
        self.excerpt = excerpt
        self.tool_exit_code = exit_code


class OutputError(RouterError):
    """A result of the build could not be written, pushed or loaded."""

    default_reason = "output"


class TransferError(RouterError):
    """The daemon broke off a transfer of files, or sent what the transfer protocol doesn't allow."""

    default_reason = "transfer"


class TimeLimitError(RouterError):
    """The time that the user allowed for the whole build has passed; it was canceled on the daemon."""

    exit_code = 124
    default_reason = "time-limit"


class CancelledError(RouterError):
    """The build was interrupted; it was canceled on the daemon."""

    exit_code = 130
    default_reason = "cancelled"
