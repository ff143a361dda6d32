"""LLB for people: what the frontend of Dockerfiles does not make."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.notation.varint import varint
from router.operations.debug_llb import llb_as_dot, llb_as_json, llb_operations
from router.rpc.protobuf import field

MINUS_ONE = varint((1 << 64) - 1)


def digest(operation: bytes) -> str:
    return f"sha256:{sha256(operation).hexdigest()}"


def after(*sources: bytes) -> bytes:
    """The inputs of an operation."""
    return b"".join(field(1, field(1, digest(source))) for source in sources)


SOURCE = field(3, field(1, "git://example.com/a"))
MERGE = after(SOURCE, SOURCE) + field(6, field(1, b"") + field(1, b"\x08\x01"))
DIFF = after(SOURCE) + field(7, field(1, b"\x08" + MINUS_ONE) + field(2, b""))
SYMLINK = after(SOURCE) + field(4, field(2, field(8, field(1, "/old") + field(2, "/new"))))
PASS = after(SOURCE) + field(8, field(1, "name") + field(2, b"\x01" + MINUS_ONE))
END = after(MERGE)


def definition(*packed: bytes) -> bytes:
    return b"".join(field(1, operation) for operation in packed)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (SOURCE, {"source": {"identifier": "git://example.com/a"}}),
        (MERGE, {"merge": {"inputs": [{}, {"input": 1}]}}),
        (DIFF, {"diff": {"lower": {"input": -1}, "upper": {}}}),
        (
            SYMLINK,
            {
                "file": {
                    "actions": [
                        {
                            "input": 0,
                            "secondaryInput": 0,
                            "output": 0,
                            "Action": {"symlink": {"oldpath": "/old", "newpath": "/new"}},
                        }
                    ]
                }
            },
        ),
        (PASS, {"passthrough": {"id": "name", "outputs": [1, -1]}}),
        (END, {}),
    ],
)
def test_every_kind_of_operation_has_its_fields(operation: bytes, expected: object) -> None:
    (found,) = llb_operations(definition(operation))

    assert found.op["Op"] == expected


def test_what_is_known_of_an_operation_stands_beside_it() -> None:
    known = field(2, field(1, "llb.customname") + field(2, "a name")) + b"\x08\x01"
    metadata = field(2, field(1, digest(SOURCE)) + field(2, known))

    (line,) = llb_as_json(llb_operations(definition(SOURCE) + metadata))

    assert json.loads(line) == {
        "Op": {"Op": {"source": {"identifier": "git://example.com/a"}}},
        "Digest": digest(SOURCE),
        "OpMetadata": {"ignore_cache": True, "description": {"llb.customname": "a name"}},
    }


def test_the_graph_has_a_node_for_each_operation_and_an_edge_for_each_input() -> None:
    lines = list(llb_as_dot(llb_operations(definition(SOURCE, MERGE, SYMLINK, END))))

    assert lines[0] == "digraph {"
    assert f'  "{digest(SOURCE)}" [label="git://example.com/a" shape="ellipse"];' in lines
    assert f'  "{digest(MERGE)}" [label="merge" shape="invtriangle"];' in lines
    assert f'  "{digest(SYMLINK)}" [label="symlink{{oldpath=/old, newpath=/new}}" shape="note"];' in lines
    assert lines.count(f'  "{digest(SOURCE)}" -> "{digest(MERGE)}" [label=""];') == 2
    assert lines[-1] == "}"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = llb_operations(definition(data) + field(2, data))
    except UsageError:
        return
    assert list(map(json.loads, llb_as_json(found)))
    assert list(llb_as_dot(found))
