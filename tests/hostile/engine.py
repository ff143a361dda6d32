"""A Docker engine that floods who asks for its BuildKit, for a container's, or for room for an image."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from router._proto.control_pb2 import BytesMessage
from tests.hostile.attack import ENDED, FAILED, LIMIT, OUT_OF_TIME, Attack, Command, build
from tests.hostile.scripted_daemon import ScriptedDaemon
from tests.hostile.session_caller import SessionCaller
from tests.hostile.web import ANSWERS, Answer, body, endless
from tests.wire.transport.peers import Handler, read_head
from tests.wire.transport.peers import peer as listening

__all__ = ["ATTACKS"]

_UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def _sending(answer: Answer) -> Handler:
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        for data in answer():
            connection.sendall(data)

    return serve


def _container(answer: Answer) -> Handler:
    """Take the exec, and answer its start so."""
    created = body(b'{"Id": "abc"}', "201 Created")

    def serve(connection: socket.socket) -> None:
        while head := read_head(connection).strip():
            if b"/start" not in head:
                connection.recv(1 << 16)
            for data in (answer if b"/start" in head else created)():
                connection.sendall(data)

    return serve


def _attack(address: str, serve: Handler) -> Attack:
    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with listening(serve) as port:
            yield build(address.format(f"tcp://127.0.0.1:{port}"), directory)

    return Attack(peer=peer, codes=ENDED)


def _loading(answer: Answer, codes: frozenset[int]) -> Attack:
    """Give the engine an image, which answers so."""

    def serve(connection: socket.socket) -> None:
        heard = b""
        connection.settimeout(2 * LIMIT)
        while not heard.endswith(b"0\r\n\r\n"):
            more = connection.recv(1 << 16)
            if not more:
                return
            heard = heard[-100:] + more
        for data in answer():
            connection.sendall(data)

    def calls(caller: SessionCaller) -> Iterator[None]:
        archive = BytesMessage(data=b"archive").SerializeToString()
        caller.call("/moby.filesync.v1.FileSend/DiffCopy", archive)
        yield from caller.until(1)

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with (
            listening(serve) as port,
            ScriptedDaemon(calls=calls, failure="the image was not taken") as daemon,
        ):
            environment = {"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}
            yield build(daemon.address, directory, "--load", environment=environment)

    return Attack(peer=peer, codes=codes)


_FRAMES: dict[str, Callable[[], Answer]] = {
    "frames without end": lambda: endless(_UPGRADED, b"\x01\0\0\0\0\0\0\x01x"),
    "empty frames without end": lambda: endless(_UPGRADED, b"\x01\0\0\0\0\0\0\0"),
    "stderr without end": lambda: endless(_UPGRADED, b"\x02\0\0\0\0\0\x01\0" + b"\x1b[2J" * 64),
    "a frame that says it has 4 GB": lambda: endless(_UPGRADED + b"\x01\0\0\0\xff\xff\xff\xff", b"x"),
    "a frame of stderr that says it has 4 GB": lambda: endless(
        _UPGRADED + b"\x02\0\0\0\xff\xff\xff\xff", b"x"
    ),
}
# What an answer without 101 may be is tried once for each reader of HTTP.
_FEW = ("a body without end", "chunks of one byte without end", "headers without end", "an error of escapes")
_LOADED = (*_FEW, "chunks without end", "interim answers without end", "JSON nested 500,000 times")
# The others are refused at once, however long the limit.
_SLOW = ("chunks of one byte without end", "interim answers without end")
_REFUSED, _LIMITED = frozenset({FAILED}), frozenset({OUT_OF_TIME})

ATTACKS = {
    **{f"BuildKit: {name}": _attack("docker://?host={}", _sending(ANSWERS[name])) for name in _FEW},
    "BuildKit: an upgraded stream that floods": _attack(
        "docker://?host={}", _sending(endless(_UPGRADED, b"\0\0\0\x04\0\0\0\0\0"))
    ),
    **{
        f"container: {name}": _attack("docker-container://b?host={}", _sending(ANSWERS[name]))
        for name in (*_FEW, "JSON of the wrong types")
    },
    **{
        f"container: {name}": _attack("docker-container://b?host={}", _container(made()))
        for name, made in _FRAMES.items()
    },
    **{
        f"load: {name}": _loading(ANSWERS[name], _REFUSED | (_LIMITED if name in _SLOW else frozenset()))
        for name in _LOADED
    },
}
