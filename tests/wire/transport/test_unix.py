"""Dialling sockets on this machine."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import DialError, RouterError
from router.model.tls import TLSOptions
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


@pytest.mark.parametrize("tls", [None, TLSOptions(ca="ca.pem")])
def test_options_of_tls_that_count_for_nothing_are_told(tmp_path: Path, tls: TLSOptions | None) -> None:
    told: list[str] = []
    options = DialOptions(tls=tls, warn=told.append)

    with peer(echo, listener=listen(str(tmp_path / "s"))):
        dial(parse_address(f"unix://{tmp_path}/s"), options).close()

    assert told == [
        "connecting by unix: the --tls options are not used (they are for tcp:// and for pods)"
    ] * (tls is not None)


@pytest.mark.parametrize(
    "address",
    [
        "ssh://nobody.invalid",
        "docker-container://b",
        "podman-container://b",
        "nerdctl-container://b",
        "docker://",
    ],
)
def test_they_count_for_nothing_in_containers_and_on_other_machines(tmp_path: Path, address: str) -> None:
    told: list[str] = []
    options = DialOptions(
        tls=TLSOptions(ca="ca.pem"), warn=told.append, environment={"DOCKER_HOST": f"unix://{tmp_path}/none"}
    )

    with suppress(RouterError):  # nobody is there, which some hear later
        dial(parse_address(address), options).close()

    assert [text.partition(":")[0] for text in told] == [f"connecting by {address.partition(':')[0]}"]


def test_a_missing_socket_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(DialError, match=f"unix://{tmp_path}/missing: no such file or directory") as caught:
        dial(parse_address(f"unix://{tmp_path}/missing"), DialOptions())
    # It names no option: programs and variables give addresses too.
    assert caught.value.hint == "check that buildkitd is running, and that this is its socket"


def test_a_leftover_socket_is_told_apart(tmp_path: Path) -> None:
    listen(str(tmp_path / "s")).close()
    with pytest.raises(DialError, match="connection refused") as caught:
        dial(parse_address(f"unix://{tmp_path}/s"), DialOptions())
    assert "nothing listens on this socket" in (caught.value.hint or "")


def test_a_path_that_is_too_long_for_the_kernel_is_a_dial_error() -> None:
    with pytest.raises(DialError, match="too long"):
        dial(parse_address(f"unix:///{'x' * 200}"), DialOptions())


def test_no_further_socket_is_a_dial_error(tmp_path: Path) -> None:
    with few_files(0), pytest.raises(DialError, match="too many open files") as caught:
        dial(parse_address(f"unix://{tmp_path}/socket"), DialOptions(timeout=5))
    assert caught.value.hint == "raise the limit of open files: ulimit -n 4096"
