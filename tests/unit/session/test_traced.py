"""Transfers as spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from router.errors import TransferError
from router.net.stream import Buffer
from router.session.server import CallMetadata, SlowHandler, StreamHandler
from router.session.traced import traced
from router.tracing import Attribute, Span

_METHOD = "/moby.filesync.v1.FileSync/DiffCopy"


class Noted(Span):
    """A span that remembers what it was told, and those within it."""

    kept = True

    def __init__(self, name: str = "", under: Mapping[str, Sequence[str]] | None = None) -> None:
        self.headers = ()
        self.name = name
        self.under = under or {}
        self.parts: list[Noted] = []
        self.attributes: dict[str, Attribute] = {}
        self.ends: list[BaseException | None] = []

    def begin(
        self,
        name: str,
        attributes: Mapping[str, Attribute] = {},
        under: Mapping[str, Sequence[str]] = {},
        /,
    ) -> Span:
        self.parts.append(Noted(name, under))
        self.parts[-1].note(attributes)
        return self.parts[-1]

    def note(self, attributes: Mapping[str, Attribute], /) -> None:
        self.attributes |= attributes

    def end(self, error: BaseException | None = None, /) -> None:
        self.ends.append(error)


class Plain:
    """A transfer that sends three buffers."""

    def __init__(self) -> None:
        self.done = False
        self._left = 3

    def receive(self, message: memoryview) -> None:
        if bytes(message) == b"bad":
            raise TransferError("bad")

    def end_of_input(self) -> None:
        """Take note of nothing."""

    def pull(self, _size: int) -> Sequence[Buffer] | None:
        self._left -= 1
        self.done = self._left == 0
        return [b"abc", b"de"] if self._left >= 0 else None

    def close(self) -> None:
        """Give up nothing."""


class Pausing(Plain):
    """One that may have the daemon pause."""

    full = True


def started(handler: StreamHandler, metadata: CallMetadata) -> tuple[StreamHandler, Noted]:
    span = Noted()
    methods = traced({_METHOD: lambda _metadata: handler}, span)
    spanning = methods[_METHOD](metadata)
    return spanning, span.parts[0]


def test_a_transfer_is_a_span_of_the_methods_name_with_its_bytes() -> None:
    metadata = {"dir-name": ["context"], "traceparent": ["00-x"]}
    handler, span = started(Plain(), metadata)

    handler.receive(memoryview(b"1234"))
    while not handler.done:
        handler.pull(100)
    handler.close()

    assert (span.name, span.under) == (_METHOD.removeprefix("/"), metadata)
    assert span.attributes == {
        "rpc.system": "grpc",
        "warmroute.transfer.name": "context",
        "warmroute.transfer.sent": 15,
        "warmroute.transfer.received": 4,
        "warmroute.transfer.whole": True,
    }
    assert span.ends == [None]


def test_a_transfer_that_fails_ends_with_its_fault() -> None:
    handler, span = started(Plain(), {"buildkit-attachable-exporter-id": ["1"]})

    with pytest.raises(TransferError) as failed:
        handler.receive(memoryview(b"bad"))
    handler.close()

    assert span.ends == [failed.value]
    assert span.attributes["warmroute.transfer.whole"] is False
    assert span.attributes["warmroute.transfer.exporter"] == "1"


def test_a_refused_call_is_a_span_too() -> None:
    span = Noted()

    def refuse(_metadata: CallMetadata) -> StreamHandler:
        raise TransferError("refused")

    with pytest.raises(TransferError) as refused:
        traced({_METHOD: refuse}, span)[_METHOD]({})

    assert span.parts[0].ends == [refused.value]


def test_a_transfer_that_pauses_still_does() -> None:
    pausing, _ = started(Pausing(), {})
    plain, _ = started(Plain(), {})

    assert isinstance(pausing, SlowHandler)
    assert pausing.full
    assert not isinstance(plain, SlowHandler)


def test_a_daemon_that_asks_without_end_fills_nothing() -> None:
    span = Noted()
    method = traced({_METHOD: lambda _metadata: Plain()}, span)[_METHOD]

    for _ in range(2000):
        method({}).close()

    assert len(span.parts) == 500
