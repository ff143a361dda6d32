"""A real gRPC server on loopback: grpcio, raw bytes, no generated code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import grpc

from router.rpc import RpcChannel
from tests.call_end import at_end
from tests.servers.certs import CA, Pair

# Half of grpcio is annotated, which mypy likes less than nothing.
_grpc: Any = grpc
Context = Any
MEBIBYTE = bytes(range(256)) * 4096
_LIMIT = 16 * 1024 * 1024


class Service:
    """``released`` lets the methods go that wait; ``cancelled`` is set when one of them was given up."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.cancelled = threading.Event()
        self.waiting = threading.Event()

    def echo(self, request: bytes, _context: Context) -> bytes:
        return request

    def count(self, request: bytes, _context: Context) -> Iterator[bytes]:
        for number in range(int(request)):
            yield b"%d" % number

    def chat(self, requests: Iterator[bytes], _context: Context) -> Iterator[bytes]:
        yield from requests

    def digest(self, requests: Iterator[bytes], _context: Context) -> bytes:
        seen = sha256()
        for request in requests:
            seen.update(request)
        return seen.digest()

    def large(self, request: bytes, _context: Context) -> Iterator[bytes]:
        for _ in range(int(request)):
            yield MEBIBYTE * 4

    def fail(self, request: bytes, context: Context) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", request),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "größer als 100 % ist verweigert\n")
        raise AssertionError("abort does not return")

    def refuse(self, _request: bytes, context: Context) -> bytes:
        context.abort(grpc.StatusCode.UNAVAILABLE, "full of work")
        raise AssertionError("abort does not return")

    def peer(self, _request: bytes, context: Context) -> bytes:
        return str(context.peer()).encode()

    def metadata(self, _request: bytes, context: Context) -> bytes:
        return repr(
            [(key, value) for key, value in context.invocation_metadata() if key[:2] == "x-"]
        ).encode()

    def wait(self, _request: bytes, context: Context) -> bytes:
        at_end(context, self.cancelled.set)
        self.waiting.set()
        self.released.wait(20)
        return b"at last"

    def handlers(self) -> Any:
        one, many, up, both = (
            _grpc.unary_unary_rpc_method_handler,
            _grpc.unary_stream_rpc_method_handler,
            _grpc.stream_unary_rpc_method_handler,
            _grpc.stream_stream_rpc_method_handler,
        )
        kinds: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
            "Echo": (one, self.echo),
            "Count": (many, self.count),
            "Chat": (both, self.chat),
            "Digest": (up, self.digest),
            "Large": (many, self.large),
            "Fail": (one, self.fail),
            "Refuse": (one, self.refuse),
            "Peer": (one, self.peer),
            "Metadata": (one, self.metadata),
            "Wait": (one, self.wait),
        }
        return _grpc.method_handlers_generic_handler(
            "test.Service", {name: kind(handler) for name, (kind, handler) in kinds.items()}
        )


class Server:
    """A running server; a context manager that stops it.

    ``where`` is an address of gRPC's. With ``tls`` it is that pair's, and ``clients`` is the authority of the
    certificates that it then requires. A connection is told to go away at ``max_age`` seconds.
    """

    def __init__(
        self,
        where: str = "127.0.0.1:0",
        *,
        tls: Pair | None = None,
        clients: CA | None = None,
        max_age: float | None = None,
    ) -> None:
        self.service = Service()
        self._pool = ThreadPoolExecutor(max_workers=8)
        options = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT)]
        if max_age is not None:
            options.append(("grpc.max_connection_age_ms", int(max_age * 1000)))
        self._server = _grpc.server(self._pool, options=options)
        self._server.add_generic_rpc_handlers((self.service.handlers(),))
        if tls is None:
            self.port = self._server.add_insecure_port(where)
        else:
            roots = clients.pem if clients is not None else None
            credentials = _grpc.ssl_server_credentials([(tls.key, tls.cert)], roots, clients is not None)
            self.port = self._server.add_secure_port(where, credentials)
        self._server.start()

    def stop(self, grace: float | None = None) -> None:
        """Stop taking calls; those under way have ``grace`` seconds."""
        stopped = self._server.stop(grace)
        self.service.released.set()
        stopped.wait(20)
        self._pool.shutdown()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def ask_for_peers(channel: RpcChannel, peers: set[bytes]) -> None:
    """Call for ten seconds on end, unless that raises; add what the server takes for our addresses."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        peers.add(channel.unary("/test.Service/Peer", b"", timeout=20))
