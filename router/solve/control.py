"""The typed client of buildkitd's Control service, as far as warmroute calls it.

What a build needs is packed and read by hand (`rpc.protobuf`); the questions that only listings ask use the
generated classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from router.errors import RpcError
from router.model.events import SolveStatus
from router.notation.varint import integer_field
from router.rpc import RpcCall, RpcChannel
from router.rpc.grpc import Status
from router.rpc.http2 import Source
from router.rpc.protobuf import field, map_entry, read
from router.solve.events import solve_status
from router.solve.inflight import BuildsInFlight

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from router._proto import control_pb2 as pb

_Message = TypeVar("_Message", bound="Message")

__all__ = ["Control"]

# What a daemon says of itself takes some thousand bytes. Fields that are empty take fifty times their size.
_LARGEST_ANSWER = 1 << 20

_SERVICE = "/moby.buildkit.v1.Control/"


class Control:
    """Calls on one channel; errors are those of ``RpcChannel``."""

    def __init__(self, channel: RpcChannel) -> None:
        self._channel = channel

    def solve(self, request: bytes, on_answer: Callable[[Mapping[str, str]], None]) -> RpcCall:
        """Begin to build what a packed SolveRequest says; the exporters' response comes when it is done."""
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
        from router._proto import control_pb2 as pb

        answer = self._channel.unary(_SERVICE + "ListWorkers", b"", timeout=timeout)
        return _parsed(pb.ListWorkersResponse(), answer)

    def info(self, *, timeout: float) -> pb.InfoResponse:
        """Ask for the daemon's version; engines older than it answer UNIMPLEMENTED."""
        from router._proto import control_pb2 as pb

        return _parsed(pb.InfoResponse(), self._channel.unary(_SERVICE + "Info", b"", timeout=timeout))

    def history(self, on_event: Callable[[memoryview], None], *, follow: bool = False) -> RpcCall:
        """Ask for the builds in flight; ``follow``: and be told of each that starts and ends from now on.

        ``on_event`` gets packed BuildHistoryEvents. buildkitd has its history since 0.11.
        """
        # ActiveOnly, and EarlyExit
        asked = integer_field(1, True) if follow else integer_field(1, True) + integer_field(3, True)
        return self._channel.start(_SERVICE + "ListenBuildHistory", request=asked, on_message=on_event)

    def forget(self, ref: str) -> RpcCall:
        """Have a build that is over taken out of the history."""
        asked = field(1, ref) + integer_field(3, True)
        return self._channel.start(_SERVICE + "UpdateBuildHistory", request=asked, on_message=_ignore)

    def active_builds(self, *, timeout: float) -> int:
        """Return how many builds are in flight."""
        builds = BuildsInFlight()
        call = self.history(builds.see)
        self._channel.run(lambda: call.done, timeout=timeout)
        if call.error:
            raise call.error
        return len(builds)


def _ignore(_message: memoryview) -> None:
    """Need no answer."""


def _parsed(message: _Message, data: bytes) -> _Message:
    """Fill a message from what the daemon answered; what is no such message is the daemon's fault."""
    from google.protobuf.message import DecodeError

    if len(data) > _LARGEST_ANSWER:
        raise RpcError(f"the daemon's answer has {len(data)} bytes", code=Status.RESOURCE_EXHAUSTED)
    try:
        message.ParseFromString(data)
    except DecodeError as exc:
        raise RpcError(
            f"the daemon's answer is no {type(message).__name__}",
            code=Status.INTERNAL,
            hint="is it a buildkitd?",
        ) from exc
    return message
