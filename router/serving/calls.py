"""Where each call of a client goes: to the daemon of a build, to the whole fleet, or nowhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from router.rpc.events import Headers, Http2Error
from router.rpc.grpc import Status, metadata
from router.rpc.protobuf import read, text
from router.serving.asked import bridge_sessions
from router.serving.authority import key_of_authority
from router.serving.bridge import BRIDGE
from router.serving.bridge_calls import BridgeCall, BridgeStream, method_of
from router.serving.bridge_messages import UNARY
from router.serving.builds import Builds
from router.serving.client import Client
from router.serving.fleet_calls import FleetCall
from router.serving.fleet_methods import opening_headers
from router.serving.progress import Progress
from router.serving.requests import Incoming, Passed, Reply, Request, Stranger
from router.serving.sessions import SESSION, ClientSession
from router.serving.splice import Splice, onward
from router.serving.waiting import Ping
from router.session import health

__all__ = ["Calls"]

_CONTROL = "/moby.buildkit.v1.Control/"
_SOLVE, _STATUS = _CONTROL + "Solve", _CONTROL + "Status"
_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/"
_CONTENT = "/containerd.services.content.v1.Content/"
_HEALTH = "/grpc.health.v1.Health/"
_SERVICES = frozenset(service.strip("/") for service in (_CONTROL, BRIDGE, _TRACES, _CONTENT, _HEALTH))
_BUILD_ID = "buildkit-controlapi-buildid"
# How long buildkitd waits for the build that a call names, in seconds.
_BRIDGE_WAIT, _STATUS_WAIT = 3.0, 6.0
# The same for a client without a session: it asks for a past build, and isn't about to start one.
_HISTORY_WAIT = 0.3
# Bytes of a call's headers, which are held with it. Those of a session list its methods, some kilobytes.
_LARGEST_HEAD = 64 * 1024
# For one client, counting canceled calls whose threads have not ended yet.
_MOST_FLEET_CALLS = 50


class Calls:
    """The calls of one client."""

    def __init__(self, client: Client, builds: Builds) -> None:
        self._client = client
        self._builds = builds
        self._fleet_calls: list[FleetCall] = []

    def begin(self, stream_id: int, headers: Headers) -> Incoming:
        """Return the receiver of a new call's bytes."""
        values = metadata(headers)
        path = values.get(":path", [""])[0]
        if not values.get("content-type", [""])[0].startswith("application/grpc"):
            return Stranger(self._client.http2, stream_id)
        reply = Reply(self._client.http2, stream_id)
        request = partial(Request, reply, self._client.budget)
        splice = partial(Splice, self._client.http2, stream_id, onward(headers), self._client.budget)
        if sum(len(name) + len(value) for name, value in headers) > _LARGEST_HEAD:
            reply.end(Status.RESOURCE_EXHAUSTED, f"the headers are larger than {_LARGEST_HEAD} bytes")
            return reply
        if path == SESSION:
            return self._session(stream_id, headers)
        if path == _SOLVE:
            key = key_of_authority(values.get(":authority", [""])[0])
            return request(lambda message: self._builds.solve(message, splice(), key))
        if path == _STATUS:
            return request(partial(self._status, reply, stream_id, headers))
        if path.startswith(BRIDGE):
            return self._bridge(reply, stream_id, headers, values)
        if path.startswith(_TRACES):
            return self._traces(reply, splice())
        if path == health.CHECK:
            return request(partial(self._healthy, reply))
        if path in self._client.services.methods:
            return request(partial(self._fleet, reply, values))
        reply.end(Status.UNIMPLEMENTED, _unknown(path))
        return reply

    def close(self) -> tuple[threading.Thread, ...]:
        """Cancel all calls, because the client has disconnected. Return the threads to join."""
        for call in self._fleet_calls:
            call.drop()
        return tuple(call.thread for call in self._fleet_calls if call.thread is not None)

    def _session(self, stream_id: int, headers: Headers) -> Incoming:
        session = ClientSession(self._client.http2, stream_id, headers)
        if not self._builds.open_session(session):
            session.finish(Status.INVALID_ARGUMENT, "the session has no ID, or its ID is already in use")
        return _SessionStream(session, self._builds)

    def _status(self, reply: Reply, stream_id: int, headers: Headers, message: bytes) -> Incoming | None:
        ref = _ref(message)
        if ref is None or self._client.hides(ref):
            reply.end(Status.NOT_FOUND, f"no such job {ref}")
            return None
        watch = Progress(self._client.http2, stream_id, onward(headers), self._client.budget, message)
        passed = Passed(watch)

        def of_the_past() -> None:
            """Ask the fleet about a build that is not in flight here."""
            watch.drop()
            if _STATUS in self._client.services.methods:
                passed.to = self._fleet(reply, metadata(headers), message)
            else:
                reply.end(Status.NOT_FOUND, f"no such job {ref}")

        wait = _STATUS_WAIT if self._builds.has_sessions else _HISTORY_WAIT
        self._builds.follow(ref, watch, wait, of_the_past)
        return passed

    def _bridge(
        self, reply: Reply, stream_id: int, headers: Headers, values: Mapping[str, Sequence[str]]
    ) -> Incoming:
        ref = values.get(_BUILD_ID, [""])[0]
        method = method_of(headers)
        if not ref:
            reply.end(Status.UNKNOWN, f"forwarding {method}: no buildid found in context")
            return reply
        client = self._client
        place = (client.http2, stream_id, onward(headers), client.budget)

        def follow(call: Splice) -> None:
            unknown = partial(call.refuse, Status.NOT_FOUND, f"forwarding {method}: no such job {ref}")
            self._builds.follow(ref, call, _BRIDGE_WAIT, unknown)

        if method not in UNARY:
            stream = BridgeStream(*place)
            follow(stream)
            return stream

        def asked(message: bytes) -> Incoming:
            ping = method == "Ping"
            call = Ping(client, stream_id, place[2], message) if ping else BridgeCall(*place, message)
            if method == "Solve":
                self._with_sessions(ref, call, message, partial(follow, call))
            else:
                follow(call)
            return call

        return Request(reply, client.budget, asked)

    def _with_sessions(self, ref: str, call: BridgeCall, message: bytes, then: Callable[[], None]) -> None:
        """Call ``then`` once the sessions that a frontend's Solve names are open."""

        def begin() -> None:
            self._builds.name_sessions(ref, sessions)
            then()

        try:
            sessions = bridge_sessions(memoryview(message))
        except Http2Error as exc:
            call.refuse(Status.INVALID_ARGUMENT, str(exc))
        else:
            self._builds.when_open(sessions, begin, call.refuse)

    def _traces(self, reply: Reply, call: Splice) -> Incoming:
        """Forward the client's part of a trace to the build's daemon; without a build, drop it."""
        if (link := self._builds.latest) is not None:
            link.take(call)
            return call

        def taken(_message: bytes) -> None:
            reply.send(b"")
            reply.end()

        return Request(reply, self._client.budget, taken)

    def _healthy(self, reply: Reply, message: bytes) -> None:
        reply.send(health.check(message))
        reply.end()

    def _fleet(self, reply: Reply, values: Mapping[str, Sequence[str]], message: bytes) -> Incoming:
        self._fleet_calls = [
            call for call in self._fleet_calls if call.thread is not None and call.thread.is_alive()
        ]
        if len(self._fleet_calls) >= _MOST_FLEET_CALLS:
            reply.end(
                Status.RESOURCE_EXHAUSTED,
                f"a client can have at most {_MOST_FLEET_CALLS} such calls at a time",
            )
            return reply
        call = FleetCall(self._client.post, reply.end)
        self._fleet_calls.append(call)
        path = values[":path"][0]
        reply.begin(call, opening_headers(path))
        call.start(self._client.services.methods[path], message, self._client.hides)
        return call


class _SessionStream:
    """A client's Session call; when it ends, the session ends."""

    def __init__(self, session: ClientSession, builds: Builds) -> None:
        self._session = session
        self._builds = builds

    def receive(self, data: memoryview, *, ended: bool) -> None:
        self._session.receive(data, ended=ended)
        if self._session.over:
            self._builds.end_session(self._session)

    def drop(self) -> None:
        self._session.drop()
        self._builds.end_session(self._session)


def _ref(message: bytes) -> str | None:
    """Return the ref of a packed StatusRequest, None for bytes that can't be read as one."""
    try:
        return next((text(value) for number, value in read(memoryview(message)) if number == 1), "")
    except Http2Error:
        return None


def _unknown(path: str) -> str:
    """Return buildkitd's own message for an unknown method."""
    service, _, method = path.removeprefix("/").rpartition("/")
    return (
        f"unknown method {method} for service {service}"
        if service in _SERVICES
        else f"unknown service {service}"
    )
