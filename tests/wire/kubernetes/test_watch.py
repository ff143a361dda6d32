"""Watching pods on an API server that misbehaves. The real one is in tests/e2e."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from router.cancellation import Cancellation
from router.errors import CancelledError, FleetError
from router.fleet import FleetOptions
from router.fleet.contract import Sighting
from router.fleet.kubernetes import KubernetesFleet
from router.kubernetes import listing as kube_pods
from router.kubernetes import watch as kube_watch
from router.net.deadline import Deadline
from tests.wire.transport.api_server import ApiServer, http
from tests.wire.transport.peers import drain, peer, read_head

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

_TEMPLATE = {"metadata": {"labels": {"app": "b"}}}

Answer = bytes | Callable[[socket.socket], None]


def pod(name: str, *, ready: bool = True, version: str = "1", owner: str | None = None) -> dict[str, Any]:
    """Return a pod, perhaps one of a StatefulSet."""
    references = [{"kind": "StatefulSet", "name": owner, "controller": True}] if owner else []
    return {
        "metadata": {
            "name": name,
            "resourceVersion": version,
            "ownerReferences": references,
            "labels": {"app": "b"},
        },
        "spec": {"containers": [{"name": "buildkitd"}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def listed(*pods: dict[str, Any], version: str = "1") -> bytes:
    """Return the answer to a list."""
    return http("200 OK", {"metadata": {"resourceVersion": version}, "items": list(pods)})


def chunk(kind: str, changed: object) -> bytes:
    """Return an event as the API server sends it."""
    line = json.dumps({"type": kind, "object": changed}).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(line), line)


def watched(*chunks: bytes) -> bytes:
    """Return the answer to a watch that the API server ends properly."""
    return _CHUNKED + b"".join(chunks) + b"0\r\n\r\n"


@dataclass
class Script:
    """Gives the answers to lists, to watches and to all else, one after the other; keeps what was asked."""

    lists: list[Answer]
    watches: list[Answer] = field(default_factory=list)
    others: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def handle(self, sock: socket.socket) -> None:
        """Serve one connection until it is closed."""
        while (
            head := read_head(sock).decode().split("\r\n")[0].removeprefix("GET ").removesuffix(" HTTP/1.1")
        ):
            self.asked.append(head)
            kind = self.watches if "watch=1" in head else self.lists if "/pods?" in head else self.others
            answer = kind.pop(0)
            if not isinstance(answer, bytes):
                answer(sock)
                return
            sock.sendall(answer)


@contextmanager
def fleet(directory: Path, script: Script, **changes: object) -> Iterator[KubernetesFleet]:
    """Yield a fleet on a server that follows the script."""
    with peer(script.handle) as port:
        config = ApiServer(directory).kubeconfig(port, scheme="http")
        options = {"selector": "app=b", "timeout": 5.0, "kubeconfig": config}
        yield KubernetesFleet(FleetOptions(**(options | changes)))  # type: ignore[arg-type]


def sightings(pods: KubernetesFleet, count: int, seconds: float = 20.0) -> list[Sighting]:
    """Return the first few sightings."""
    with Cancellation() as switch:
        return list(islice(pods.sightings(Deadline(seconds), switch), count))


def until(pods: KubernetesFleet, wanted: dict[str, bool]) -> list[object]:
    """Return the states of all sightings up to the wanted one, the same in a row once."""
    seen: list[object] = []
    with Cancellation() as switch:
        for sighting in pods.sightings(Deadline(20), switch):
            (state,) = states([sighting])
            if state not in seen[-1:]:
                seen.append(state)
            if state == wanted:
                break
    return seen


def states(seen: list[Sighting]) -> list[object]:
    """Return the daemons and whether they are ready, or the trouble, of each sighting."""
    return [
        str(sighting.trouble) if sighting.trouble else {d.name: d.ready for d in sighting.daemons}
        for sighting in seen
    ]


def test_changes_are_told_as_they_come(tmp_path: Path) -> None:
    changes = [chunk("ADDED", pod("b", ready=False)), chunk("MODIFIED", pod("b", version="7"))]

    def slowly(sock: socket.socket) -> None:
        sock.sendall(_CHUNKED)
        for change in changes:
            time.sleep(0.1)
            sock.sendall(change)
        read_head(sock)

    script = Script([listed()], [slowly])
    with fleet(tmp_path, script) as pods:
        seen = until(pods, {"b": True})

    assert seen == [{}, {"b": False}, {"b": True}]
    assert "resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=" in script.asked[1]


def test_the_next_watch_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    bookmark = chunk("BOOKMARK", {"metadata": {"resourceVersion": "42"}})
    script = Script([listed()], [watched(bookmark), watched(chunk("ADDED", pod("b")))])

    with fleet(tmp_path, script) as pods:
        seen = until(pods, {"b": True})

    assert seen == [{}, {"b": True}]
    assert [("resourceVersion=42" in path) for path in script.asked] == [False, False, True]


@pytest.mark.parametrize(
    "gone",
    [
        http("410 Gone", {"code": 410}),
        watched(chunk("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})),
    ],
)
def test_a_version_that_is_gone_leads_to_a_new_list(tmp_path: Path, gone: bytes) -> None:
    script = Script([listed(), listed(pod("b"), version="99")], [gone])

    with fleet(tmp_path, script) as pods:
        seen = until(pods, {"b": True})

    assert seen == [{}, {"b": True}]


@pytest.mark.parametrize("again", [chunk("BOOKMARK", {"metadata": {"resourceVersion": "2"}}), b"1\r\n{\r\n"])
def test_a_watch_that_talks_without_end_holds_up_no_deadline(tmp_path: Path, again: bytes) -> None:
    def flood(sock: socket.socket) -> None:
        sock.sendall(_CHUNKED)
        while True:  # until the client hangs up
            sock.sendall(again * 1000)

    script = Script([listed()], [flood] * 10)
    begun = time.monotonic()
    with fleet(tmp_path, script) as pods:
        sightings(pods, 1_000_000, seconds=1.0)

    assert time.monotonic() - begun < 30


def cut(sock: socket.socket) -> None:
    """Break off within a chunk."""
    sock.sendall(_CHUNKED + b"40\r\n{")


def reset(sock: socket.socket) -> None:
    """Answer nothing."""
    sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (reset, "it closed the connection without an answer"),
        (http("503 Service Unavailable", {"message": "starting"}), "can't watch .*: 503 starting"),
        (http("401 Unauthorized", {"message": "Unauthorized"}), "does not accept the credentials"),
        (watched(chunk("ERROR", {"code": 500, "message": "etcd is gone"})), "etcd is gone"),
        (_CHUNKED + b"zz\r\n", "broken chunk"),
    ],
)
def test_an_api_server_that_restarts_is_told_and_survived(tmp_path: Path, broken: Answer, said: str) -> None:
    script = Script([listed()], [broken, watched(chunk("ADDED", pod("b")))])

    with fleet(tmp_path, script) as pods:
        seen = until(pods, {"b": True})

    assert any(re.search(said, str(state)) for state in seen)
    assert (seen[0], seen[-1]) == ({}, {"b": True})


def test_a_watch_that_is_cut_off_is_begun_again(tmp_path: Path) -> None:
    script = Script([listed()], [cut, watched(chunk("ADDED", pod("b")))])

    with fleet(tmp_path, script) as pods:
        seen = until(pods, {"b": True})

    assert seen[-1] == {"b": True}


def test_a_user_who_may_not_watch_lists_now_and_then(tmp_path: Path) -> None:
    forbidden = http("403 Forbidden", {"message": 'cannot watch resource "pods"'})
    script = Script([listed(), listed(), listed(pod("b"))], [forbidden])

    with fleet(tmp_path, script) as pods:
        seen = sightings(pods, 4)

    assert states(seen)[2:] == [{}, {"b": True}]
    trouble = seen[1].trouble
    assert trouble is not None
    assert trouble.hint == "a Role in namespace ci must allow the verb watch on pods"
    assert sum("watch=1" in path for path in script.asked) == 1


def test_a_user_who_may_not_list_is_told_at_once(tmp_path: Path) -> None:
    script = Script([http("403 Forbidden", {"message": "cannot list"})])

    with fleet(tmp_path, script) as pods, pytest.raises(FleetError, match="cannot list"):
        sightings(pods, 1)


def test_an_api_server_that_goes_silent_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_watch, "_SPAN", 1)
    monkeypatch.setattr(kube_watch, "_GRACE", 0.1)

    def silent(sock: socket.socket) -> None:
        sock.sendall(_CHUNKED)
        read_head(sock)

    script = Script([listed()], [silent, watched(chunk("ADDED", pod("b")))])
    with fleet(tmp_path, script) as pods:
        seen = until(pods, {"b": True})

    assert any("went silent" in str(state) for state in seen)
    assert seen[-1] == {"b": True}


def test_the_deadline_ends_a_quiet_watch(tmp_path: Path) -> None:
    def quiet(sock: socket.socket) -> None:
        sock.sendall(_CHUNKED)
        read_head(sock)

    started = time.monotonic()
    with fleet(tmp_path, Script([listed()], [quiet])) as pods:
        sightings(pods, 100, seconds=0.5)
    assert 0.4 < time.monotonic() - started < 3


def test_an_interruption_ends_a_quiet_watch_at_once(tmp_path: Path) -> None:
    watching = threading.Event()

    def quiet(sock: socket.socket) -> None:
        sock.sendall(_CHUNKED)
        watching.set()
        read_head(sock)

    with fleet(tmp_path, Script([listed()], [quiet])) as pods, Cancellation() as switch:

        def interrupt() -> None:
            watching.wait(10)
            switch.cancel()

        thread = threading.Thread(target=interrupt)
        thread.start()
        started = time.monotonic()
        with pytest.raises(CancelledError):
            list(pods.sightings(Deadline(60), switch))
        assert time.monotonic() - started < 3
        thread.join()


def test_members_of_a_stateful_set_are_asked_for_on_the_same_connection(tmp_path: Path) -> None:
    script = Script(
        [listed(pod("b-0", owner="b"))],
        others=[http("200 OK", {"spec": {"replicas": 2, "template": _TEMPLATE}})],
    )

    with fleet(tmp_path, script) as pods:
        daemons = pods.daemons()

    assert [(daemon.name, daemon.state) for daemon in daemons] == [("b-0", "ready"), ("b-1", "missing")]
    assert script.asked[1] == "/apis/apps/v1/namespaces/ci/statefulsets/b"


@pytest.mark.parametrize(
    "answer",
    [
        http("403 Forbidden", {"message": "cannot get statefulsets"}),
        http("404 Not Found", {}),
        http("200 OK", []),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno!",
        reset,
        drain,
    ],
)
def test_without_the_right_to_see_the_stateful_set_only_gaps_are_members(
    tmp_path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_pods, "_FOR_MEMBERS", 0.3)
    pods_ = [pod("b-0", owner="b"), pod("b-2", owner="b")]
    with fleet(tmp_path, Script([listed(*pods_)], others=[answer])) as pods:
        assert sorted(daemon.name for daemon in pods.daemons()) == ["b-0", "b-1", "b-2"]


def _packed(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=31)
    packed = packing.compress(body) + packing.flush()
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (
        len(packed),
        packed,
    )


def test_a_large_list_may_be_packed(tmp_path: Path) -> None:
    body = json.dumps({"metadata": {}, "items": [pod(f"b-{n}") for n in range(100)]}).encode()
    with fleet(tmp_path, Script([_packed(body)])) as pods:
        assert len(pods.daemons()) == 100


@pytest.mark.parametrize("body", [b"no gzip", zlib.compress(b"{}")[:-1]])
def test_a_broken_pack_is_told(tmp_path: Path, body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with (
        fleet(tmp_path, Script([head + body])) as pods,
        pytest.raises(FleetError, match="did not answer with a list of pods"),
    ):
        pods.daemons()
