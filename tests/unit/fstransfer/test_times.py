"""Times that are made of content."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import sha1, sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto.fsutil_pb2 import Packet, Stat
from router.errors import UsageError
from router.fstransfer.manner import Manner
from router.fstransfer.sender import Sender
from router.fstransfer.times import CleanFiles, ContentTimes, time_field, time_of
from tests.unit.fstransfer.peer import fetch, unpack

if TYPE_CHECKING:
    from hashlib import _Hash

ZIP_BEGINS = 315_532_800 * 10**9
LONG_AGO = 1_520_000_000 * 10**9
SETTLED = 10 * 10**9
SALT = b"salt"


class Index:
    """Knows files by their paths."""

    def __init__(self, blobs: dict[bytes, bytes]) -> None:
        self._blobs = blobs

    def blob(self, path: bytes, status: os.stat_result, /) -> bytes | None:  # noqa: ARG002
        return self._blobs.get(path)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some time have passed since every file was written."""
    now = time.time_ns
    monkeypatch.setattr("router.fstransfer.times.time.time_ns", lambda: now() + SETTLED)


def blob_of(content: bytes) -> bytes:
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()


def times_of(root: Path, clean: CleanFiles | None = None, salt: bytes = SALT) -> dict[str, int]:
    """Describe a directory, and return the times of what is in it."""
    sender = Sender(os.fsencode(root), manner=Manner(times=ContentTimes(clean, salt)))
    described = fetch(sender, wants=lambda _: False).stats
    return {os.fsdecode(path): stat.modTime for path, stat in described.items()}


@given(identity=st.binary(min_size=9, max_size=32))
def test_a_time_lies_after_zip_began_and_in_the_past(identity: bytes) -> None:
    assert ZIP_BEGINS < time_of(identity) < LONG_AGO
    assert Stat.FromString(time_field(identity)).modTime == time_of(identity)


@given(one=st.binary(min_size=20, max_size=20), place=st.integers(0, 59))
def test_each_of_sixty_bits_counts(one: bytes, place: int) -> None:
    byte, bit = divmod(place, 7) if place < 56 else (8, place - 56)
    other = bytearray(one)
    other[byte] ^= 1 << bit

    assert time_of(bytes(other)) != time_of(one)


@pytest.mark.usefixtures("later")
def test_a_small_file_has_the_time_of_the_blob_that_it_would_be(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("a", b"x\n"), ("b", b"x\n"), ("c", b"y\n")):
        (tmp_path / name).write_bytes(content)

    found = times_of(tmp_path)

    assert found["empty"] == time_of(bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"))
    assert found["a"] == found["b"] == time_of(blob_of(b"x\n"))
    assert found["c"] == time_of(blob_of(b"y\n"))


def test_what_the_index_knows_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)

    assert times_of(tmp_path, Index({b"a": blob_of(b"y")}))["a"] == time_of(blob_of(b"y"))


@pytest.mark.usefixtures("later")
def test_a_large_file_has_a_time_of_this_checkout_until_it_is_touched(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * 100_000)
    first = times_of(tmp_path)["large"]

    assert times_of(tmp_path)["large"] == first
    assert times_of(tmp_path, salt=b"another")["large"] != first
    status = large.stat()
    os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert times_of(tmp_path)["large"] != first


def test_a_file_that_was_just_written_has_a_time_that_comes_but_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    written = (tmp_path / "a").stat().st_ctime_ns
    monkeypatch.setattr("router.fstransfer.times.time.time_ns", lambda: written + 1_000_000)

    assert times_of(tmp_path)["a"] != times_of(tmp_path)["a"]


@pytest.mark.usefixtures("later")
def test_other_entries_are_described_alike_in_every_clone(tmp_path: Path) -> None:
    for clone in ("one", "two"):
        (tmp_path / clone / "sub").mkdir(parents=True)
        (tmp_path / clone / "link").symlink_to("sub")
        (tmp_path / clone / "other").symlink_to("nowhere")
        os.mkfifo(tmp_path / clone / "pipe")
        os.utime(tmp_path / clone / "sub", (5, 5) if clone == "one" else (6, 6))

    one, two = (times_of(tmp_path / clone) for clone in ("one", "two"))

    assert one == two
    assert len({one["link"], one["other"], one["sub"]}) == 3


@pytest.mark.usefixtures("later")
def test_all_names_of_a_file_have_one_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "b").hardlink_to(tmp_path / "a")

    found = times_of(tmp_path, Index({b"b": blob_of(b"b")}))

    assert found["a"] == found["b"]


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="Linux's attributes")
@pytest.mark.usefixtures("later")
def test_a_file_with_an_attribute_has_another_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    os.setxattr(tmp_path / "a", "user.test", b"1")
    one = times_of(tmp_path)["a"]
    os.setxattr(tmp_path / "a", "user.test", b"2")

    assert len({one, times_of(tmp_path)["a"], time_of(blob_of(b"x"))}) == 3


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_file_that_changes_after_its_content_was_promised_is_an_error(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    manner = Manner(times=ContentTimes(Index({b"a": blob_of(b"x" * size)}), SALT))
    sender = Sender(os.fsencode(tmp_path), manner=manner)

    def edit(_stat: Stat) -> bool:
        status = path.stat()
        path.write_bytes(b"y" * size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        while path.stat().st_ctime_ns == status.st_ctime_ns:
            path.write_bytes(b"y" * size)
        return True

    with pytest.raises(UsageError, match=r"/a.*written to while it was being sent"):
        fetch(sender, wants=edit)


@pytest.mark.parametrize("kind", [sha1, sha256])
@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_what_is_sent_under_the_time_of_a_blob_is_that_blob(
    tmp_path: Path, size: int, kind: Callable[[bytes], _Hash]
) -> None:
    """A page that is still dirty, two writes within a tick, a filter of equal size: an index that errs."""
    (tmp_path / "a").write_bytes(b"x" * size)
    right, wrong = (kind(b"blob %d\0" % size + letter * size).digest() for letter in (b"x", b"y"))

    whole = fetch(Sender(os.fsencode(tmp_path), manner=manner_of({b"a": right})))
    assert whole.contents[b"a"] == b"x" * size

    sender = Sender(os.fsencode(tmp_path), manner=manner_of({b"a": wrong}))
    ends: list[int] = []
    with pytest.raises(UsageError, match=r"/a.*but its content is not"):
        serve_first(sender, ends)
    assert not ends


@pytest.mark.usefixtures("later")
def test_a_small_file_that_changes_without_a_new_time_is_not_sent_under_its_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10)
    changed = path.stat().st_ctime_ns
    monkeypatch.setattr("router.fstransfer.content.os.fstat", lambda _: path.stat())
    sender = Sender(os.fsencode(tmp_path), manner=manner_of({}))

    def edit(_stat: Stat) -> bool:
        path.write_bytes(b"y" * 10)
        status = path.stat()
        fields = list(status)
        same = os.stat_result(fields, {"st_ctime_ns": changed, "st_mtime_ns": status.st_mtime_ns})
        monkeypatch.setattr("router.fstransfer.content.os.fstat", lambda _: same)
        return True

    with pytest.raises(UsageError, match=r"/a.*but its content is not"):
        fetch(sender, wants=edit)


def manner_of(blobs: dict[bytes, bytes]) -> Manner:
    """Describe files by what an index says of them."""
    return Manner(times=ContentTimes(Index(blobs), SALT))


def serve_first(sender: Sender, ends: list[int]) -> None:
    """Ask for the only file, and note where it is said to be complete."""
    while not sender.done:
        for packet in unpack(sender.pull(1 << 16) or []):
            if packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
                sender.receive(Packet(type=Packet.PACKET_REQ, ID=0).SerializeToString())
            elif packet.type == Packet.PACKET_DATA and not packet.data:
                ends.append(packet.ID)
