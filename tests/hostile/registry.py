"""A token server, asked because a daemon names it, and a registry, asked whether a lost push had arrived."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from router._proto import auth_pb2
from router._proto import control_pb2 as pb
from tests.hostile.attack import ENDED, FAILED, OUT_OF_TIME, Attack, Command, build
from tests.hostile.scripted_daemon import ScriptedDaemon, step
from tests.hostile.session_caller import Script, SessionCaller
from tests.hostile.web import ANSWERS, Answer, body
from tests.wire.transport.peers import peer as listening
from tests.wire.transport.peers import read_head

__all__ = ["ATTACKS"]

_FETCH = "/moby.filesync.v1.Auth/FetchToken"
_DIGEST = f"sha256:{sha256(b'').hexdigest()}"
_LOGIN = base64.b64encode(b"me:sesame").decode()


def _login(directory: Path, host: str) -> dict[str, str]:
    (directory / "docker").mkdir()
    (directory / "docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": _LOGIN}}}))
    return {"DOCKER_CONFIG": str(directory / "docker")}


def _asking(realm: str, host: str) -> Script:
    def script(caller: SessionCaller) -> Iterator[None]:
        asked = auth_pb2.FetchTokenRequest(Host=host, Realm=realm, Service="s", Scopes=["repository:a:pull"])
        for _ in range(20):
            caller.call(_FETCH, asked.SerializeToString())
        yield from caller.until(20)

    return script


def _token(answer: Answer) -> Attack:
    """Have a token fetched from a server that answers so; each daemon asks twenty times at once."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        for data in answer():
            connection.sendall(data)

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with listening(serve) as port:
            host = f"127.0.0.1:{port}"
            script = _asking(f"http://{host}/token", host)
            with ScriptedDaemon(calls=script, failure="no token") as daemon:
                yield build(daemon.address, directory, environment=_login(directory, host))

    return Attack(peer=peer, codes=frozenset({FAILED, OUT_OF_TIME}))


def _pushed(answer: Answer, codes: frozenset[int] = ENDED) -> Attack:
    """Lose the daemon in the middle of a push, and answer so when it is asked what has arrived."""

    def serve(connection: socket.socket) -> None:
        is_tls = connection.recv(1, socket.MSG_PEEK) == b"\x16"
        if is_tls and answer is not _silent:
            return
        read_head(connection)
        for data in answer():
            connection.sendall(data)

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with listening(serve) as port:
            name = f"127.0.0.1:{port}/a:1"

            def statuses() -> Iterator[bytes]:
                told = pb.StatusResponse(vertexes=[step("exporting to image")])
                transfer = told.statuses.add(ID=f"pushing manifest for {name}@{_DIGEST}", vertex="sha256:1")
                transfer.started.FromSeconds(1)
                yield told.SerializeToString()
                yield b"\xff"  # and with this it is lost

            with ScriptedDaemon(statuses) as daemon:
                yield build(daemon.address, directory, "--push", "--tag", name)

    return Attack(peer=peer, codes=codes)


def _silent() -> Iterator[bytes]:
    """Answer nothing, not even to TLS."""
    yield b""


_FEW = (
    "a body without end",
    "chunks of one byte without end",
    "headers without end",
    "JSON nested 500,000 times",
    "an error of escapes",
    "a Retry-After of 100 years",
)
_REFUSALS = {
    "401 again and again": body(b"", "401 Unauthorized", 'WWW-Authenticate: Bearer realm="/token"\r\n'),
    "a redirect to itself": body(b"", "302 Found", "Location: /token\r\n"),
    "a redirect to a file": body(b"", "302 Found", "Location: file:///etc/passwd\r\n"),
    "a challenge of 60 KB": body(
        b"", "401 Unauthorized", "WWW-Authenticate: Bearer " + 'a="\\"' * 12_000 + "\r\n"
    ),
}

ATTACKS = {
    **{f"token: {name}": _token(answer) for name, answer in {**ANSWERS, **_REFUSALS}.items()},
    **{f"push: {name}": _pushed({**ANSWERS, **_REFUSALS}[name]) for name in (*_FEW, *_REFUSALS)},
    "push: silence": _pushed(_silent, frozenset({OUT_OF_TIME})),
}
