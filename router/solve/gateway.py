"""A question to the frontend: what it knows of a Dockerfile, without a build.

Control.Solve tells what the exporters say, and nothing of what a frontend answers beside its result. Only the
gateway hands that out, which a frontend itself builds through (the service LLBBridge): a Solve without a
frontend opens the build, the calls of the gateway name it, Return ends it. In BuildKit's words the question
is a subrequest.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.errors import ConnectionLostError, DialError, RouterError, RpcError
from router.model.frozen import field as default
from router.model.frozen import frozen
from router.notation.varint import varint
from router.rpc import RpcCall, RpcChannel
from router.rpc.protobuf import field, map_entry, map_fields, read, submessage

__all__ = ["Question", "ask_frontend", "question_attrs"]

_SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
_CAPABILITY = "moby.buildkit.frontend.subrequests+forward"
# Seconds for the daemon to close the build; a daemon that doesn't is not waited for.
_CLOSING = 5.0
# Booleans that are true: results may be named by platform, and references may be messages.
_ANY_RESULT = varint(5 << 3) + varint(1) + varint(6 << 3) + varint(1)


@frozen
class Question:
    """What is asked: the frontend with its options and the contexts that are definitions in LLB, on the build
    that a Solve named ``ref`` has opened."""

    ref: str
    frontend: str
    attrs: Mapping[str, str]
    definitions: Mapping[str, bytes] = default(default_factory=dict)


def question_attrs(attrs: Mapping[str, str], method: str) -> dict[str, str]:
    """Return the frontend's options with the method that is called."""
    capabilities = ",".join(filter(None, [attrs.get("frontend.caps", ""), _CAPABILITY]))
    # The Dockerfile frontend's name for a check.
    name = "lint" if method == "check" else method
    return {**attrs, "frontend.caps": capabilities, "requestid": f"frontend.{name}"}


def ask_frontend(
    channel: RpcChannel, opened: RpcCall, question: Question
) -> tuple[Mapping[str, str], RouterError | None]:
    """Return what the frontend answers, by name, and the error that it ended with.

    ``opened`` is the Solve that has opened the build; it is done afterwards unless the daemon hangs.
    """
    answer: dict[str, str] = {}

    def answered(message: memoryview) -> None:
        answer.clear()  # there is one; who sends more fills nothing
        answer.update(_metadata(message))

    # The numbers are those of BuildKit's frontend/gateway/pb/gateway.proto.
    definitions = (field(13, field(1, name) + field(2, llb)) for name, llb in question.definitions.items())
    request = field(2, question.frontend) + map_fields(3, question.attrs) + _ANY_RESULT
    request += b"".join(definitions)
    call = channel.start(
        _SERVICE + "Solve",
        request=request,
        metadata=_build_id(question.ref),
        on_message=answered,
    )
    channel.run(lambda: call.done or opened.done)
    if not call.done:
        return answer, opened.error
    _end(channel, opened, question.ref, call.error)
    return answer, call.error


def _end(channel: RpcChannel, opened: RpcCall, ref: str, error: RouterError | None) -> None:
    """Close the build. What was asked is answered: no fault of the path can take it back."""
    if isinstance(error, RpcError):
        request = field(2, varint(1 << 3) + varint(error.code) + field(2, str(error)))
    else:
        request = field(1, b"")
    try:
        channel.start(
            _SERVICE + "Return", request=request, metadata=_build_id(ref), on_message=lambda _message: None
        )
        channel.run(lambda: opened.done, timeout=_CLOSING)
    except (ConnectionLostError, DialError):
        return


def _build_id(ref: str) -> list[tuple[str, str]]:
    return [("buildkit-controlapi-buildid", ref)]


def _metadata(response: memoryview) -> dict[str, str]:
    """Return the metadata of the result that a SolveResponse holds."""
    return dict(
        map_entry(entry)
        for number, result in read(response)
        if number == 3
        for name, entry in submessage(result)
        if name == 10
    )
