"""Questions to a frontend, on a real grpcio server that plays the gateway."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from router._proto import gateway_pb2 as pb
from router._proto import ops_pb2
from router.address import parse_address
from router.errors import RouterError, RpcError
from router.rpc import open_channel
from router.rpc.grpc import Status
from router.solve.gateway import Question, ask_frontend
from router.transport.options import DialOptions

# Half of grpcio is annotated, which mypy likes less than nothing.
_grpc: Any = grpc
_QUESTION = Question(
    ref="ref", frontend="dockerfile.v0", attrs={"requestid": "frontend.outline"}, definitions={"a": b"\n\1x"}
)


class Gateway:
    """Answers each question with ``answer``, and ends the build when it is told what came of it."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.asked: list[pb.SolveRequest] = []
        self.returned: list[pb.ReturnRequest] = []
        self._ended = threading.Event()

    def open(self, _request: bytes, _context: object) -> bytes:
        self._ended.wait(20)
        return b""

    def solve(self, request: bytes, context: Any) -> bytes:
        assert ("buildkit-controlapi-buildid", "ref") in context.invocation_metadata()
        self.asked.append(pb.SolveRequest.FromString(request))
        return self._answer

    def end(self, request: bytes, _context: object) -> bytes:
        self.returned.append(pb.ReturnRequest.FromString(request))
        self._ended.set()
        return b""

    @contextmanager
    def serving(self) -> Iterator[str]:
        services: Mapping[str, Mapping[str, Any]] = {
            "moby.buildkit.v1.Control": {"Solve": self.open},
            "moby.buildkit.v1.frontend.LLBBridge": {"Solve": self.solve, "Return": self.end},
        }
        with ThreadPoolExecutor(max_workers=4) as pool:
            server = _grpc.server(pool)
            for service, methods in services.items():
                handlers = {
                    name: _grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()
                }
                server.add_generic_rpc_handlers((_grpc.method_handlers_generic_handler(service, handlers),))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            try:
                yield f"tcp://127.0.0.1:{port}"
            finally:
                self._ended.set()
                server.stop(None).wait(20)


def ask(gateway: Gateway) -> tuple[Mapping[str, str], RouterError | None]:
    with (
        gateway.serving() as address,
        open_channel(parse_address(address), DialOptions(timeout=10), peer="one") as channel,
    ):
        opened = channel.start(
            "/moby.buildkit.v1.Control/Solve", request=b"", on_message=lambda _message: None
        )
        answer = ask_frontend(channel, opened, _QUESTION)
        assert opened.done
    return answer


def test_what_the_frontend_knows_is_returned_and_the_build_is_closed() -> None:
    result = pb.Result(metadata={"result.txt": b"ARGS", "not.text": b"\xff"})
    gateway = Gateway(pb.SolveResponse(result=result).SerializeToString())

    answer, error = ask(gateway)

    (asked,) = gateway.asked
    assert (answer, error) == ({"result.txt": "ARGS", "not.text": "\ufffd"}, None)
    assert (asked.Frontend, dict(asked.FrontendOpt)) == ("dockerfile.v0", {"requestid": "frontend.outline"})
    assert asked.allowResultReturn
    assert asked.allowResultArrayRef
    assert asked.FrontendInputs["a"] == ops_pb2.Definition.FromString(b"\n\1x")
    assert gateway.returned == [pb.ReturnRequest(result=pb.Result())]


def test_an_answer_that_is_none_is_the_daemons_fault_and_the_build_is_closed() -> None:
    gateway = Gateway(b"\x1a\xff")

    answer, error = ask(gateway)

    assert answer == {}
    assert isinstance(error, RpcError)
    assert error.code == Status.INTERNAL
    assert str(error) == "the daemon's answer is not a SolveResponse"
    assert [each.error.code for each in gateway.returned] == [Status.INTERNAL]
