"""A mark on a client's request, which stays what it was besides."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st

from router._proto import control_pb2 as pb
from router.rpc.protobuf import field, fields_at
from router.serving.marking import with_options

OPTIONS = {"warmroute.key": "app", "warmroute.place": "1"}


def unknown(message: Message) -> list[Any]:
    """Return the fields that its class does not have."""
    fields: Any = UnknownFieldSet(message)
    return list(fields)


_texts = st.text(max_size=5)
_attrs = st.dictionaries(_texts, _texts, max_size=3)


@given(
    ref=_texts,
    frontend=_attrs,
    exporters=st.lists(st.tuples(_texts, _attrs), max_size=3),
    internal=st.booleans(),
)
def test_the_first_output_has_the_options_else_the_frontend(
    ref: str, frontend: dict[str, str], exporters: list[tuple[str, dict[str, str]]], internal: bool
) -> None:
    request = pb.SolveRequest(
        Ref=ref,
        FrontendAttrs=frontend,
        Exporters=[pb.Exporter(Type=kind, Attrs=attrs) for kind, attrs in exporters],
        Internal=internal,
    )
    expected = pb.SolveRequest.FromString(request.SerializeToString())
    (expected.Exporters[0].Attrs if exporters else expected.FrontendAttrs).update(OPTIONS)

    assert pb.SolveRequest.FromString(with_options(request.SerializeToString(), OPTIONS)) == expected


def test_fields_that_nobody_here_knows_survive() -> None:
    exporter = pb.Exporter(Type="image").SerializeToString() + field(77, "of the exporter")
    packed = (
        b"\xa1\x06fixed 64"
        + field(13, exporter)
        + b"\xa5\x06\x01\x02\x03\x04"
        + b"\xa8\x06\x07"
        + field(99, "x")
    )

    marked = pb.SolveRequest.FromString(with_options(packed, OPTIONS))

    assert [each.field_number for each in unknown(marked)] == [100, 100, 101, 99]
    assert [each.data for each in unknown(marked.Exporters[0])] == [b"of the exporter"]
    assert dict(marked.Exporters[0].Attrs) == OPTIONS


def test_where_fields_stand() -> None:
    packed = field(1, "ab") + b"\x10\x96\x01" + b"\x1d\x01\x02\x03\x04"
    assert list(fields_at(memoryview(packed))) == [(1, 0, 2, 4), (2, 4, 5, 7), (3, 7, 8, 12)]
