"""A daemon whose store is scripted, for what no real one can be made to do at a given moment: a prune that
breaks off, or hangs, in the middle. grpcio on loopback."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

from router._proto import control_pb2 as pb
from router._proto import worker_pb2
from router.address import parse_address
from router.model.daemon import Daemon
from tests.call_end import at_end

_grpc: Any = grpc
_SERVICE = "moby.buildkit.v1.Control"


class StoreServer:
    """Has ``records``, and deletes them one after the other; then it ends the call, ``breaks`` it, or
    ``hangs`` (``hanging``) until it is given up (``cancelled``). A server that is not ``pruning`` has no such
    method. ``requests`` are the prunes that it was asked for."""

    def __init__(
        self,
        *records: pb.UsageRecord,
        workers: Sequence[worker_pb2.WorkerRecord] = (),
        breaks: bool = False,
        hangs: bool = False,
        pruning: bool = True,
    ) -> None:
        self.requests: list[pb.PruneRequest] = []
        self.hanging, self.cancelled = threading.Event(), threading.Event()
        self._records = records
        self._workers = workers
        self._breaks, self._hangs = breaks, hangs
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=8)
        self._server = _grpc.server(self._pool)
        handlers = {
            "ListWorkers": _grpc.unary_unary_rpc_method_handler(self._list_workers),
            "DiskUsage": _grpc.unary_unary_rpc_method_handler(self._disk_usage),
        }
        if pruning:
            handlers["Prune"] = _grpc.unary_stream_rpc_method_handler(self._prune)
        self._server.add_generic_rpc_handlers((_grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        self.address = f"tcp://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def daemon(self, name: str) -> Daemon:
        """Return the daemon under a name."""
        return Daemon(name=name, address=parse_address(self.address))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        self._server.stop(None).wait(20)
        self._pool.shutdown()

    def _list_workers(self, _packed: bytes, _context: Any) -> bytes:
        return pb.ListWorkersResponse(record=self._workers).SerializeToString()

    def _disk_usage(self, _packed: bytes, _context: Any) -> bytes:
        return pb.DiskUsageResponse(record=self._records).SerializeToString()

    def _prune(self, packed: bytes, context: Any) -> Iterator[bytes]:
        self.requests.append(pb.PruneRequest.FromString(packed))
        if self._hangs:
            # Before the first record: grpcio takes no further one once the call is given up.
            at_end(context, self.cancelled.set)
        yield from (record.SerializeToString() for record in self._records)
        if self._breaks:
            context.abort(_grpc.StatusCode.UNKNOWN, "failed to remove: input/output error")
        if self._hangs:
            self.hanging.set()
            while not (self.cancelled.wait(0.02) or self._stopped.is_set()):
                pass


if __name__ == "__main__":  # a process of its own, which can be frozen: it says where it is
    with StoreServer(pb.UsageRecord(ID="a", Size=5), hangs=True) as server:
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        sys.stdin.read()
