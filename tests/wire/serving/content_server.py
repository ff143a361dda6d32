"""A daemon with one large blob, of which it is seen how much it has sent. grpcio on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

from router._proto import content_pb2 as pb
from router.address import parse_address
from router.model.daemon import Daemon

_grpc: Any = grpc
_SERVICE = "containerd.services.content.v1.Content"
_MIB = b"x" * (1 << 20)


class ContentServer:
    """Sends the blob in so many ``messages`` of one MiB; ``sent`` counts those that were asked for."""

    def __init__(self, *, messages: int) -> None:
        self.sent = 0
        self._messages = messages
        self._moved = threading.Condition()
        self._pool = ThreadPoolExecutor(max_workers=4)
        self._server = _grpc.server(self._pool)
        handlers = {
            "Info": _grpc.unary_unary_rpc_method_handler(self._info),
            "Read": _grpc.unary_stream_rpc_method_handler(self._read),
        }
        self._server.add_generic_rpc_handlers((_grpc.method_handlers_generic_handler(_SERVICE, handlers),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.daemon = Daemon(name="a", address=parse_address(f"tcp://127.0.0.1:{port}"))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.stop(None).wait(20)
        self._pool.shutdown()

    def wait_until_held(self, *, within: float) -> None:
        """Return once it has sent something, and nothing more for a second."""
        with self._moved:
            assert self._moved.wait_for(lambda: self.sent > 0, within)
            while self._moved.wait(1.0):
                pass

    def _info(self, packed: bytes, _context: Any) -> bytes:
        digest = pb.InfoRequest.FromString(packed).digest
        info = pb.Info(digest=digest, size=self._messages << 20)
        return pb.InfoResponse(info=info).SerializeToString()

    def _read(self, _packed: bytes, _context: Any) -> Iterator[bytes]:
        for number in range(self._messages):
            with self._moved:
                self.sent += 1
                self._moved.notify_all()
            yield pb.ReadContentResponse(offset=number << 20, data=_MIB).SerializeToString()
