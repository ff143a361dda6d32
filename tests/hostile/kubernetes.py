"""An API server, and a pod behind it, that flood who lists, watches, executes and forwards."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.hostile.attack import ENDED, ESCAPE, UNREACHABLE, Attack, Command, build
from tests.hostile.web import ANSWERS, Answer, body, endless
from tests.wire.transport.api_server import ApiServer, Exec
from tests.wire.transport.peers import peer as listening
from tests.wire.transport.peers import read_head

__all__ = ["ATTACKS"]

_EXEC, _FORWARD = "v5.channel.k8s.io", "v4.channel.k8s.io"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _answering(
    answer: Answer, *, listed: Answer | None = None, words: Sequence[str] = (), **allowed: object
) -> Attack:
    """Answer every request so; ``listed`` is for those that don't watch."""

    def serve(connection: socket.socket) -> None:
        while b"HTTP/1.1" in (head := read_head(connection)):
            watches = b"watch=" in head
            for data in (answer if watches or listed is None else listed)():
                connection.sendall(data)

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        server = ApiServer(directory)
        with listening(serve) as port:
            config = server.kubeconfig(port, scheme="http")
            command = build("", directory, "--selector", "app=b", "--kubeconfig", config, *words)
            args = [word for word in command.args if word not in {"--addr", ""}]
            yield Command(args, command.environment)

    return Attack(peer=peer, **{"codes": ENDED, **allowed})  # type: ignore[arg-type]


def _fleet(answer: Answer, **allowed: object) -> Attack:
    """Answer so whoever looks after a fleet."""

    def serve(connection: socket.socket) -> None:
        while b"HTTP/1.1" in read_head(connection):
            for data in answer():
                connection.sendall(data)

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        server = ApiServer(directory)
        with listening(serve) as port:
            config = server.kubeconfig(port, scheme="http")
            yield Command(("fleet", "status", "--namespace", "n", "--kubeconfig", config))

    # Its limit is the one of an answer; what is too large ends it before.
    return Attack(peer=peer, **{"codes": frozenset({UNREACHABLE}), **allowed})  # type: ignore[arg-type]


def _gzip_bomb() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(256):
            file.write(bytes(1 << 20))
    return packed.getvalue()


def _talking(command: Callable[[Exec], None], protocol: str) -> Attack:
    """Upgrade to a WebSocket, and say this on it."""
    via = "exec" if protocol == _EXEC else "port-forward"

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        server = ApiServer(directory, command=command, protocol=protocol)
        with listening(server.handle) as port:
            config = server.kubeconfig(port, scheme="http")
            yield build(f"kube-pod://b-0?via={via}", directory, "--kubeconfig", config)

    return Attack(peer=peer, codes=ENDED)


def _flood(first: bytes, again: bytes) -> Callable[[Exec], None]:
    def command(far: Exec) -> None:
        far.sock.sendall(first)
        while True:  # until the client hangs up
            far.sock.sendall(again * max(1 << 18 // len(again), 1))

    return command


def _huge_status(far: Exec) -> None:
    far.end({"status": "Failure", "message": ESCAPE * 100_000})
    far.read()


def _deep_status(far: Exec) -> None:
    far.write(3, b'{"details":' * 100_000)
    far.read()


def _stderr_of_escapes(far: Exec) -> None:
    for _ in range(100):
        far.write(2, ESCAPE.encode() * 1000)
    far.end({"status": "Failure", "message": "command terminated with exit code 1"})


def _pods(number: int, size: int) -> bytes:
    pods = [
        {
            "metadata": {"name": f"b-{each}", "annotations": {"a": "x" * size}},
            "spec": {"containers": [{"name": "b", "image": "i"}]},
        }
        for each in range(number)
    ]
    return json.dumps({"metadata": {"resourceVersion": "1"}, "items": pods}).encode()


def _pages_without_end() -> Answer:
    page = json.loads(_pods(200, 1000))
    page["metadata"]["continue"] = "more"
    return body(json.dumps(page).encode())


def _hostile_names() -> bytes:
    pods = json.loads(_pods(1, 0))
    pods["items"][0] |= {"status": {"phase": "Running", "podIP": ESCAPE}}
    pods["items"][0]["metadata"]["name"] = ESCAPE + "../../x?y=z"
    return json.dumps(pods).encode()


def _watch_line_without_end() -> Iterator[bytes]:
    yield _CHUNKED
    yield from itertools.repeat(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def _events_without_end() -> Iterator[bytes]:
    yield _CHUNKED
    for number in itertools.count(0, 100):
        lines = b""
        for each in range(100):
            pod = {"metadata": {"name": f"b-{number + each}", "resourceVersion": "2"}}
            lines += json.dumps({"type": "ADDED", "object": pod}).encode() + b"\n"
        yield b"%x\r\n%b\r\n" % (len(lines), lines)


_EMPTY = body(b'{"metadata": {"resourceVersion": "1"}, "items": []}')
_WAITING = ("--wait", "30s")

# What is the same for all that speak HTTP is tried on the token server.
_FEW = (
    "a body without end",
    "a body of 100 MB",
    "chunks of one byte without end",
    "headers without end",
    "JSON nested 500,000 times",
    "numbers beyond all",
    "a million objects",
    "JSON of the wrong types",
    "an error of escapes",
    "a Retry-After of 100 years",
)
_FLOODS = {
    "PINGs without end": _flood(b"", b"\x89\x04ping"),
    "PONGs without end": _flood(b"", b"\x8a\x04pong"),
    "empty fragments without end": _flood(b"\x02\x00", b"\x00\x00"),
    "fragments of one byte": _flood(b"\x02\x00", b"\x00\x01a"),
    "messages on an unknown channel": _flood(b"", b"\x82\x02\x63x"),
    "a frame that says it has 8 EB": _flood(b"\x82\x7f\x7f" + b"\xff" * 7, b"x"),
    "stderr without end": _flood(b"", b"\x82\x7e\x10\x00\x02" + b"e" * 4095),
}
# They are read by the same code.
_FORWARDED = ("PINGs without end", "empty fragments without end", "messages on an unknown channel")

ATTACKS = {
    **{f"list: {name}": _answering(ANSWERS[name]) for name in _FEW},
    **{
        f"fleet: {name}": _fleet(ANSWERS[name])
        for name in _FEW
        if name not in {"JSON of the wrong types", "chunks of one byte without end"}
    },
    "fleet: JSON of the wrong types": _fleet(ANSWERS["JSON of the wrong types"], codes=frozenset({0})),
    "fleet: a compressed body of 256 MB": _fleet(
        body(_gzip_bomb(), headers="Content-Encoding: gzip\r\n"), said="did not answer in JSON"
    ),
    "fleet: an error without end": _fleet(
        endless(b"HTTP/1.1 500 Oh\r\n\r\n", b"x"), said="the answer is too large"
    ),
    "fleet: a message and a phrase of escapes": _fleet(
        body(json.dumps({"message": ESCAPE}).encode(), "403 " + ESCAPE.replace("\r", "")),
        said="its answer was 403",
    ),
    "list: 1,000 pods of 50 KB": _answering(body(_pods(1000, 50_000))),
    "list: pages without end": _answering(_pages_without_end()),
    "list: names of escapes": _answering(body(_hostile_names())),
    "list: a redirect to itself": _answering(body(b"", "302 Found", "Location: /\r\n")),
    "watch: a line without end": _answering(_watch_line_without_end, listed=_EMPTY, words=_WAITING),
    "watch: pods without end": _answering(_events_without_end, listed=_EMPTY, words=_WAITING),
    **{
        f"{way}: {name}": _talking(command, protocol)
        for way, protocol in (("exec", _EXEC), ("port-forward", _FORWARD))
        for name, command in _FLOODS.items()
        if protocol == _EXEC or name in _FORWARDED
    },
    "exec: a status of 2 MB of escapes": _talking(_huge_status, _EXEC),
    "exec: a status nested 100,000 times": _talking(_deep_status, _EXEC),
    "exec: escapes on stderr": _talking(_stderr_of_escapes, _EXEC),
}
