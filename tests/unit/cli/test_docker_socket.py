"""docker's word to its plugins that they are to end."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.docker_socket import connect
from cli.interruption import Silent, interruptible
from router import CancelledError

VARIABLE = "DOCKER_CLI_PLUGIN_SOCKET"


@pytest.mark.parametrize("name", ["@warmroute-test-{id}", "{tmp}/docker.sock"])
def test_a_build_is_cancelled_when_docker_closes_its_socket(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = name.format(id=tmp_path.parent.name + tmp_path.name, tmp=tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address.replace("@", "\0"))
        listening.listen()
        monkeypatch.setenv(VARIABLE, address)

        with interruptible(Silent(heeds=True)) as cancellation:
            connection, _ = listening.accept()
            assert not cancellation.cancelled
            connection.sendall(b"something")
            connection.close()
            with pytest.raises(CancelledError, match="docker was interrupted"):
                cancellation.sleep(20)


def test_a_socket_of_a_docker_that_is_gone_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connect("@warmroute-nobody") is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.sock"))

    with interruptible(Silent(heeds=True)) as cancellation:
        assert not cancellation.cancelled
