"""Ask a frontend about a Dockerfile, without a build.

Control.Solve returns the exporters' response, and none of a frontend's answers besides its result. Only the
gateway returns those: the service LLBBridge, which frontends themselves build through. A Solve without a
frontend opens the build, the calls of the gateway name it, Return ends it. BuildKit calls such a question a
subrequest.

Only builds with a question come here: importing this module loads protobuf's runtime.
"""

from __future__ import annotations

from collections.abc import Mapping

from router._proto import gateway_pb2 as pb
from router._proto.status_pb2 import Status
from router.errors import ConnectionLostError, DialError, RouterError, RpcError
from router.model.frozen import field, frozen
from router.rpc import RpcCall, RpcChannel
from router.solve.answers import parsed

__all__ = ["Question", "ask_frontend", "question_attrs"]

_SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
_CAPABILITY = "moby.buildkit.frontend.subrequests+forward"
# Seconds for the daemon to close the build; after that we stop waiting.
_CLOSING = 5.0


@frozen
class Question:
    """A question: the frontend with its options and the contexts that are LLB definitions, for the build that
    a Solve named ``ref`` has opened."""

    ref: str
    frontend: str
    attrs: Mapping[str, str]
    definitions: Mapping[str, bytes] = field(default_factory=dict)


def question_attrs(attrs: Mapping[str, str], method: str) -> dict[str, str]:
    """Return the frontend's options with the method to call."""
    capabilities = ",".join(filter(None, [attrs.get("frontend.caps", ""), _CAPABILITY]))
    # The Dockerfile frontend's name for a check.
    name = "lint" if method == "check" else method
    return {**attrs, "frontend.caps": capabilities, "requestid": f"frontend.{name}"}


def ask_frontend(
    channel: RpcChannel, opened: RpcCall, question: Question
) -> tuple[Mapping[str, str], RouterError | None]:
    """Return the frontend's answers by name, and the error that it ended with.

    ``opened`` is the Solve that has opened the build; it is done afterwards unless the daemon hangs.
    """
    answers: list[bytes] = []

    def answered(message: memoryview) -> None:
        answers[:] = [bytes(message)]  # there is one; extra ones take no memory

    request = pb.SolveRequest(
        Frontend=question.frontend,
        FrontendOpt=question.attrs,
        allowResultReturn=True,
        allowResultArrayRef=True,
    )
    for name, definition in question.definitions.items():
        request.FrontendInputs[name].ParseFromString(definition)
    call = channel.start(
        _SERVICE + "Solve",
        request=request.SerializeToString(),
        metadata=_build_id(question.ref),
        on_message=answered,
    )
    channel.run(lambda: call.done or opened.done)
    error = call.error if call.done else opened.error
    try:
        answer = _metadata(b"".join(answers))
    except RpcError as exc:
        answer, error = {}, error or exc
    if call.done:
        _end(channel, opened, question.ref, error)
    return answer, error


def _metadata(answer: bytes) -> dict[str, str]:
    """Return the metadata of the result that a SolveResponse holds. Raises ``RpcError``."""
    found = parsed(pb.SolveResponse(), answer).result.metadata
    return {name: str(value, "utf-8", "replace") for name, value in found.items()}


def _end(channel: RpcChannel, opened: RpcCall, ref: str, error: RouterError | None) -> None:
    """Close the build. The question is answered: a connection error can't change that any more."""
    if isinstance(error, RpcError):
        request = pb.ReturnRequest(error=Status(code=error.code, message=str(error)))
    else:
        request = pb.ReturnRequest(result=pb.Result())
    try:
        channel.start(
            _SERVICE + "Return",
            request=request.SerializeToString(),
            metadata=_build_id(ref),
            on_message=lambda _message: None,
        )
        channel.run(lambda: opened.done, timeout=_CLOSING)
    except (ConnectionLostError, DialError):
        return


def _build_id(ref: str) -> list[tuple[str, str]]:
    return [("buildkit-controlapi-buildid", ref)]
