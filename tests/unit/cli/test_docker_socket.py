"""docker's word to its plugins that they are to end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.docker_socket import connect
from cli.interruption import Silent, interruptible

VARIABLE = "DOCKER_CLI_PLUGIN_SOCKET"


# A process of its own: an end that has begun ends the process, whatever comes after the block.
_PLUGIN = """
from cli.interruption import Silent, interruptible
from router import CancelledError

with interruptible(Silent(heeds=True)) as cancellation:
    try:
        cancellation.sleep(20)
    except CancelledError as exc:
        print(exc)
"""


@pytest.mark.parametrize("name", ["@warmroute-test-{id}", "{tmp}/docker.sock"])
def test_a_build_is_cancelled_when_docker_closes_its_socket(name: str, tmp_path: Path) -> None:
    address = name.format(id=tmp_path.parent.name + tmp_path.name, tmp=tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address.replace("@", "\0"))
        listening.listen()
        with subprocess.Popen(
            [sys.executable, "-c", _PLUGIN], env={**os.environ, VARIABLE: address}, stdout=subprocess.PIPE
        ) as plugin:
            connection, _ = listening.accept()
            connection.sendall(b"something")
            connection.close()
            said, _ = plugin.communicate(timeout=20)

    assert b"docker was interrupted" in said


def test_a_socket_of_a_docker_that_is_gone_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connect("@warmroute-nobody") is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.sock"))

    with interruptible(Silent(heeds=True)) as cancellation:
        assert not cancellation.cancelled
