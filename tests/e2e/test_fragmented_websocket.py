"""Builds on a real daemon, through a WebSocket whose frames are cut and fragmented at random: same bytes."""

from __future__ import annotations

import itertools
import os
import random
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from router import BuildRequest, RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.wire.transport.api_server import ApiServer, Exec
from tests.wire.transport.peers import peer

_PORT = (1234).to_bytes(2, "little")
_BUILDS = int(os.environ.get("WARMROUTE_TEST_BUILDS", "6"))


class _Way(NamedTuple):
    """What opens the channels, and which of them carry the bytes there and back."""

    protocol: str
    begin: tuple[bytes, ...]
    stdin: int
    stdout: int


_WAYS = {
    "exec": _Way("v5.channel.k8s.io", (b"\x01", b"\x02", b"\x03"), 0, 1),
    "port-forward": _Way("v4.channel.k8s.io", (b"\0" + _PORT, b"\1" + _PORT), 0, 0),
}


class _Cutter:
    """Passes a WebSocket on to a daemon's port, and its answers back in fragments around PINGs."""

    def __init__(self, address: tuple[str, int], way: _Way) -> None:
        self._address = address
        self._way = way
        self._seeds = itertools.count().__next__

    def __call__(self, far: Exec) -> None:
        """Serve one connection."""
        for message in self._way.begin:
            far.raw(0x2, message)
        with socket.create_connection(self._address) as daemon:
            thread = threading.Thread(target=self._answers, args=(far, daemon))
            thread.start()
            with suppress(OSError):
                while True:
                    opcode, payload = far.read()
                    if opcode == 0x8:
                        break
                    if opcode == 0x2 and payload[0] == self._way.stdin:
                        daemon.sendall(payload[1:])
            daemon.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _answers(self, far: Exec, daemon: socket.socket) -> None:
        choice = random.Random(self._seeds())
        with suppress(OSError):
            while data := daemon.recv(choice.choice((7, 100, 5000, 1 << 16))):
                self._cut(far, bytes([self._way.stdout]) + data, choice)

    def _cut(self, far: Exec, message: bytes, choice: random.Random) -> None:
        """Send one message as fragments, some of them empty, and in pieces that end anywhere."""
        wire = bytearray()
        position, opcode = 0, 0x2
        while position < len(message):
            size = choice.choice((0, 1, 3, 90, 125))
            piece = message[position : position + size]
            position += size
            final = 0x80 if position >= len(message) else 0
            wire += bytes((final | opcode, len(piece))) + piece
            opcode = 0
            if choice.random() < 0.2:
                wire += b"\x89\x01!"
        middle = choice.randrange(len(wire))
        far.sock.sendall(wire[:middle])
        far.sock.sendall(wire[middle:])


@pytest.mark.parametrize("via", _WAYS)
def test_every_build_has_the_same_bytes(builder: Builder, tmp_path: Path, via: str) -> None:
    files = {"Dockerfile": "FROM scratch\nCOPY . /\n", "small": "x"}
    context = write_tree(tmp_path / "context", {**files, "large": os.urandom(300_000)})
    request = BuildRequest(context=str(context), no_cache=True)
    expected = builder.files(request)
    host, _, port = str(builder.config.addresses[0][1]).removeprefix("tcp://").rpartition(":")
    way = _WAYS[via]
    server = ApiServer(tmp_path, command=_Cutter((host, int(port)), way), protocol=way.protocol)
    with peer(server.handle) as served:
        config = RouterConfig(
            addresses=addressed(("one", f"kube-pod://b-0?via={via}")),
            kubeconfig=server.kubeconfig(served, scheme="http"),
            key="test",
        )
        cut = replace(builder, config=config)

        results = [cut.files(request) for _ in range(_BUILDS)]

    assert all(result == expected for result in results)
