"""The endpoint of `warmroute serve` as strangers find it: a client's bytes, and a daemon's on a session."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable

from router._proto import control_pb2 as pb
from router.backends import Backend
from router.build import Relayed
from router.errors import NoDaemonError
from router.model.result import BuildResult
from router.net.sockets import SocketStream
from router.rpc.frames import PREFACE, Flag, FrameType, frame
from router.rpc.frames import settings as settings_frame
from router.rpc.grpc import prefix
from router.rpc.headers import header_frames
from router.rpc.http2 import Http2Connection
from router.rpc.protobuf import bytes_message_header
from router.serving.client import Client, Services, Shared
from router.serving.conversation import Conversation
from router.serving.pipes import Budget
from router.serving.sessions import SESSION, ClientSession, DaemonSession
from tests.wire.serving.peers import Accepted

__all__ = ["CLIENT_SEEDS", "DAEMON_SEEDS", "client", "daemon"]

_MOST_KEPT, _LARGEST_ANSWER = 1 << 20, 100_000
_CONTROL = "/moby.buildkit.v1.Control/"
_BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/"


class _NoFleet:
    """Has no daemon for anybody."""

    def relay(self, relayed: Relayed, backend: Backend, **_told: object) -> BuildResult:
        raise NoDaemonError(f"{backend} finds no daemon for {relayed}")


def client(data: bytes) -> None:
    """A client says so: it is answered or refused, and no more is kept than it may have kept."""
    near, far = socket.socketpair()
    with near, far:
        arrival = Accepted(stream=SocketStream(far, "client"), who="me", description="client")
        known = Client(arrival, Services(router=_NoFleet(), methods={}), Shared(), Budget(_MOST_KEPT))
        posted: deque[Callable[[], None]] = deque()
        known.post = posted.append
        conversation = Conversation(known)
        try:
            for event in known.http2.receive(PREFACE + settings_frame({}) + data):
                conversation.take(event)
                while posted:
                    posted.popleft()()
            assert known.budget.kept <= _MOST_KEPT
        finally:
            for thread in conversation.close():
                thread.join(10)
            while posted:
                posted.popleft()()
        assert sum(map(len, known.http2.take(10_000))) < _LARGEST_ANSWER
        assert known.budget.kept == 0


def daemon(data: bytes) -> None:
    """A daemon says so on a session: its calls reach the client's session or nobody."""
    budget = Budget(_MOST_KEPT)
    session = ClientSession(Http2Connection(client=False), 1, ((b":path", SESSION.encode()),))
    offered = DaemonSession(budget)
    offered.attach(session)
    try:
        wire = PREFACE + settings_frame({}) + data
        offered.receive(memoryview(bytes_message_header(len(wire)) + wire))
        while session.pull(10_000) or offered.pull(10_000):
            pass
    finally:
        offered.drop()
        session.drop()
    assert budget.kept == 0


def _called(stream_id: int, path: str, message: bytes, **values: str) -> bytes:
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b"content-type", b"application/grpc"),
        *((name.replace("_", "-").encode(), value.encode()) for name, value in values.items()),
    ]
    head = b"".join(header_frames(stream_id, headers, end=False))
    return head + frame(FrameType.DATA, Flag.END_STREAM, stream_id, prefix(len(message)) + message)


_SOLVED = pb.SolveRequest(Ref="r", Session="s").SerializeToString()
_SAID = settings_frame({})
CLIENT_SEEDS = (
    _called(1, _CONTROL + "Solve", pb.SolveRequest(Ref="r").SerializeToString()),
    _called(
        1,
        SESSION,
        bytes_message_header(len(_SAID)) + _SAID,
        x_docker_expose_session_uuid="s",
    )
    + _called(3, _CONTROL + "Solve", _SOLVED)
    + _called(5, _CONTROL + "Status", pb.StatusRequest(Ref="r").SerializeToString())
    + _called(7, _BRIDGE + "Ping", b"", buildkit_controlapi_buildid="r"),
    _called(1, "/grpc.health.v1.Health/Check", b"") + frame(FrameType.RST_STREAM, 0, 1, b"\0\0\0\x08"),
)
DAEMON_SEEDS = (_called(1, "/grpc.health.v1.Health/Check", b""),)
