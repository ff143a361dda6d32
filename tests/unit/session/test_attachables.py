"""The small services: secrets, health; and which file goes where."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import pytest

from router._proto.fsutil_pb2 import Packet, Stat
from router._proto.secrets_pb2 import GetSecretRequest, GetSecretResponse
from router.errors import UsageError
from router.rpc.grpc import Status
from router.session import health
from router.session.filesend import Directory, filesend
from router.session.filesync import filesync
from router.session.secrets import secrets
from router.session.server import SlowHandler
from tests.unit.session.daemon import Daemon

GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
FILE_SEND = "/moby.filesync.v1.FileSend/DiffCopy"
FILE_SYNC = "/moby.filesync.v1.FileSync/DiffCopy"


class Store:
    """Knows two secrets, and one that can't be read."""

    def get(self, secret_id: str) -> bytes | None:
        if secret_id == "broken":
            raise UsageError("can't read the file of secret broken")
        return {"token": b"\0\xffvalue", "empty": b""}.get(secret_id)


class Sink:
    """Keeps what was written, and what became of it."""

    waits = False

    def __init__(self) -> None:
        self.data = b""
        self.end: list[str] = []

    def write(self, data: memoryview) -> None:
        self.data += data

    def commit(self) -> None:
        self.end.append("committed")

    def abort(self) -> None:
        self.end.append("aborted")


@pytest.mark.parametrize(("name", "value"), [("token", b"\0\xffvalue"), ("empty", b"")])
def test_a_named_secret_is_given(name: str, value: bytes) -> None:
    with Daemon(unary=secrets(Store())) as daemon:
        assert daemon.ask(GET_SECRET, GetSecretRequest(ID=name).SerializeToString()) == (Status.OK, "")

        assert GetSecretResponse.FromString(daemon.answers[1][0]).data == value


def test_another_secret_is_not_found() -> None:
    with Daemon(unary=secrets(Store())) as daemon:
        status = daemon.ask(GET_SECRET, GetSecretRequest(ID="other").SerializeToString())

        assert status == (Status.NOT_FOUND, "secret other: not found")
        assert daemon.session.failures == []


def test_a_secret_that_can_not_be_read_is_a_failure() -> None:
    with Daemon(unary=secrets(Store())) as daemon:
        code, _ = daemon.ask(GET_SECRET, GetSecretRequest(ID="broken").SerializeToString())

        assert code == Status.UNKNOWN
        assert [str(failure) for failure in daemon.session.failures] == [
            "can't read the file of secret broken"
        ]


@pytest.mark.parametrize("request_", [b"\x0a\x05abc", b"\xff", b"\x0a\x01\xff"])
def test_a_request_that_is_no_protobuf_is_an_invalid_argument(request_: bytes) -> None:
    with Daemon(unary=secrets(Store())) as daemon:
        assert daemon.ask(GET_SECRET, request_)[0] == Status.INVALID_ARGUMENT
        assert daemon.session.failures == []


def test_the_session_is_healthy() -> None:
    with Daemon(unary={health.CHECK: health.check}) as daemon:
        daemon.ask(health.CHECK)

        assert daemon.answers[1] == [b"\x08\x01"]


def test_a_result_goes_to_the_exporter_with_its_number() -> None:
    from router._proto.control_pb2 import BytesMessage

    sinks = Sink(), Sink()
    with Daemon(streaming=filesend({0: lambda: sinks[0], 1: lambda: sinks[1]})) as daemon:
        messages = [BytesMessage(data=part).SerializeToString() for part in (b"one", b"", b"two")]
        daemon.call(FILE_SEND, *messages, buildkit_attachable_exporter_id="1")

    assert sinks[1].data == b"onetwo"
    assert sinks[1].end[0] == "committed"
    assert sinks[0].end == []


def test_a_result_that_breaks_off_is_not_committed() -> None:
    sink = Sink()
    with Daemon(streaming=filesend({0: lambda: sink})) as daemon:
        daemon.call(FILE_SEND, b"\x0a\x03one", end=False)

    assert sink.end == ["aborted"]


class Pipe(Sink):
    """Takes nothing before somebody reads."""

    waits = True

    def __init__(self) -> None:
        super().__init__()
        self.read = threading.Event()

    def write(self, data: memoryview) -> None:
        assert self.read.wait(30)
        super().write(data)


def test_a_pipe_that_nobody_reads_holds_up_neither_the_session_nor_the_result() -> None:
    from router._proto.control_pb2 import BytesMessage

    pipe = Pipe()
    part = BytesMessage(data=b"x" * 100_000).SerializeToString()

    def wake() -> None:
        daemon.woken.set()

    streaming = filesend({0: lambda: pipe}, wake=wake)
    with Daemon(unary={health.CHECK: health.check}, streaming=streaming) as daemon:
        stream_id = daemon.call(FILE_SEND, *[part] * 400)
        assert daemon.ask(health.CHECK) == (Status.OK, "")
        assert pipe.data == b""
        pipe.read.set()
        while stream_id not in daemon.statuses:
            assert daemon.woken.wait(30)
            daemon.woken.clear()
            daemon.pump()

        assert daemon.statuses[stream_id] == (Status.OK, "")
    assert len(pipe.data) == 400 * 100_000
    assert pipe.end[0] == "committed"


def test_a_pipe_that_nobody_reads_makes_the_daemon_pause() -> None:
    pipe, went_on = Pipe(), threading.Event()
    handler = filesend({0: lambda: pipe}, wake=went_on.set)[FILE_SEND]({})
    assert isinstance(handler, SlowHandler)
    try:
        for _ in range(3):
            handler.receive(memoryview(b"\x0a\x80\x80\x20" + bytes(1 << 19)))
        assert handler.full
        pipe.read.set()
        assert went_on.wait(30)
        assert not handler.full
    finally:
        handler.close()


def test_messages_without_bytes_are_not_kept_for_a_pipe_that_nobody_reads() -> None:
    pipe = Pipe()
    handler = filesend({0: lambda: pipe})[FILE_SEND]({})
    tracemalloc.start()
    try:
        for _ in range(200_000):
            handler.receive(memoryview(b""))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        pipe.read.set()
        handler.close()

    assert held < 100_000


def test_a_daemon_whose_calls_fail_without_end_fills_no_memory() -> None:
    def fail(_request: bytes) -> bytes:
        raise UsageError("x" * 1000)

    with Daemon(unary={health.CHECK: fail}) as daemon:
        for _ in range(100):
            daemon.ask(health.CHECK)

        assert len(daemon.session.failures) == 32


def test_a_result_that_is_no_bytes_message_is_not_committed() -> None:
    sink = Sink()
    with Daemon(streaming=filesend({0: lambda: sink})) as daemon:
        daemon.call(FILE_SEND, b"\x12\x03one")

    assert sink.end == ["aborted"]


@pytest.mark.parametrize("number", ["1", "-1", "x", "²", "9" * 5000])
def test_an_exporter_without_a_destination_is_not_found(number: str) -> None:
    with Daemon(streaming=filesend({0: Sink})) as daemon:
        stream_id = daemon.call(FILE_SEND, buildkit_attachable_exporter_id=number)

        assert daemon.statuses[stream_id][0] == Status.NOT_FOUND


@pytest.mark.parametrize("whole", [True, False])
def test_a_mirror_is_only_written_from_the_whole_result(tmp_path: Path, whole: bool) -> None:
    (tmp_path / "old").write_text("old")
    target = Directory(path=str(tmp_path), mirror=True)
    with Daemon(streaming=filesend({0: target})) as daemon:
        said = "1" if whole else "0"
        stream_id = daemon.call(FILE_SEND, b"", b"\x08\x03", buildkit_exporter_multi_platform=said)

        assert daemon.statuses[stream_id][0] == (Status.OK if whole else Status.UNKNOWN)
        assert (tmp_path / "old").exists() != whole
        assert [failure.hint != "" for failure in daemon.session.failures] == [True] * (not whole)


def stat_packet(path: bytes, **more: int | bytes) -> bytes:
    """A daemon's description of an entry."""
    return Packet(type=Packet.PACKET_STAT, stat=Stat(path=path, **more)).SerializeToString()  # type: ignore[arg-type]


SYMLINK = 1 << 27 | 0o777
HOSTILE = {
    "an absolute name": [stat_packet(b"/etc/hostile", mode=0o644)],
    "a name above": [stat_packet(b"../hostile", mode=0o644)],
    "a way up inside of a name": [stat_packet(b"a/../../hostile", mode=0o644)],
    "a link, and a file through it": [
        stat_packet(b"l", mode=SYMLINK, linkname=b"../victim"),
        stat_packet(b"l/hostile", mode=0o644),
    ],
    "a link, and a directory in its place": [
        stat_packet(b"l", mode=SYMLINK, linkname=b"../victim"),
        stat_packet(b"l", mode=1 << 31 | 0o755),
        stat_packet(b"l/hostile", mode=0o644),
    ],
    "a hard link to what lies outside": [stat_packet(b"h", mode=0o644, linkname=b"../victim/secret")],
    "a hard link through a link": [
        stat_packet(b"l", mode=SYMLINK, linkname=b"../victim"),
        stat_packet(b"m", mode=0o644, linkname=b"l/secret"),
    ],
    "noise": [b"\xff\xff"],
    "an error of its own": [Packet(type=Packet.PACKET_ERR, data=b"broken").SerializeToString()],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_daemon_gets_one_error_and_writes_nothing_elsewhere(tmp_path: Path, case: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "secret").write_text("secret")
    target = Directory(path=str(tmp_path / "out"))
    with Daemon(streaming=filesend({0: target})) as daemon:
        stream_id = daemon.call(FILE_SEND, *HOSTILE[case], end=False)

        code, message = daemon.statuses[stream_id]
        assert code == Status.UNKNOWN
        assert [str(failure) for failure in daemon.session.failures] == [message]
    assert [(path.name, path.read_text()) for path in victim.iterdir()] == [("secret", "secret")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "victim"]
    assert (victim / "secret").stat().st_nlink == 1


def test_a_directory_that_was_not_named_is_not_given() -> None:
    with Daemon(streaming=filesync({"context": "/etc"})) as daemon:
        stream_id = daemon.call(FILE_SYNC, dir_name="other")

        assert daemon.statuses[stream_id] == (Status.NOT_FOUND, 'no access allowed to dir "other"')
