"""A daemon with a build that never says anything. grpcio on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc

from router.address import parse_address
from router.model.daemon import Daemon

_grpc: Any = grpc


class StatusServer:
    """``answers`` whether it says what it is; it may as well say nothing."""

    def __init__(self, *, answers: bool = True) -> None:
        self._answers = answers
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=8)
        self._server = _grpc.server(self._pool)
        handlers = {
            "Status": _grpc.unary_stream_rpc_method_handler(self._status),
            "Info": _grpc.unary_unary_rpc_method_handler(self._info),
        }
        generic = _grpc.method_handlers_generic_handler("moby.buildkit.v1.Control", handlers)
        self._server.add_generic_rpc_handlers((generic,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.daemon = Daemon(name="a", address=parse_address(f"tcp://127.0.0.1:{port}"))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        self._server.stop(None).wait(20)
        self._pool.shutdown()

    def _status(self, _packed: bytes, _context: Any) -> Iterator[bytes]:
        self._stopped.wait()
        yield from ()

    def _info(self, _packed: bytes, _context: Any) -> bytes:
        if not self._answers:
            self._stopped.wait()
        return b""
