"""A daemon with a build history of our making: for many records, hostile ones, and daemons that are too old.
grpcio on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

from router._proto import control_pb2 as pb
from router.address import parse_address
from router.model.daemon import Daemon

_grpc: Any = grpc
_SERVICE = "moby.buildkit.v1.Control"


def record(ref: str, created: int, *, took: int | None = 1, **attrs: str) -> pb.BuildHistoryRecord:
    """Return a record of a build, with its times in seconds; one that took None runs."""
    made = pb.BuildHistoryRecord(Ref=ref, Frontend="dockerfile.v0", FrontendAttrs=attrs)
    made.CreatedAt.seconds = created
    if took is not None:
        made.CompletedAt.seconds = created + took
    return made


class RecordsServer:
    """Tells its records; ``asked`` and ``updated`` have the requests. Older daemons don't heed limits,
    and don't know the question."""

    def __init__(
        self, *records: pb.BuildHistoryRecord, name: str = "a", heeds: bool = True, known: bool = True
    ) -> None:
        self.asked: list[pb.BuildHistoryRequest] = []
        self.updated: list[pb.UpdateBuildHistoryRequest] = []
        self._records: Sequence[pb.BuildHistoryRecord] = records
        self._heeds = heeds
        self._pool = ThreadPoolExecutor(max_workers=4)
        self._server = _grpc.server(self._pool)
        handlers = {
            "ListenBuildHistory": _grpc.unary_stream_rpc_method_handler(self._listen),
            "UpdateBuildHistory": _grpc.unary_unary_rpc_method_handler(self._update),
        }
        if known:
            generic = _grpc.method_handlers_generic_handler(_SERVICE, handlers)
            self._server.add_generic_rpc_handlers((generic,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.daemon = Daemon(name=name, address=parse_address(f"tcp://127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.stop(None).wait(20)
        self._pool.shutdown()

    def _listen(self, packed: bytes, _context: Any) -> Iterator[bytes]:
        asked = pb.BuildHistoryRequest.FromString(packed)
        self.asked.append(asked)
        assert asked.EarlyExit
        running = [each for each in self._records if not each.HasField("CompletedAt")]
        over = [each for each in self._records if each.HasField("CompletedAt")]
        if asked.ActiveOnly:
            over = []
        if asked.Limit and self._heeds:
            over = sorted(over, key=lambda each: -each.CreatedAt.seconds)[: asked.Limit]
        for each in (*running, *over):
            if asked.Ref in {"", each.Ref}:
                kind = pb.COMPLETE if each.HasField("CompletedAt") else pb.STARTED
                yield pb.BuildHistoryEvent(type=kind, record=each).SerializeToString()

    def _update(self, packed: bytes, _context: Any) -> bytes:
        self.updated.append(pb.UpdateBuildHistoryRequest.FromString(packed))
        return b""
