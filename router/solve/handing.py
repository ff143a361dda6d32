"""One build's result as the context of others on the same daemon: its steps, handed on without a registry.

A build that is opened without a frontend is led through the gateway, as frontends lead theirs: the frontend
is asked for the steps, which are handed on at once; then they are carried out, and the build ends when those
that use its steps have had them carried out too. Until then the daemon shares every step between the builds,
and the files that a step needs can still be read through the session of the build that named it.

Only linked builds come here: importing this module loads protobuf's runtime.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from router._proto import gateway_pb2 as pb
from router._proto.status_pb2 import Status
from router.errors import BuildError, RouterError, RpcError
from router.model.frozen import field, frozen, replace
from router.rpc import RpcCall, RpcChannel
from router.rpc.grpc import Status as Code
from router.solve.answers import parsed
from router.solve.inputs import Inputs
from router.solve.llb import digest_of, operations_of, packed
from router.solve.request import FrontendCall

__all__ = ["Handed", "Linked", "Others"]

_SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
# https://github.com/moby/buildkit/blob/master/exporter/containerimage/exptypes/types.go
_CONFIG = "containerimage.config"
_CONTEXTS = "moby.buildkit.frontend.contexts+forward"


@frozen
class Handed:
    """The result of the build ``name``: packed definitions and image configs by platform, which is empty
    where there is one without a name. ``steps`` are the digests of its steps."""

    name: str
    definitions: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    configs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    steps: frozenset[str] = field(default_factory=frozenset, repr=False)


class Others(Protocol):
    """The builds that use a build's result, and those whose results it uses."""

    def solved(self, name: str, result: Handed, /) -> None:
        """Take the result of the build ``name``, which is not carried out yet."""

    def evaluated(self, name: str, /) -> None:
        """Hear that its result is carried out."""

    def hold(self, name: str, wake: Callable[[], None], /) -> None:
        """Have ``wake`` called, from any thread, when it is released."""

    def is_used(self, name: str, /) -> bool:
        """Say whether others use its result."""

    def released(self, name: str, /) -> bool:
        """Say whether nobody needs it any more."""


class Linked:
    """The build ``name`` among others. ``contexts`` are the results that it uses, by the contexts' names."""

    def __init__(self, name: str, contexts: Mapping[str, Handed], others: Others) -> None:
        self._name = name
        self._contexts = contexts
        self._others = others

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the inputs with the other builds' results as contexts, named as buildx does."""
        if not self._contexts:
            return inputs
        attrs, definitions = dict(inputs.attrs), dict(inputs.definitions)
        for context, handed in self._contexts.items():
            for platform, definition in handed.definitions.items():
                suffix = f"::{platform}" if platform else ""
                name = f"0-{handed.name}{suffix}"
                definitions[name] = definition
                attrs[f"context:{context}{suffix}"] = f"input:{name}"
                if platform in handed.configs:
                    config = b64encode(handed.configs[platform]).decode()
                    attrs[f"input-metadata:{name}"] = json.dumps({_CONFIG: config})
        known = attrs.get("frontend.caps", "")
        if _CONTEXTS not in known.split(","):
            attrs["frontend.caps"] = ",".join(filter(None, (known, _CONTEXTS)))
        return replace(inputs, attrs=attrs, definitions=definitions)

    def lead(
        self, channel: RpcChannel, opened: RpcCall, call: FrontendCall, over: Callable[[], bool]
    ) -> RouterError | None:
        """Lead the build that ``opened`` has opened; return what went wrong.

        None where the daemon goes on to its outputs, or ``over`` has said that it is to go no further.
        """
        return _Lead(channel, opened, call.ref, over).run(call, self._name, self._others)

    def hand_on(self, channel: RpcChannel, opened: RpcCall, call: FrontendCall) -> None:
        """Hand on the steps of a build of which only a question is asked, for questions about others. What
        goes wrong the question itself will tell."""
        if self._others.is_used(self._name):
            _Lead(channel, opened, call.ref, lambda: False).hand_on(call, self._name, self._others)


class _Lead:
    def __init__(self, channel: RpcChannel, opened: RpcCall, ref: str, over: Callable[[], bool]) -> None:
        self._channel = channel
        self._opened = opened
        self._metadata = [("buildkit-controlapi-buildid", ref)]
        self._over = over

    def run(self, asked: FrontendCall, name: str, others: Others) -> RouterError | None:
        result, error = self.hand_on(asked, name, others)
        if result is None or (error := self._evaluate(result)) is not None:
            return self._give_up(error)
        if self._over():
            return None
        others.evaluated(name)
        others.hold(name, self._channel.wake)
        self._run(lambda: others.released(name))
        self._start("Return", pb.ReturnRequest(result=_without_steps(result)).SerializeToString(), _ignore)
        return None

    def hand_on(
        self, asked: FrontendCall, name: str, others: Others
    ) -> tuple[pb.Result | None, RouterError | None]:
        """Ask the frontend for the steps, and hand them on; return them, or what went wrong."""
        answers: list[bytes] = []
        request = pb.SolveRequest(
            Frontend=asked.frontend,
            FrontendOpt=asked.attrs,
            allowResultReturn=True,
            allowResultArrayRef=True,
        )
        for context, definition in asked.definitions.items():
            request.FrontendInputs[context].ParseFromString(definition)
        call = self._start("Solve", request.SerializeToString(), lambda each: answers.append(bytes(each)))
        self._run(lambda: call.done)
        if not call.done or call.error is not None:
            return None, call.error
        try:
            result = parsed(pb.SolveResponse(), answers[-1] if answers else b"").result
        except RpcError as exc:
            return None, exc
        others.solved(name, _handed(name, result))
        return result, None

    def _evaluate(self, result: pb.Result) -> RouterError | None:
        calls = [
            self._start("Evaluate", pb.EvaluateRequest(Ref=each.id).SerializeToString(), _ignore)
            for each in _refs(result).values()
            if each.id
        ]
        self._run(lambda: all(call.done for call in calls) or any(call.error for call in calls))
        error = next((call.error for call in calls if call.error is not None), None)
        if isinstance(error, RpcError) and error.code == Code.UNIMPLEMENTED:
            return BuildError(
                "the daemon can't build targets that use each other's results: its BuildKit is too old",
                hint="warmroute ls shows the versions of the fleet",
            )
        return error

    def _give_up(self, error: RouterError | None) -> RouterError | None:
        if isinstance(error, RpcError):
            status = Status(code=error.code, message=str(error))
            for url, value in error.details:
                status.details.add(type_url=url, value=value)
            self._start("Return", pb.ReturnRequest(error=status).SerializeToString(), _ignore)
        return error

    def _start(self, method: str, request: bytes, on_message: Callable[[memoryview], None]) -> RpcCall:
        return self._channel.start(
            _SERVICE + method, request=request, metadata=self._metadata, on_message=on_message
        )

    def _run(self, until: Callable[[], bool]) -> None:
        self._channel.run(lambda: until() or self._opened.done or self._over())


def _ignore(_message: memoryview) -> None:
    """Ignore an answer."""


def _refs(result: pb.Result) -> Mapping[str, pb.Ref]:
    return {"": result.ref} if result.HasField("ref") else result.refs.refs


def _handed(name: str, result: pb.Result) -> Handed:
    refs = _refs(result)
    configs = {platform: f"{_CONFIG}/{platform}" if platform else _CONFIG for platform in refs}
    return Handed(
        name=name,
        definitions={platform: packed(getattr(ref, "def")) for platform, ref in refs.items()},
        configs={
            platform: result.metadata[key] for platform, key in configs.items() if key in result.metadata
        },
        steps=frozenset(_steps(refs.values())),
    )


def _steps(refs: Iterable[pb.Ref]) -> Iterable[str]:
    for ref in refs:
        yield from map(digest_of, operations_of(getattr(ref, "def")))


def _without_steps(result: pb.Result) -> pb.Result:
    """Return the result as the daemon takes it back: it knows the steps."""
    returned = pb.Result()
    returned.CopyFrom(result)
    for ref in _refs(returned).values():
        ref.ClearField("def")
    return returned
