"""A daemon whose build history is scripted, for what no real one can be made to do at a given moment: streams
that overtake each other, a build that is listed late. grpcio on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

from router._proto import control_pb2 as pb
from router.address import parse_address
from router.model.daemon import Daemon
from router.rpc.protobuf import read, text
from tests.call_end import at_end

_grpc: Any = grpc
_SERVICE = "moby.buildkit.v1.Control"

Build = tuple[str, int]


def event(kind: pb.BuildHistoryEventType.ValueType, ref: str, created: int = 0) -> pb.BuildHistoryEvent:
    """Return an event on a build that was begun at ``created``, in seconds."""
    record = pb.BuildHistoryRecord(Ref=ref)
    record.CreatedAt.seconds = created
    return pb.BuildHistoryEvent(type=kind, record=record)


class HistoryServer:
    """Answers each question with the next of ``answers``, the last one again and again; who follows gets
    ``followed``, and then waits. ``solving`` is set while a Solve waits to be cancelled, ``forgotten`` has
    the refs that were taken out of the history."""

    def __init__(self, *answers: Sequence[Build], followed: Sequence[pb.BuildHistoryEvent] = ()) -> None:
        self.asked = 0
        self.forgotten: list[str] = []
        self.cancelled = threading.Event()
        self._answers = answers
        self._followed = followed
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=8)
        self._server = _grpc.server(self._pool)
        handlers = {
            "ListenBuildHistory": _grpc.unary_stream_rpc_method_handler(self._listen),
            "Solve": _grpc.unary_unary_rpc_method_handler(self._solve),
            "UpdateBuildHistory": _grpc.unary_unary_rpc_method_handler(self._update),
        }
        self._server.add_generic_rpc_handlers((_grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.daemon = Daemon(name="a", address=parse_address(f"tcp://127.0.0.1:{port}"))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        self._server.stop(None).wait(20)
        self._pool.shutdown()

    def _listen(self, packed: bytes, context: Any) -> Iterator[bytes]:
        request = pb.BuildHistoryRequest.FromString(packed)
        assert request.ActiveOnly
        if request.EarlyExit:
            answer = self._answers[min(self.asked, len(self._answers) - 1)]
            self.asked += 1
            yield from (event(pb.STARTED, *build).SerializeToString() for build in answer)
            return
        yield from (followed.SerializeToString() for followed in self._followed)
        self._wait(context)

    def _solve(self, _packed: bytes, context: Any) -> bytes:
        self._wait(context)
        self.cancelled.set()
        return b""

    def _update(self, packed: bytes, _context: Any) -> bytes:
        request = dict(read(memoryview(packed)))
        assert request[3] == 1, "it is to be deleted"
        self.forgotten.append(text(request[1]))
        return b""

    def _wait(self, context: Any) -> None:
        given_up = threading.Event()
        at_end(context, given_up.set)
        while not (given_up.wait(0.02) or self._stopped.is_set()):
            pass
