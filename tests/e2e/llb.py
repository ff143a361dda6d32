"""LLB as the Dockerfile frontend makes it: what `buildctl build` without a frontend takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router import BuildRequest
from router.address import parse_address
from router.model.frozen import replace
from router.rpc.channel import Channel
from router.rpc.protobuf import Value, field, map_fields, read, submessage
from router.session.filesync import filesync
from router.session.server import SessionServer
from router.solve.control import Control
from router.solve.inputs import open_inputs
from router.solve.located import locate
from router.solve.request import SolveIdentity, frontend_attrs, solve_request
from router.transport import dial
from router.transport.options import DialOptions

__all__ = ["definition"]

# Results may be named by platform, and references may be messages.
_ANY_RESULT = b"\x28\x01\x30\x01"


def definition(address: str, request: BuildRequest) -> bytes:
    """Return what the frontend makes of a request, which the gateway hands out beside the result."""
    found: list[bytes] = []

    def on_message(message: memoryview) -> None:
        for result in _fields(read(message), 3):
            for reference in _fields(submessage(result), 3):
                found.extend(map(_bytes, _fields(submessage(reference), 2)))

    with (
        open_inputs(locate(request)) as inputs,
        Channel(dial(parse_address(address), DialOptions(timeout=10)), peer=address) as channel,
    ):
        session = SessionServer(unary={}, streaming=filesync(inputs.directories), wake=channel.wake)
        try:
            control = Control(channel)
            exposed = [
                ("x-docker-expose-session-uuid", "llb"),
                *(("x-docker-expose-session-grpc-method", method) for method in session.methods),
            ]
            control.session(exposed, session, session.receive)
            identity = SolveIdentity(ref="llb", session_id="llb")
            # A question leaves the build open for calls of its gateway.
            opened = solve_request(replace(request, call="convertllb"), inputs, [], identity)
            frontend, attrs = frontend_attrs(request, inputs)
            control.solve(opened, lambda _response: None)
            asked = channel.start(
                "/moby.buildkit.v1.frontend.LLBBridge/Solve",
                request=field(2, frontend) + map_fields(3, attrs) + _ANY_RESULT,
                metadata=[("buildkit-controlapi-buildid", "llb")],
                on_message=on_message,
            )
            channel.run(lambda: asked.done, timeout=30)
        finally:
            session.close()
    assert asked.error is None
    return found[0]


def _fields(parts: Iterable[tuple[int, Value]], number: int) -> Iterator[Value]:
    return (value for found, value in parts if found == number)


def _bytes(value: Value) -> bytes:
    assert not isinstance(value, int)
    return bytes(value)
