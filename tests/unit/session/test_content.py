"""The content service: what a daemon may read and write, and what it can't."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto import content_pb2 as pb
from router.errors import OutputError
from router.providers.oci_layout import OCILayout
from router.rpc.grpc import Status
from router.session.content import content
from router.session.server import CallRefused
from tests.unit.session.daemon import Daemon

SERVICE = "/containerd.services.content.v1.Content/"
OUT_OF_RANGE = 11


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def put(root: Path, data: bytes) -> str:
    digest = digest_of(data)
    path = root / "blobs" / digest.replace(":", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return digest


class Reader(Daemon):
    """A daemon that knows two stores: ``local:in`` to read, ``local:out`` to write."""

    def __enter__(self) -> Self:
        return self

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = OCILayout(str(root / "out"), writable=True)
        super().__init__(streaming=content({"local:in": OCILayout(str(root / "in")), "local:out": self.out}))

    def do(self, method: str, request: bytes = b"", store: str = "local:in") -> tuple[int, list[bytes]]:
        """Call a method; return its status and its answers."""
        call = self.call(SERVICE + method, request, buildkit_attachable_store_id=store)
        return self.statuses[call][0], self.answers[call]

    def write(self, *requests: pb.WriteContentRequest, end: bool = True) -> int:
        """Write a blob, or a part of one; return the call."""
        return self.call(
            f"{SERVICE}Write",
            *(request.SerializeToString() for request in requests),
            end=end,
            buildkit_attachable_store_id="local:out",
        )

    @property
    def leftovers(self) -> list[str]:
        """The files of the store that are no blobs."""
        return [path.name for path in (self.root / "out").glob("*") if path.name != "blobs"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Reader]:
    with Reader(tmp_path) as reader:
        yield reader


def test_the_name_of_a_write_is_bounded(daemon: Reader) -> None:
    call = daemon.write(pb.WriteContentRequest(action=pb.STAT, ref="x" * 2000))

    assert daemon.statuses[call][0] == Status.INVALID_ARGUMENT


def test_answers_that_nobody_reads_are_bounded(tmp_path: Path) -> None:
    stores = {"out": OCILayout(str(tmp_path), writable=True)}
    handler = content(stores)[f"{SERVICE}Write"]({"buildkit-attachable-store-id": ["out"]})
    request = memoryview(pb.WriteContentRequest(action=pb.STAT, ref="x").SerializeToString())
    try:
        for _ in range(1000):
            handler.receive(request)
        with pytest.raises(CallRefused, match="1000 answers are waiting to be read"):
            handler.receive(request)
    finally:
        handler.close()


def test_a_blob_is_described(daemon: Reader) -> None:
    digest = put(daemon.root / "in", b"content")

    code, answers = daemon.do("Info", pb.InfoRequest(digest=digest).SerializeToString())

    info = pb.InfoResponse.FromString(answers[0]).info
    assert (code, info.digest, info.size) == (Status.OK, digest, 7)
    assert info.created_at.seconds == int(
        (daemon.root / "in/blobs" / digest.replace(":", "/")).stat().st_mtime
    )


@pytest.mark.parametrize(
    ("offset", "size", "part"),
    [(0, 0, slice(0, None)), (3, 0, slice(3, None)), (1, 5, slice(1, 6)), (-1, 2, slice(0, 2))],
)
def test_any_part_of_a_blob_can_be_read(daemon: Reader, offset: int, size: int, part: slice) -> None:
    data = os.urandom(2_500_000)
    request = pb.ReadContentRequest(digest=put(daemon.root / "in", data), offset=offset, size=size)

    code, answers = daemon.do("Read", request.SerializeToString())

    chunks = [pb.ReadContentResponse.FromString(answer) for answer in answers]
    assert code == Status.OK
    assert b"".join(chunk.data for chunk in chunks) == data[part]
    assert [chunk.offset for chunk in chunks] == [number << 20 for number in range(len(chunks))]


def test_reading_past_the_end_is_out_of_range(daemon: Reader) -> None:
    request = pb.ReadContentRequest(digest=put(daemon.root / "in", b"abc"), offset=4)

    assert daemon.do("Read", request.SerializeToString()) == (OUT_OF_RANGE, [])


def test_all_blobs_are_listed_by_hundreds(daemon: Reader) -> None:
    digests = sorted(put(daemon.root / "in", bytes([number])) for number in range(120))

    code, answers = daemon.do("List")

    blocks = [pb.ListContentResponse.FromString(answer).info for answer in answers]
    assert (code, [len(block) for block in blocks]) == (Status.OK, [100, 20])
    assert [info.digest for block in blocks for info in block] == digests


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../secret", "../secret", "/etc/passwd", "sha256:" + "A" * 64, "", "sha1:" + "0" * 40],
)
def test_what_is_no_digest_names_no_file(daemon: Reader, digest: str) -> None:
    for method, request in (
        ("Info", pb.InfoRequest(digest=digest)),
        ("Read", pb.ReadContentRequest(digest=digest)),
    ):
        assert daemon.do(method, request.SerializeToString()) == (Status.INVALID_ARGUMENT, [])


def test_a_missing_blob_is_not_found(daemon: Reader) -> None:
    request = pb.InfoRequest(digest=digest_of(b"missing"))

    assert daemon.do("Info", request.SerializeToString()) == (Status.NOT_FOUND, [])


def test_other_stores_than_those_of_the_build_are_unknown(daemon: Reader) -> None:
    request = pb.InfoRequest(digest=put(daemon.root / "in", b"content")).SerializeToString()

    assert daemon.do("Info", request, store="local:/etc") == (Status.NOT_FOUND, [])
    call = daemon.call(f"{SERVICE}Info", request)
    assert daemon.statuses[call][0] == Status.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("Delete", Status.PERMISSION_DENIED),
        ("Update", Status.FAILED_PRECONDITION),
        ("Write", Status.PERMISSION_DENIED),
    ],
)
def test_a_store_to_read_is_not_changed(daemon: Reader, method: str, code: int) -> None:
    digest = put(daemon.root / "in", b"content")

    assert daemon.do(method, pb.DeleteContentRequest(digest=digest).SerializeToString()) == (code, [])
    assert daemon.do("Info", pb.InfoRequest(digest=digest).SerializeToString())[0] == Status.OK


def test_a_blob_is_written_in_parts_and_appears_whole(daemon: Reader) -> None:
    data = os.urandom(3000)
    digest = digest_of(data)

    call = daemon.write(
        pb.WriteContentRequest(action=pb.STAT, ref="layer", total=3000, expected=digest), end=False
    )
    for offset in (0, 1000, 2000):
        request = pb.WriteContentRequest(action=pb.WRITE, offset=offset, data=data[offset : offset + 1000])
        daemon.send(call, request.SerializeToString())
        assert daemon.out.find(digest) is None
    commit = pb.WriteContentRequest(action=pb.COMMIT, offset=3000, total=3000, expected=digest)
    daemon.send(call, commit.SerializeToString())

    answers = [pb.WriteContentResponse.FromString(answer) for answer in daemon.answers[call]]
    assert [answer.offset for answer in answers] == [0, 1000, 2000, 3000, 3000]
    assert [answer.action for answer in answers] == [pb.STAT, pb.WRITE, pb.WRITE, pb.WRITE, pb.COMMIT]
    assert answers[-1].digest == digest
    assert daemon.statuses[call] == (Status.OK, "")
    assert (daemon.root / "out/blobs" / digest.replace(":", "/")).read_bytes() == data
    assert daemon.leftovers == []


def test_a_write_that_breaks_off_leaves_nothing(daemon: Reader) -> None:
    call = daemon.write(pb.WriteContentRequest(action=pb.WRITE, ref="layer", data=b"half"), end=False)
    assert len(daemon.leftovers) == 1

    daemon.http2.reset(call)
    daemon.pump()

    assert daemon.leftovers == []


def test_a_write_that_begins_anew_counts_from_the_beginning(daemon: Reader) -> None:
    call = daemon.write(
        pb.WriteContentRequest(action=pb.WRITE, ref="layer", data=b"wrong, and longer"),
        pb.WriteContentRequest(action=pb.WRITE, offset=0, data=b"right"),
        pb.WriteContentRequest(action=pb.COMMIT, offset=5, expected=digest_of(b"right")),
    )

    assert daemon.statuses[call] == (Status.OK, "")
    assert daemon.out.find(digest_of(b"right")) is not None


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (
            pb.WriteContentRequest(action=pb.COMMIT, offset=4, expected=digest_of(b"other")),
            Status.FAILED_PRECONDITION,
        ),
        (pb.WriteContentRequest(action=pb.COMMIT, offset=4, total=5), Status.FAILED_PRECONDITION),
        (pb.WriteContentRequest(action=pb.WRITE, offset=9, data=b"x"), OUT_OF_RANGE),
        (pb.WriteContentRequest(action=pb.WRITE, offset=4, total=5, data=b"xx"), Status.FAILED_PRECONDITION),
        (pb.WriteContentRequest(action=pb.COMMIT, offset=4, expected="../x"), Status.INVALID_ARGUMENT),
        (
            pb.WriteContentRequest(action=pb.COMMIT, offset=4, expected=digest_of(b"data", "sha512")),
            Status.FAILED_PRECONDITION,
        ),
    ],
)
def test_content_that_is_not_what_was_announced_is_thrown_away(
    daemon: Reader, request_: pb.WriteContentRequest, code: int
) -> None:
    call = daemon.write(pb.WriteContentRequest(action=pb.WRITE, ref="layer", data=b"data"), request_)

    assert daemon.statuses[call][0] == code
    assert daemon.out.blobs() == []
    assert daemon.leftovers == []


def test_a_blob_that_exists_is_not_written_again(daemon: Reader) -> None:
    digest = put(daemon.root / "out", b"data")

    call = daemon.write(pb.WriteContentRequest(action=pb.STAT, ref="layer", total=4, expected=digest))

    assert daemon.statuses[call][0] == Status.ALREADY_EXISTS
    assert daemon.leftovers == []


def test_what_a_crash_left_under_a_blobs_name_is_replaced(daemon: Reader) -> None:
    digest = digest_of(b"data")
    put(daemon.root / "out", b"data")
    (daemon.root / "out/blobs" / digest.replace(":", "/")).write_bytes(b"")

    call = daemon.write(
        pb.WriteContentRequest(action=pb.STAT, ref="layer", total=4, expected=digest),
        pb.WriteContentRequest(action=pb.COMMIT, data=b"data", total=4, expected=digest),
    )

    assert daemon.statuses[call] == (Status.OK, "")
    assert (daemon.root / "out/blobs" / digest.replace(":", "/")).read_bytes() == b"data"


def test_two_writes_may_not_have_one_ref(daemon: Reader) -> None:
    first = daemon.write(pb.WriteContentRequest(action=pb.WRITE, ref="layer", data=b"da"), end=False)
    second = daemon.write(pb.WriteContentRequest(action=pb.WRITE, ref="layer", data=b"xx"))
    daemon.send(first, pb.WriteContentRequest(action=pb.COMMIT, offset=2, data=b"ta").SerializeToString())

    assert daemon.statuses[second][0] == Status.UNAVAILABLE
    assert daemon.statuses[first] == (Status.OK, "")
    assert daemon.out.find(digest_of(b"data")) is not None


def test_writes_under_way_are_told_and_can_be_aborted(daemon: Reader) -> None:
    daemon.write(pb.WriteContentRequest(action=pb.WRITE, ref="layer", total=9, data=b"data"), end=False)

    asked = pb.StatusRequest(ref="layer").SerializeToString()
    status = pb.StatusResponse.FromString(daemon.do("Status", asked, "local:out")[1][0]).status
    listed = pb.ListStatusesResponse.FromString(daemon.do("ListStatuses", b"", "local:out")[1][0]).statuses
    aborted, _ = daemon.do("Abort", pb.AbortRequest(ref="layer").SerializeToString(), "local:out")

    assert (status.ref, status.offset, status.total) == ("layer", 4, 9)
    assert list(listed) == [status]
    assert aborted == Status.OK
    assert daemon.leftovers == []
    assert daemon.do("Status", asked, "local:out") == (Status.NOT_FOUND, [])


@pytest.mark.parametrize("link", ["blobs", "blobs/sha256"])
def test_nothing_is_written_through_a_link_out_of_the_directory(daemon: Reader, link: str) -> None:
    elsewhere = daemon.root / "elsewhere"
    elsewhere.mkdir()
    path = daemon.root / "out" / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(elsewhere)

    daemon.write(pb.WriteContentRequest(action=pb.COMMIT, ref="layer", data=b"data"))

    assert not [path for path in elsewhere.rglob("*") if path.is_file()]
    assert isinstance(daemon.session.failures[0], OutputError)
    assert "is a link out of" in str(daemon.session.failures[0])


def test_a_directory_that_cannot_be_written_to_is_this_sides_failure(daemon: Reader) -> None:
    (daemon.root / "out").write_text("a file")

    call = daemon.write(pb.WriteContentRequest(action=pb.WRITE, ref="layer", data=b"data"))

    assert daemon.statuses[call][0] == Status.UNKNOWN
    assert isinstance(daemon.session.failures[0], OutputError)


def test_a_build_without_stores_does_not_offer_the_service() -> None:
    assert content({}) == {}


@given(
    method=st.sampled_from(["Info", "Read", "List", "Status", "ListStatuses", "Abort", "Write"]),
    messages=st.lists(st.binary(max_size=60), max_size=3),
)
def test_malformed_requests_end_their_call_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, method: str, messages: list[bytes]
) -> None:
    root = tmp_path_factory.mktemp("stores")
    with Reader(root) as daemon:
        call = daemon.call(SERVICE + method, *messages, buildkit_attachable_store_id="local:out")

        assert call in daemon.statuses
        assert daemon.leftovers == []
        assert daemon.do("List")[0] == Status.OK
