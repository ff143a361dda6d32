"""Sockets that a process is started with, as systemd hands them over."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from router.errors import UsageError
from router.serving.inherited import admits_several_users, inherited_sockets
from tests.unit.unprivileged import folder_for_anybody, unprivileged

# What systemd does last: put the sockets at 3 and above, say which process they are for.
_ACTIVATED = """
import fcntl, os, sys
sockets = [int(each) for each in sys.argv[1:]]
held = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in sockets]
for number, each in enumerate(held):
    os.dup2(each, 3 + number)
environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(sockets))}
from router.serving.inherited import admits_several_users, inherited_sockets
from router.serving.listener import Admission
from router.serving.listening import listen_on
inherited = inherited_sockets(environment)
assert not any(os.get_inheritable(each.fileno()) for each in inherited)
for listener in listen_on([], inherited, Admission(), print):
    with listener:
        print(listener.address, flush=True)
        accepted = listener.accept()
        print(accepted.who, flush=True)
        accepted.stream.close()
"""


def activated(*sockets: socket.socket) -> subprocess.Popen[str]:
    numbers = [each.fileno() for each in sockets]
    return subprocess.Popen(
        [sys.executable, "-c", _ACTIVATED, *map(str, numbers)],
        pass_fds=numbers,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_port_and_a_socket_are_taken_over() -> None:
    with folder_for_anybody() as folder, socket.socket(socket.AF_UNIX) as unix, socket.socket() as tcp:
        path = folder / "serve.sock"
        unix.bind(str(path))
        unix.listen()
        path.chmod(0o666)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        with activated(tcp, unix) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            with socket.create_connection(tcp.getsockname()):
                lines += [process.stdout.readline(), process.stdout.readline()]
            # The mode is what whoever opened it has chosen: another user may come.
            assert unprivileged(lambda: hello(path)) == "closed"
            rest, _ = process.communicate(timeout=60)

        port = tcp.getsockname()[1]
        assert path.exists()
        assert [*lines, rest] == [
            f"tcp://127.0.0.1:{port}\n",
            "local\n",
            f"unix://{path}\n",
            f"user {65534 if os.geteuid() == 0 else os.geteuid()}\n",
        ]


def hello(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        return client.recv(1).decode() or "closed"


@pytest.mark.parametrize("environment", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}])
def test_sockets_of_another_process_are_none_of_ours(environment: dict[str, str]) -> None:
    assert inherited_sockets(environment) == ()


@pytest.mark.parametrize("count", ["", "-1", "many", "100"])
def test_an_odd_count_is_refused(count: str) -> None:
    with pytest.raises(UsageError, match="invalid LISTEN_FDS"):
        inherited_sockets({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count})


@pytest.mark.parametrize(("mode", "several"), [(0o600, False), (0o644, False), (0o660, True), (0o666, True)])
def test_the_mode_says_whether_several_users_can_connect(mode: int, several: bool) -> None:
    with folder_for_anybody() as folder, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "serve.sock"))
        (folder / "serve.sock").chmod(mode)

        assert admits_several_users(unix) is several


def test_where_no_file_has_a_mode_several_users_can_connect() -> None:
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket() as tcp, folder_for_anybody() as folder:
        abstract.bind(f"\0warmroute-{os.getpid()}")
        tcp.bind(("127.0.0.1", 0))
        assert admits_several_users(abstract)
        assert admits_several_users(tcp)
        with socket.socket(socket.AF_UNIX) as moved:
            moved.bind(str(folder / "serve.sock"))
            (folder / "serve.sock").rename(folder / "other.sock")
            assert admits_several_users(moved)
