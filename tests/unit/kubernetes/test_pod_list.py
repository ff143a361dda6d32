"""The list of pods, and what a watch changes in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import FleetError
from router.kubernetes.members import Listed
from router.kubernetes.pod_list import Expired, PodList
from router.kubernetes.pods import Reach, daemons_of
from router.kubernetes.watch_lines import LineReader
from router.model.identity import Identity


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


def test_pods_without_end_are_given_up() -> None:
    pods = _list()
    labels = {str(number): "x" * 100 for number in range(10_000)}

    def many() -> None:
        for number in range(100):
            pods.apply(_event("ADDED", {"metadata": {"name": str(number), "labels": labels}}))

    with pytest.raises(FleetError, match="too many pods"):
        many()


def test_a_pod_that_changes_all_the_time_is_one_pod() -> None:
    pods = _list()
    event = _event("MODIFIED", {"metadata": {"name": "a", "labels": {"x": "x" * 1_000_000}}})

    for _ in range(50):
        pods.apply(event)

    assert _names(pods) == ["a"]


_WRONG: tuple[object, ...] = (None, True, 7, 1.5, "x", [], [[]], {}, {"a": {}}, [{"name": 1}])


def _with_a_wrong_part(value: object) -> Iterator[object]:
    """Yield the value with each of its parts replaced by each of other types."""
    yield from _WRONG
    match value:
        case dict():
            for key, part in value.items():
                for wrong in _with_a_wrong_part(part):
                    yield {**value, key: wrong}
        case list():
            for index, part in enumerate(value):
                for wrong in _with_a_wrong_part(part):
                    yield [*value[:index], wrong, *value[index + 1 :]]


_WHOLE_POD = {
    "metadata": {
        "name": "b-1",
        "namespace": "ci",
        "resourceVersion": "3",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app": "b"},
        "annotations": {"kubectl.kubernetes.io/default-container": "x"},
        "ownerReferences": [{"kind": "StatefulSet", "name": "b", "controller": True}],
    },
    "spec": {
        "nodeName": "n",
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "initContainers": [{"name": "i", "restartPolicy": "Always"}],
        "containers": [{"name": "buildkitd", "ports": [{"name": "buildkitd", "containerPort": 1234}]}],
        "readinessGates": [{"conditionType": "g"}],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "True"}],
        "initContainerStatuses": [{"name": "i", "started": True, "state": {"running": {}}}],
        "containerStatuses": [
            {"name": "c", "state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}
        ],
    },
}


def test_a_pod_with_a_wrong_type_anywhere_is_read_as_far_as_it_goes() -> None:
    reach = Reach(namespace="ci", context=None, pod_ip=None)
    read = 0

    for pod in _with_a_wrong_part(_WHOLE_POD):
        body = json.dumps({"metadata": {}, "items": [pod, {"metadata": {"name": "b-9"}}]})
        try:
            pods = PodList(body.encode())
        except ValueError:
            continue  # one without a name
        for identity in ("name", "node", "label", "annotation"):
            listed = Listed(pods=pods.pods, known={}, selector="app=b")
            daemons_of(listed, reach, Identity(kind=identity, key="app"))
        read += 1

    assert read > 300


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
    with pytest.raises(FleetError, match="other than a watch event"):
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


def test_a_line_without_end_is_given_up_and_takes_time_in_proportion() -> None:
    reader = LineReader(chunked=True)
    begun = time.process_time()

    with pytest.raises(FleetError, match="a line without end"):
        _feed(reader, b"64\r\n%s\r\n" % (b"x" * 100), times=45_000)

    assert time.process_time() - begun < 5


def test_the_size_of_a_chunk_without_end_is_given_up() -> None:
    reader = LineReader(chunked=True)

    with pytest.raises(FleetError, match="broken chunk"):
        _feed(reader, b"0" * 1000, times=10)


def _feed(reader: LineReader, piece: bytes, *, times: int) -> None:
    for _ in range(times):
        assert reader.feed(piece) == []


@pytest.mark.parametrize("size", [b"xyz", b"-5", b"", b"1_0"])
def test_a_broken_chunk_is_told(size: bytes) -> None:
    with pytest.raises(FleetError, match="broken chunk"):
        LineReader(chunked=True).feed(size + b"\r\n\r\n")
