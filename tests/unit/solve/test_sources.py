"""Definitions of what a daemon downloads, as protobuf reads them."""

from __future__ import annotations

from hashlib import sha256

from router._proto import ops_pb2 as pb
from router.rpc.protobuf import field
from router.solve.llb import check_definition
from router.solve.sources import downloaded, unpacked


def test_a_download_is_one_operation_and_its_result() -> None:
    packed = downloaded("https://example.test/a", "Dockerfile", title="load it")

    check_definition(packed)
    definition = pb.Definition.FromString(packed)
    source, result = definition.__getattribute__("def")
    assert b"https://example.test/a" in source
    assert b"http.filename" in source
    digest = f"sha256:{sha256(source).hexdigest()}"
    assert result == field(1, field(1, digest))
    assert list(definition.metadata) == [digest]


def test_an_archive_is_unpacked_from_what_was_downloaded() -> None:
    definition = pb.Definition.FromString(unpacked("http://buildkit-session/id", title="load it"))

    source, files, result = definition.__getattribute__("def")
    assert f"sha256:{sha256(source).hexdigest()}".encode() in files
    assert f"sha256:{sha256(files).hexdigest()}".encode() in result
    assert len(definition.metadata) == 2
