"""LLB that is handed on, marked where the cache is not to be used."""

from __future__ import annotations

from hashlib import sha256

import pytest

from router._proto import ops_pb2 as pb
from router.errors import UsageError
from router.notation.varint import integer_field
from router.rpc.protobuf import field
from router.solve.llb import check_definition, without_cache


def digest(operation: bytes) -> str:
    return f"sha256:{sha256(operation).hexdigest()}"


def test_every_operation_is_marked_and_what_is_known_of_it_stays() -> None:
    description = field(2, field(1, "llb.customname") + field(2, "first"))
    source = field(3, b"source locations")
    metadata = field(2, field(1, digest(b"one")) + field(2, description))
    definition = field(1, b"one") + field(1, b"two") + metadata + source

    marked = without_cache(definition)

    known = pb.Definition.FromString(marked).metadata
    ignored = integer_field(1, True)
    assert list(getattr(pb.Definition.FromString(marked), "def")) == [b"one", b"two"]
    assert {name: each.SerializeToString() for name, each in known.items()} == {
        digest(b"one"): ignored + description,
        digest(b"two"): ignored,
    }
    assert marked.endswith(source)


@pytest.mark.parametrize("text", [b"", b"FROM scratch\n", b"\x08\x01", b"\n\xff"])
def test_what_is_no_definition_is_refused(text: bytes) -> None:
    with pytest.raises(UsageError, match="not a definition"):
        check_definition(text)
