"""A daemon that says what a test tells it to: BuildKit's Control service on grpcio, on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import grpc

from router._proto import control_pb2 as pb
from tests.call_end import at_end
from tests.hostile.session_caller import Script, SessionCaller

# Half of grpcio is annotated, which mypy likes less than nothing.
_grpc: Any = grpc
Context = Any
_LARGEST = 64 * 1024 * 1024


class ScriptedDaemon:
    """Takes one build, tells ``statuses`` (packed StatusResponses) of it, and ends it as ``failure`` says.

    Without ``failure`` the build goes on until it is cancelled; with "" it succeeds. ``calls`` are those that
    it makes in the session, after which the build ends; ``answers`` what it answers, packed, to other
    methods, and ``blobs`` to who reads its content. A context manager.
    """

    def __init__(
        self,
        statuses: Callable[[], Iterable[bytes]] = tuple,
        *,
        failure: str | None = None,
        calls: Script | None = None,
        answers: Mapping[str, Callable[[], Iterable[bytes]]] = MappingProxyType({}),
        blobs: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        self._statuses = statuses
        self._failure = failure
        self._calls = calls
        self._answers = answers
        self._told = threading.Event()
        self._over = threading.Event()
        self.cancelled = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=8)
        self._server = _grpc.server(self._pool, options=[("grpc.max_send_message_length", _LARGEST)])
        content = {"Read": _grpc.unary_stream_rpc_method_handler(_telling(blobs))}
        self._server.add_generic_rpc_handlers(
            (
                self._handlers(),
                _grpc.method_handlers_generic_handler("containerd.services.content.v1.Content", content),
            )
        )
        self.address = f"tcp://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _solve(self, _request: bytes, context: Context) -> bytes:
        at_end(context, self._ended)
        self._told.wait(60)
        if self._failure is None:
            self._over.wait(60)
        elif self._failure:
            context.abort(grpc.StatusCode.UNKNOWN, self._failure)
        return b""

    def _ended(self) -> None:
        if self._failure is None:
            self.cancelled.set()
        self._told.set()
        self._over.set()

    def _status(self, _request: bytes, context: Context) -> Iterator[bytes]:
        for status in self._statuses():
            yield status
            if not context.is_active():
                return
        if self._calls is None:
            self._told.set()
        if self._failure is None:
            self._over.wait(60)

    def _session(self, requests: Iterator[bytes], context: Context) -> Iterator[bytes]:
        at_end(context, self._over.set)
        if self._calls is not None:
            yield from SessionCaller(requests).run(self._calls, self._told.set)
        self._over.wait(60)

    def _handlers(self) -> Any:
        methods = {
            "Solve": _grpc.unary_unary_rpc_method_handler(self._solve),
            "Status": _grpc.unary_stream_rpc_method_handler(self._status),
            "Session": _grpc.stream_stream_rpc_method_handler(self._session),
            **{
                name: _grpc.unary_stream_rpc_method_handler(_telling(told))
                for name, told in self._answers.items()
            },
        }
        return _grpc.method_handlers_generic_handler("moby.buildkit.v1.Control", methods)

    def __enter__(self) -> ScriptedDaemon:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._told.set()
        self._over.set()
        self._server.stop(None).wait(20)
        self._pool.shutdown()


def _telling(told: Callable[[], Iterable[bytes]]) -> Callable[[bytes, Context], Iterator[bytes]]:
    def tell(_request: bytes, context: Context) -> Iterator[bytes]:
        for message in told():
            yield message
            if not context.is_active():
                return

    return tell


def step(name: str, *, digest: str = "sha256:1", error: str = "", completed: bool = False) -> pb.Vertex:
    """Return a step that runs, or has ended."""
    vertex = pb.Vertex(digest=digest, name=name, error=error)
    vertex.started.FromNanoseconds(time.time_ns())
    if completed:
        vertex.completed.FromNanoseconds(time.time_ns())
    return vertex


def log(data: bytes, *, digest: str = "sha256:1") -> bytes:
    """Return a status with what a step has written."""
    message = pb.StatusResponse(logs=[pb.VertexLog(vertex=digest, stream=1, msg=data)])
    message.logs[0].timestamp.FromNanoseconds(time.time_ns())
    return message.SerializeToString()


def endless_logs() -> Iterator[bytes]:
    """Yield a step and all that it writes, which has no end."""
    yield pb.StatusResponse(vertexes=[step("RUN yes")]).SerializeToString()
    while True:
        yield log(b"word after word after word\n" * 1000)
