"""An archive on its way to the daemon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router._proto.upload_pb2 import BytesMessage
from router.errors import UsageError
from router.rpc.grpc import Status
from router.session.upload import upload, upload_url
from tests.unit.session.daemon import Daemon, request

PULL = "/moby.upload.v1.Upload/Pull"


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_is_pulled_as_it_is_and_as_often_as_asked(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "context").write_bytes(data)
    with Daemon(streaming=upload({"one": str(tmp_path / "context")})) as daemon:
        for _ in range(2):
            # The daemon leaves its side open: it has nothing to say.
            call = daemon.call(PULL, end=False, urlpath="/one", urlhost="buildkit-session")

            assert daemon.statuses[call] == (Status.OK, "")
            messages = map(BytesMessage.FromString, daemon.answers[call])
            assert b"".join(message.data for message in messages) == data


@pytest.mark.parametrize(
    ("path", "host"),
    [("/other", "buildkit-session"), ("/etc/passwd", "buildkit-session"), ("", ""), ("/one", "example.test")],
)
def test_nothing_else_can_be_pulled(tmp_path: Path, path: str, host: str) -> None:
    (tmp_path / "context").write_bytes(b"data")
    with Daemon(streaming=upload({"one": str(tmp_path / "context")})) as daemon:
        call = daemon.call(PULL, urlpath=path, urlhost=host)

        assert daemon.statuses[call][0] == Status.NOT_FOUND
        assert call not in daemon.answers


def test_a_file_that_went_away_is_this_sides_failure(tmp_path: Path) -> None:
    with Daemon(streaming=upload({"one": str(tmp_path / "gone")})) as daemon:
        call = daemon.call(PULL, urlpath="/one")

        assert daemon.statuses[call][0] == Status.UNKNOWN
        assert isinstance(daemon.session.failures[0], UsageError)


def test_a_pull_that_is_given_up_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "context").write_bytes(b"x" * 10_000_000)
    before = len(os.listdir("/proc/self/fd"))
    with Daemon(streaming=upload({"one": str(tmp_path / "context")})) as daemon:
        call = daemon.http2.open_stream(request(PULL, (b"urlpath", b"/one")))
        daemon.say(b"".join(daemon.http2.take(1 << 20)))
        assert len(os.listdir("/proc/self/fd")) == before + 1

        daemon.http2.reset(call)
        daemon.pump()

        assert len(os.listdir("/proc/self/fd")) == before


def test_a_build_without_uploads_does_not_offer_the_service() -> None:
    assert upload({}) == {}
    assert upload_url("one") == "http://buildkit-session/one"
