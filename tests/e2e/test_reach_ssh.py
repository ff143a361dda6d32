"""Daemons on other machines, by the user's own ssh: an OpenSSH server on loopback."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from router import BuildRequest, ConnectionLostError, DialError, RouterConfig, ToolError
from router.address import parse_address
from router.model.events import Event, SolveStatus
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.kubernetes import with_busybox
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.sshd import HOST, Sshd, start_sshd

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /hello\n", "hello": "hello\n"}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A machine with buildctl on its PATH."""
    remote = f"{binaries.buildctl().parent}:/usr/bin:/bin"
    with start_sshd(tmp_path_factory.mktemp("sshd"), remote_path=remote) as server:
        yield server


def options(sshd: Sshd) -> DialOptions:
    """Return options with which the tests' ssh is found."""
    return DialOptions(environment={"PATH": sshd.path})


def workers(address: str, dial_options: DialOptions) -> int:
    """Ask a daemon for its workers; return how many there are."""
    with Channel(dial(parse_address(address), dial_options), peer=address) as channel:
        return len(Control(channel).list_workers(timeout=20).record)


def test_a_build_goes_to_the_socket_that_the_address_names(
    sshd: Sshd, buildkitd: Buildkitd, tmp_path: Path
) -> None:
    context = write_tree(tmp_path / "context", HELLO)
    builder = Builder(
        config=RouterConfig(addresses=addressed(("lab", f"ssh://{HOST}{buildkitd.socket}"))),
        scratch=tmp_path,
        environment={"PATH": sshd.path},
    )

    assert builder.files(BuildRequest(context=str(context))) == {"hello": b"hello\n"}


def test_user_and_port_of_the_address_win_over_the_config(sshd: Sshd, buildkitd: Buildkitd) -> None:
    address = f"ssh://root@{HOST}:{sshd.port}{buildkitd.socket}"
    assert workers(address, options(sshd)) == 1


def test_a_machine_without_a_daemon_says_what_buildctl_tried(sshd: Sshd) -> None:
    with pytest.raises(DialError, match=r"buildctl dial-stdio in ssh://builder/nowhere.* failed: .*nowhere"):
        workers(f"ssh://{HOST}/nowhere.sock", options(sshd))


def test_a_machine_without_buildctl_is_told(tmp_path: Path, buildkitd: Buildkitd) -> None:
    with (
        start_sshd(tmp_path / "sshd", remote_path="/bin") as bare,
        pytest.raises(DialError, match="can't run buildctl in ssh://builder") as caught,
    ):
        workers(f"ssh://{HOST}{buildkitd.socket}", options(bare))
    assert "install buildctl on builder" in (caught.value.hint or "")


def test_a_key_that_is_not_accepted_is_told(sshd: Sshd) -> None:
    with pytest.raises(
        DialError, match=r"can't reach ssh://nobody@stranger with ssh: Permission denied"
    ) as caught:
        workers("ssh://nobody@stranger", options(sshd))
    assert caught.value.reason == "unauthorized"
    assert not caught.value.temporary
    assert "ssh nobody@stranger true" in (caught.value.hint or "")


def test_a_host_that_is_not_known_is_told_instead_of_asked_about(sshd: Sshd) -> None:
    with pytest.raises(DialError, match="the host's key is not known") as caught:
        workers(f"ssh://root@localhost:{sshd.port}", options(sshd))
    assert caught.value.reason == "host-key"


def test_a_port_that_nobody_listens_on_is_told(sshd: Sshd) -> None:
    with pytest.raises(DialError, match="Connection refused") as caught:
        workers(f"ssh://{HOST}:1", options(sshd))
    assert caught.value.temporary


def test_without_ssh_the_error_says_what_to_install() -> None:
    with pytest.raises(ToolError, match="ssh is not installed") as caught:
        dial(parse_address(f"ssh://{HOST}"), DialOptions(environment={"PATH": "/nonexistent"}))
    assert "openssh-client" in (caught.value.hint or "")


def test_a_connection_that_is_cut_is_lost(sshd: Sshd, buildkitd: Buildkitd, tmp_path: Path) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo waiting; sleep 60",))

    def cut(event: Event) -> None:
        if isinstance(event, SolveStatus) and any(b"waiting" in log.data for log in event.logs):
            for child in psutil.Process(sshd.process.pid).children(recursive=True):
                if child.name().startswith("sshd"):
                    child.send_signal(signal.SIGKILL)

    builder = Builder(
        config=RouterConfig(addresses=addressed(("lab", f"ssh://{HOST}{buildkitd.socket}")), retries=0),
        scratch=tmp_path,
        environment={"PATH": sshd.path},
        then=cut,
    )
    with pytest.raises(ConnectionLostError, match="lost lab"):
        builder.build(BuildRequest(context=str(context)))


def test_closing_ends_ssh_and_the_command_on_the_other_machine(sshd: Sshd, buildkitd: Buildkitd) -> None:
    stream = dial(parse_address(f"ssh://{HOST}{buildkitd.socket}"), options(sshd))
    with Channel(stream, peer="lab") as channel:
        Control(channel).list_workers(timeout=20)
        server = psutil.Process(sshd.process.pid)
        (remote,) = [each for each in server.children(recursive=True) if each.name() == "buildctl"]
        (client,) = [each for each in psutil.Process().children(recursive=True) if each.name() == "ssh"]
    assert not client.is_running()
    remote.wait(10)
