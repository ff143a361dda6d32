"""The typed client of buildkitd's Control service: the methods that warmroute calls.

The messages of a build are packed and read by hand (`rpc.protobuf`); questions for listings use the generated
classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING

from router.errors import ConnectionLostError, DialError
from router.model.events import SolveStatus
from router.net.deadline import Deadline
from router.notation.varint import integer_field
from router.rpc import RpcCall, RpcChannel
from router.rpc.http2 import Source
from router.rpc.protobuf import field, map_entry, read
from router.solve.events import solve_status
from router.solve.inflight import BuildsInFlight

if TYPE_CHECKING:
    from router._proto import control_pb2 as pb

__all__ = ["INFO", "QUIET", "Control"]

_SERVICE = "/moby.buildkit.v1.Control/"
INFO = _SERVICE + "Info"
"""A method that every daemon answers at once, before BuildKit 0.11 with UNIMPLEMENTED."""
QUIET = 8.0
"""Seconds of silence before a daemon is asked a small question: after 12 s of silence a channel sends a PING,
and gRPC servers close the connection at the fourth PING if nothing else is sent."""
# Seconds for the answer.
_ALIVE = 10.0


class Control:
    """Calls on one channel; errors are those of ``RpcChannel``."""

    def __init__(self, channel: RpcChannel) -> None:
        self._channel = channel

    def solve(self, request: bytes, on_answer: Callable[[Mapping[str, str]], None]) -> RpcCall:
        """Begin the build of a packed SolveRequest; the exporters' response comes at its end."""
        return self._channel.start(
            _SERVICE + "Solve",
            request=request,
            on_message=lambda message: on_answer(dict(map_entry(value) for _, value in read(message))),
        )

    def status(self, ref: str, on_status: Callable[[SolveStatus], None]) -> RpcCall:
        """Watch a build; the stream ends with it."""
        return self._channel.start(
            _SERVICE + "Status",
            request=field(1, ref),
            on_message=lambda message: on_status(solve_status(message)),
        )

    def session(
        self, metadata: Sequence[tuple[str, str]], source: Source, on_message: Callable[[memoryview], None]
    ) -> RpcCall:
        """Open the reverse channel. Messages are BytesMessages, packed and unpacked by the session."""
        return self._channel.start(
            _SERVICE + "Session", source=source, metadata=metadata, on_message=on_message
        )

    def list_workers(self, *, timeout: float) -> pb.ListWorkersResponse:
        """Ask for the workers and their platforms."""
        from router.solve import answers

        return answers.workers(self._channel.unary(_SERVICE + "ListWorkers", b"", timeout=timeout))

    def info(self, *, timeout: float) -> pb.InfoResponse:
        """Ask for the daemon's version; engines without this method answer UNIMPLEMENTED."""
        from router.solve import answers

        return answers.info(self._channel.unary(INFO, b"", timeout=timeout))

    def disk_usage(self, filters: str, *, timeout: float) -> pb.DiskUsageResponse:
        """Ask for the matching records of the build cache, all of them for an empty text.

        ``timeout`` includes reading the answer.
        """
        from router.solve import answers

        asked, deadline = field(1, filters) if filters else b"", Deadline(timeout)
        answer = self._channel.unary(_SERVICE + "DiskUsage", asked, timeout=timeout)
        return answers.disk_usage(answer, deadline)

    def prune(
        self, request: pb.PruneRequest, on_record: Callable[[pb.UsageRecord], None], *, timeout: float
    ) -> None:
        """Delete records; ``on_record`` gets each deleted one.

        ``timeout`` covers only the daemon's first answer. The rest depends on its disk, and a daemon that
        falls silent is noticed without a deadline.
        """
        from router.solve import answers

        # First of all: otherwise a frozen daemon finds the request when it thaws, and deletes after all.
        self._channel.handshake(timeout)
        call = self._channel.start(
            _SERVICE + "Prune",
            request=request.SerializeToString(),
            on_message=lambda message: on_record(answers.usage_record(bytes(message))),
        )
        try:
            self.outlast(lambda: call.done)
        finally:
            if not call.done:
                self._channel.cancel(call)
        if call.error:
            raise call.error

    def history(self, on_event: Callable[[memoryview], None], *, follow: bool = False) -> RpcCall:
        """Ask for the builds in flight; ``follow``: and for each start and end from now on.

        ``on_event`` gets packed BuildHistoryEvents. buildkitd has a history since 0.11.
        """
        # ActiveOnly, and EarlyExit
        asked = integer_field(1, True) if follow else integer_field(1, True) + integer_field(3, True)
        return self._channel.start(_SERVICE + "ListenBuildHistory", request=asked, on_message=on_event)

    def records(self, asked: bytes, on_event: Callable[[memoryview], None]) -> RpcCall:
        """Ask for history records, with a packed BuildHistoryRequest; ``on_event`` gets packed events."""
        return self._channel.start(_SERVICE + "ListenBuildHistory", request=asked, on_message=on_event)

    def wait(self, call: RpcCall, *, timeout: float) -> None:
        """Return once a call is done. Raises its error, and ``DialError`` past ``timeout`` seconds."""
        self._channel.run(lambda: call.done, timeout=timeout)
        if call.error:
            raise call.error

    def outlast(self, until: Callable[[], bool], *, timeout: float = inf) -> None:
        """Move messages until ``until()`` is true, from a daemon that may be silent for long.

        Before it has been silent for too long it is asked a small question. Raises as ``RpcChannel.run``.
        """
        end = time.monotonic() + timeout
        while not until():
            left = end - time.monotonic()
            try:
                self._channel.run(until, timeout=min(left, QUIET))
            except DialError as exc:
                if exc.reason != "timeout" or left <= QUIET:
                    raise
                self._check_alive(until)

    def _check_alive(self, until: Callable[[], bool]) -> None:
        call = self._channel.start(INFO, request=b"", on_message=_ignore)
        try:
            self._channel.run(lambda: call.done or until(), timeout=_ALIVE)
        except DialError as exc:
            if exc.reason != "timeout":
                raise
            silence = f"{self._channel.peer} has been silent for {QUIET + _ALIVE:.0f} s"
            raise ConnectionLostError(silence, temporary=True, reason="silent") from exc
        if not call.done:
            self._channel.cancel(call)

    def update_record(self, ref: str, *, pinned: bool = False, delete: bool = False) -> RpcCall:
        """Pin a finished build, which keeps its record, or unpin it; or delete its record."""
        asked = field(1, ref) + (integer_field(3, True) if delete else integer_field(2, pinned))
        return self._channel.start(_SERVICE + "UpdateBuildHistory", request=asked, on_message=_ignore)

    def finalize_record(self, ref: str) -> RpcCall:
        """Have a finished build's trace written now, not some seconds later."""
        asked = field(1, ref) + integer_field(4, True)
        return self._channel.start(_SERVICE + "UpdateBuildHistory", request=asked, on_message=_ignore)

    @property
    def channel(self) -> RpcChannel:
        """The channel of the calls."""
        return self._channel

    def active_builds(self, *, timeout: float) -> int:
        """Return the number of builds in flight."""
        builds = BuildsInFlight()
        self.wait(self.history(builds.see), timeout=timeout)
        return len(builds)


def _ignore(_message: memoryview) -> None:
    """Ignore an answer."""
