"""The provenance of a daemon that keeps nonsense, on a real gRPC server: the build has succeeded."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from cli.building.metadata import MetadataDetails
from router._proto import content_pb2, control_pb2
from router.address import parse_address
from router.errors import CancelledError
from router.model.events import Event, Notice
from router.model.result import BuildResult
from router.operations import provenance
from router.transport.options import DialOptions

_grpc: Any = grpc
_RIGHT = b'{"builder": {"id": "me"}, "metadata": {}}'


@contextmanager
def daemon(kept: Mapping[str, bytes], *, event: bytes | None = None) -> Iterator[str]:
    """Yield the address of a daemon that keeps this provenance by platform."""
    record = control_pb2.BuildHistoryRecord()
    for platform in kept:
        attestation = record.Results[platform].Attestations.add(
            media_type="application/vnd.in-toto+json", digest=platform
        )
        attestation.annotations["in-toto.io/predicate-type"] = "https://slsa.dev/provenance/v0.2"
    told = event or control_pb2.BuildHistoryEvent(record=record).SerializeToString()

    def history(_request: bytes, _context: object) -> Iterator[bytes]:
        yield told

    def content(request: bytes, _context: object) -> Iterator[bytes]:
        digest = content_pb2.ReadContentRequest.FromString(request).digest
        yield content_pb2.ReadContentResponse(data=kept[digest]).SerializeToString()

    server = _grpc.server(ThreadPoolExecutor(max_workers=2))
    for service, name, method in (
        ("moby.buildkit.v1.Control", "ListenBuildHistory", history),
        ("containerd.services.content.v1.Content", "Read", content),
    ):
        handler = _grpc.unary_stream_rpc_method_handler(method)
        server.add_generic_rpc_handlers((_grpc.method_handlers_generic_handler(service, {name: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        server.stop(None).wait(20)


def completed(address: str) -> tuple[Mapping[str, str], list[str]]:
    """Return the metadata of a build on the daemon, and the warnings."""
    heard: list[Event] = []
    result = BuildResult(
        daemon="one", address=parse_address(address), ref="abc", metadata={"image.name": "a"}
    )
    done = MetadataDetails({}).complete(result, DialOptions(timeout=10), heard.append)
    return done.metadata, [event.text for event in heard if isinstance(event, Notice)]


def test_provenance_is_added_for_each_platform() -> None:
    with daemon({"linux/amd64": _RIGHT, "linux/arm64": _RIGHT}) as address:
        metadata, warnings = completed(address)

    assert warnings == []
    assert json.loads(b64decode(metadata["buildx.build.provenance/linux/arm64"])) == {"builder": {"id": "me"}}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a": 1e999}', "it holds a number that is out of range"),
        (b"\xff{", "it is not valid JSON"),
        (b"[]", "in no known form"),
        (b"null", "in no known form"),
    ],
)
def test_what_one_platform_has_broken_the_others_keep(broken: bytes, why: str) -> None:
    with daemon({"linux/amd64": broken, "linux/arm64": _RIGHT}) as address:
        metadata, warnings = completed(address)

    assert metadata.keys() == {"image.name", "buildx.build.provenance/linux/arm64"}
    (warning,) = warnings
    assert warning.startswith("the metadata file is without provenance: linux/amd64: the provenance that ")
    assert why in warning


def test_who_is_interrupted_asks_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def interrupted(_channel: object, digest: str, _timeout: float) -> bytes:
        asked.append(digest)
        raise CancelledError("its time is up")

    monkeypatch.setattr(provenance, "read_blob", interrupted)
    with daemon({"linux/amd64": _RIGHT, "linux/arm64": _RIGHT}) as address:
        metadata, warnings = completed(address)

    assert len(asked) == 1
    assert metadata == {"image.name": "a"}  # the build has succeeded all the same
    assert len(warnings) == 1


def test_a_history_that_cannot_be_decoded_is_a_warning() -> None:
    with daemon({}, event=b"\x12\x05\xff") as address:
        metadata, warnings = completed(address)

    assert metadata == {"image.name": "a"}
    assert len(warnings) == 1
