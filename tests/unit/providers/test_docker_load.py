"""Loading an image into an engine: the bytes that it gets, and what is made of its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.docker.endpoint import find_endpoint
from router.errors import DialError, OutputError
from router.providers.docker_load import DockerLoadSink, check_engine

DONE = b'{"stream":"Loaded image: app:1\\n"}\n'


class Engine:
    """Takes one connection, reads one chunked request, and gives one answer; None: it hangs up."""

    def __init__(self, path: Path) -> None:
        self.environment = {"DOCKER_HOST": f"unix://{path}", "HOME": str(path.parent)}
        self.answer: bytes | None = reply(DONE)
        self.head = b""
        self.body = b""
        self.waits = threading.Event()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            while (line := stream.readline()) not in {b"\r\n", b""}:
                self.head += line
            while size := int(stream.readline() or b"0", 16):
                self.body += stream.read(size)
                stream.readline()
            if self.answer is not None:
                connection.sendall(self.answer)
            if self.answer == b"":
                self.waits.set()
                stream.read()


def reply(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "docker.sock")
    yield made
    made.close()


def test_the_engine_gets_the_archive_as_it_comes(engine: Engine) -> None:
    sink = DockerLoadSink(find_endpoint(engine.environment))
    for part in (b"one", b"", b"\r\n0\r\n"):
        sink.write(memoryview(part))
    sink.commit()
    sink.abort()

    assert engine.head.startswith(b"POST /images/load?quiet=1 HTTP/1.1\r\n")
    assert b"Content-Type: application/x-tar\r\n" in engine.head
    assert engine.body == b"one\r\n0\r\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply(DONE + b'{"errorDetail":{"message":"m"},"error":"no space left"}\n'), "no space left"),
        (reply(b'{"message":"bad archive"}', "400 Bad Request"), "bad archive"),
        (reply(b"plain words", "500 Internal Server Error"), "plain words"),
        (reply(b"", "503 Service Unavailable"), "Service Unavailable"),
        (None, "broke off"),
        (b"nonsense\r\n\r\n", "broke off"),
        (reply(b" " * (1 << 20) + b" "), "sent an endless answer"),
        (reply(b"why " * 10_000, "500 Internal Server Error"), r"why why .{,2000}$"),
    ],
)
def test_an_engine_that_does_not_take_it_says_why(engine: Engine, answer: bytes | None, why: str) -> None:
    engine.answer = answer
    sink = DockerLoadSink(find_endpoint(engine.environment))
    sink.write(memoryview(b"archive"))

    with pytest.raises(OutputError, match=why) as caught:
        sink.commit()
    sink.abort()

    assert "the Docker engine at unix://" in str(caught.value)


def test_abort_ends_a_commit_that_waits(engine: Engine) -> None:
    engine.answer = b""
    sink = DockerLoadSink(find_endpoint(engine.environment))
    errors: list[OutputError] = []

    def commit() -> None:
        try:
            sink.commit()
        except OutputError as exc:
            errors.append(exc)

    thread = threading.Thread(target=commit)
    thread.start()
    assert engine.waits.wait(10)
    sink.abort()
    thread.join(10)

    assert len(errors) == 1


def test_an_archive_that_is_given_up_is_not_ended(engine: Engine) -> None:
    engine.answer = None
    sink = DockerLoadSink(find_endpoint(engine.environment))
    sink.write(memoryview(b"half"))
    sink.abort()
    sink.abort()

    with pytest.raises(OutputError):
        sink.commit()


def test_an_engine_that_is_not_there_is_seen_before_the_build(tmp_path: Path) -> None:
    environment = {"DOCKER_HOST": f"unix://{tmp_path}/gone.sock", "HOME": str(tmp_path)}

    with pytest.raises(DialError, match="--load: can't connect") as caught:
        check_engine(find_endpoint(environment))
    with pytest.raises(OutputError, match="can't load the image: can't connect"):
        DockerLoadSink(find_endpoint(environment))

    assert caught.value.exit_code == 69
