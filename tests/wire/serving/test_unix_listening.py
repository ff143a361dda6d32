"""A unix socket of an endpoint: whose it is, who comes in, what becomes of what lies there."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.errors import RouterError, UsageError
from router.serving.peer import Peer, peer_of
from tests.unit.unprivileged import NOBODY, folder_for_anybody, unprivileged
from tests.wire.serving.clients import Said, aside, let_in, listening, receive


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: pytest's own may be too long for a socket's."""
    with folder_for_anybody() as made:
        yield made


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(20)
    client.connect(str(path))
    return client


def test_a_client_of_the_same_user_is_let_in(folder: Path) -> None:
    path = folder / "own" / "serve.sock"
    with listening(f"unix://{path}") as listener, connected(path) as client:
        accepted = let_in(listener)
        client.sendall(b"hello")

        assert receive(accepted.stream) == b"hello"
        assert accepted.who == f"user {os.geteuid()}"
        assert accepted.description == f"process {os.getpid()} of user {os.geteuid()}"
        assert listener.address == f"unix://{path}"
        accepted.stream.close()


def test_directory_and_socket_are_for_the_user_alone(folder: Path) -> None:
    path = folder / "own" / "serve.sock"
    with listening(f"unix://{path}"):
        modes = [stat.S_IMODE(os.stat(each).st_mode) for each in (path.parent, path, f"{path}.lock")]

    assert modes == [0o700, 0o600, 0o600]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_where_the_files_let_him_in(folder: Path) -> None:
    path, said = folder / "serve.sock", Said()

    def say_hello() -> str:
        with connected(path) as client:
            return client.recv(1).decode() or "closed"

    with listening(f"unix://{path}", said=said) as listener:
        path.chmod(0o666)
        with aside(listener.accept):
            assert unprivileged(say_hello) == "closed"
            (text,) = said.wait(1)
            listener.stop()

    assert text.startswith("refused process ")
    assert text.endswith(f"of user {NOBODY}: unix://{path} is only for user {os.geteuid()}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_can_not_even_connect(folder: Path) -> None:
    path = folder / "serve.sock"
    with listening(f"unix://{path}"):
        answer = unprivileged(lambda: str(connected(path)))

    assert "PermissionError" in answer


def test_the_second_one_is_told_who_listens(folder: Path) -> None:
    path = folder / "serve.sock"
    with listening(f"unix://{path}"), pytest.raises(RouterError) as caught, listening(f"unix://{path}"):
        pass

    assert str(caught.value) == f"unix://{path} is in use: process {os.getpid()} listens on it"
    assert caught.value.hint == f"stop it (kill {os.getpid()}), or listen elsewhere: --listen unix://PATH"


def test_the_first_one_still_listens_after_a_second_one_came(folder: Path) -> None:
    path = folder / "serve.sock"
    with listening(f"unix://{path}") as listener:
        with pytest.raises(RouterError), listening(f"unix://{path}"):
            pass
        with connected(path):
            let_in(listener).stream.close()


def test_what_a_dead_one_left_is_replaced(folder: Path) -> None:
    path = folder / "serve.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    Path(f"{path}.lock").write_text("4194304\n")

    with listening(f"unix://{path}") as listener, connected(path):
        let_in(listener).stream.close()


def test_a_socket_that_something_else_listens_on_is_left_alone(folder: Path) -> None:
    path = folder / "buildkitd.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(RouterError) as caught, listening(f"unix://{path}"):
            pass
        connected(path).close()

    assert str(caught.value) == f"unix://{path} is in use: process {os.getpid()} listens on it"


def test_what_is_no_socket_is_left_alone(folder: Path) -> None:
    path = folder / "notes"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a socket"), listening(f"unix://{path}"):
        pass

    assert path.read_text() == "mine"


def test_at_the_end_nothing_is_left_and_the_next_one_can_listen(folder: Path) -> None:
    path = folder / "serve.sock"
    with listening(f"unix://{path}"):
        pass
    assert list(folder.iterdir()) == []

    with listening(f"unix://{path}") as listener, connected(path):
        let_in(listener).stream.close()


def test_the_socket_of_a_successor_is_not_removed(folder: Path) -> None:
    path = folder / "serve.sock"
    with listening(f"unix://{path}"):
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(str(path))

    assert path.is_socket()


def test_stop_ends_an_accept_in_another_thread(folder: Path) -> None:
    answers: list[object] = []
    waits = threading.Event()
    with listening(f"unix://{folder}/serve.sock") as listener:

        def accept() -> None:
            waits.set()
            answers.append(listener.accept())

        with aside(accept):
            waits.wait()
            listener.stop()

    assert answers == [None]


def test_a_directory_that_everybody_can_write_to_is_refused(folder: Path) -> None:
    folder.chmod(0o777)
    with pytest.raises(UsageError, match=f"every user can write to the directory {folder}") as caught:
        listening(f"unix://{folder}/serve.sock").__enter__()

    assert caught.value.hint is not None
    with listening(caught.value.hint.rpartition(" ")[2]):  # and what is advised works
        pass


def test_a_directory_where_nobody_can_remove_what_others_have_made_is_taken(folder: Path) -> None:
    folder.chmod(0o1777)
    with listening(f"unix://{folder}/serve.sock"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_directory_of_another_user_is_refused(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(UsageError, match="belongs to another user"), listening(f"unix://{folder}/serve.sock"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_that_another_user_has_made_is_refused(folder: Path) -> None:
    (folder / "target").mkdir()
    (folder / "link").symlink_to(folder / "target")
    os.lchown(folder / "link", NOBODY, NOBODY)
    with (
        pytest.raises(UsageError, match="belongs to another user"),
        listening(f"unix://{folder}/link/serve.sock"),
    ):
        pass


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert peer_of(near) == Peer(process=os.getpid(), user=os.geteuid())


def test_nothing_to_listen_on_is_refused() -> None:
    with pytest.raises(UsageError, match="there is nothing to listen on"), listening():
        pass
