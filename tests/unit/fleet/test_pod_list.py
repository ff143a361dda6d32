"""The list of pods, and what a watch changes in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import FleetError
from router.fleet.pod_list import Expired, LineReader, PodList


def _pod(name: str, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}}


def _list(*names: str) -> PodList:
    items = [_pod(name) for name in names]
    return PodList(json.dumps({"metadata": {"resourceVersion": "10"}, "items": items}).encode())


def _event(kind: str, changed: object) -> bytes:
    return json.dumps({"type": kind, "object": changed}).encode()


def _names(pods: PodList) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods.pods]


def test_a_watch_goes_on_from_the_version_of_the_list() -> None:
    assert _list("a").version == "10"


def test_pods_come_change_and_go() -> None:
    pods = _list("a", "b")

    for kind, pod in (
        ("ADDED", _pod("c", "11")),
        ("MODIFIED", _pod("a", "12")),
        ("DELETED", _pod("b", "13")),
    ):
        pods.apply(_event(kind, pod))

    assert _names(pods) == ["a", "c"]
    assert pods.pods[0]["metadata"]["resourceVersion"] == "12"
    assert pods.version == "13"


def test_a_bookmark_moves_the_version_alone() -> None:
    pods = _list("a")

    pods.apply(_event("BOOKMARK", {"metadata": {"resourceVersion": "99"}}))

    assert (_names(pods), pods.version) == (["a"], "99")


def test_a_version_that_is_gone_asks_for_a_new_list() -> None:
    with pytest.raises(Expired):
        _list().apply(_event("ERROR", {"code": 410, "message": "too old resource version"}))


def test_another_error_is_told_and_may_pass() -> None:
    with pytest.raises(FleetError, match="etcd is gone") as caught:
        _list().apply(_event("ERROR", {"code": 500, "message": "etcd is gone"}))
    assert caught.value.temporary


@pytest.mark.parametrize("line", [b"{", b"[]", b"1", b'{"type":"ADDED"}', b'{"type":"ADDED","object":{}}'])
def test_what_is_no_event_is_told(line: bytes) -> None:
    with pytest.raises(FleetError, match="no event"):
        _list().apply(line)


_LINES = st.lists(st.binary(min_size=1, max_size=30).filter(lambda line: b"\n" not in line and line.strip()))


@given(lines=_LINES, chunked=st.booleans(), data=st.data())
def test_lines_are_found_however_the_bytes_are_split(
    lines: list[bytes], chunked: bool, data: st.DataObject
) -> None:
    body = b"".join(line + b"\n" for line in lines)
    if chunked:
        pieces = _cut(body, data)
        body = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
        body += b"0\r\n\r\n"

    reader = LineReader(chunked=chunked)

    assert [line for piece in _cut(body, data) for line in reader.feed(piece)] == lines
    assert reader.ended is chunked


def _cut(body: bytes, data: st.DataObject) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@pytest.mark.parametrize("size", [b"xyz", b"-5", b"", b"1_0"])
def test_a_broken_chunk_is_told(size: bytes) -> None:
    with pytest.raises(FleetError, match="broken chunk"):
        LineReader(chunked=True).feed(size + b"\r\n\r\n")
