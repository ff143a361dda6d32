"""Dialling sockets on this machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import DialError
from router.transport import dial
from router.transport.options import DialOptions
from tests.unit.few_files import few_files
from tests.wire.transport.peers import echo, peer, transfer


def listen(path: str) -> socket.socket:
    """Return a listening unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    return sock


@pytest.mark.parametrize("abstract", [False, True])
def test_bytes_go_there_and_back(tmp_path: Path, *, abstract: bool) -> None:
    name = f"warmroute-{os.getpid()}" if abstract else str(tmp_path / "s")
    with peer(echo, listener=listen("\0" + name if abstract else name)):
        stream = dial(parse_address(f"unix://{'@' if abstract else ''}{name}"), DialOptions())
        assert transfer(stream, [b"hello"], expect=5) == b"hello"
        stream.close()


def test_a_missing_socket_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(DialError, match=f"unix://{tmp_path}/missing: no such file or directory") as caught:
        dial(parse_address(f"unix://{tmp_path}/missing"), DialOptions())
    # It names no option: programs and variables give addresses too.
    assert caught.value.hint == "is buildkitd running, and is this its socket?"


def test_a_leftover_socket_is_told_apart(tmp_path: Path) -> None:
    listen(str(tmp_path / "s")).close()
    with pytest.raises(DialError, match="connection refused") as caught:
        dial(parse_address(f"unix://{tmp_path}/s"), DialOptions())
    assert "leftover" in (caught.value.hint or "")


def test_a_path_that_is_too_long_for_the_kernel_is_a_dial_error() -> None:
    with pytest.raises(DialError, match="too long"):
        dial(parse_address(f"unix:///{'x' * 200}"), DialOptions())


def test_no_further_socket_is_a_dial_error(tmp_path: Path) -> None:
    with few_files(0), pytest.raises(DialError, match="too many open files") as caught:
        dial(parse_address(f"unix://{tmp_path}/socket"), DialOptions(timeout=5))
    assert caught.value.hint == "raise the limit of open files: ulimit -n 4096"
