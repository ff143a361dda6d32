"""The sender against a daemon in memory, on real directories."""

from __future__ import annotations

import os
import socket
import stat
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router._proto.fsutil_pb2 import Packet
from router.errors import RouterError, TransferError, UsageError
from router.fstransfer.sender import Filter, Sender
from tests.unit.fstransfer.peer import GO_DIRECTORY, GO_SYMLINK, fetch, unpack

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
not_as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's attributes")

SIZES = (0, 1, 127, 128, 32767, 32768, 32769, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_001)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def sender_of(root: Path, *, reset_ids: bool = True) -> Sender:
    return Sender(os.fsencode(root), reset_ids=reset_ids)


def described(sender: Sender) -> list[Packet]:
    """Let the sender describe everything."""
    found = []
    while (buffers := sender.pull(1 << 20)) is not None:
        found += unpack(buffers)
    return found


def ask(sender: Sender, number: int) -> None:
    sender.receive(Packet(type=Packet.PACKET_REQ, ID=number).SerializeToString())


@pytest.mark.parametrize("size", [1, 1000, 1 << 16, 1 << 20, 1 << 26])
@pytest.mark.parametrize("reverse", [False, True])
def test_every_byte_arrives_whatever_is_pulled_at_a_time(root: Path, size: int, reverse: bool) -> None:
    contents = {b"%d" % length: os.urandom(length) for length in SIZES}
    for name, content in contents.items():
        (root / os.fsdecode(name)).write_bytes(content)
    sender = sender_of(root)
    fetched = fetch(sender, size=size, reverse=reverse)
    assert fetched.contents == contents
    assert sender.files_sent == len(SIZES)
    sender.close()


def test_a_directory_comes_before_what_is_in_it_and_names_are_sorted_as_bytes(root: Path) -> None:
    for name in ("b/c/d", "a0", "a.b", "a-b", "a/x", "ü", "A"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    # "a-b" is less than "a/x" as text; what is in "a" comes right after it all the same.
    expected = ["A", "a", "a/x", "a-b", "a.b", "a0", "b", "b/c", "b/c/d", "ü"]
    assert fetch(sender_of(root)).paths == [name.encode() for name in expected]


def test_a_name_that_is_no_utf8_travels_as_it_is(root: Path) -> None:
    os.makedirs(os.fsencode(root) + b"/\xff\xfe")
    with open(os.fsencode(root) + b"/\xff\xfe/\xe9 \n*\\", "wb") as new:
        new.write(b"there")
    assert fetch(sender_of(root)).contents == {b"\xff\xfe/\xe9 \n*\\": b"there"}


def test_an_empty_directory_is_an_empty_transfer(root: Path) -> None:
    sender = sender_of(root)
    assert fetch(sender).paths == []
    assert sender.bytes_sent == 12


def test_modes_times_and_owners_are_told(root: Path) -> None:
    (root / "d").mkdir(mode=0o750)
    (root / "d/f").write_bytes(b"12345")
    (root / "d/f").chmod(0o4751)
    os.utime(root / "d/f", ns=(1, 1_700_000_000_123_456_789))
    os.utime(root / "d", ns=(1, -5))
    stats = fetch(sender_of(root, reset_ids=False)).stats
    assert stats[b"d"].mode == GO_DIRECTORY | 0o750
    assert stats[b"d"].modTime == -5
    assert stats[b"d/f"].mode == 1 << 23 | 0o751
    assert (stats[b"d/f"].size, stats[b"d/f"].modTime) == (5, 1_700_000_000_123_456_789)
    assert (stats[b"d/f"].uid, stats[b"d/f"].gid) == (os.getuid(), os.getgid())


@as_root
def test_owners_become_root_unless_told_otherwise(root: Path) -> None:
    (root / "f").touch()
    os.chown(root / "f", 1234, 4321)
    kept = fetch(sender_of(root, reset_ids=False)).stats[b"f"]
    reset = fetch(sender_of(root)).stats[b"f"]
    assert [(kept.uid, kept.gid), (reset.uid, reset.gid)] == [(1234, 4321), (0, 0)]


def test_a_link_is_sent_as_a_link(root: Path) -> None:
    os.symlink("/etc/nowhere", root / "l")
    entry = fetch(sender_of(root)).stats[b"l"]
    assert (entry.mode & GO_SYMLINK, entry.linkname) == (GO_SYMLINK, b"/etc/nowhere")


def test_a_second_name_of_a_file_is_sent_as_a_hard_link_to_the_first(root: Path) -> None:
    (root / "b").write_bytes(b"once")
    os.link(root / "b", root / "a")
    os.link(root / "b", root / "c")
    fetched = fetch(sender_of(root))
    assert [fetched.stats[name].linkname for name in (b"a", b"b", b"c")] == [b"", b"a", b"a"]
    assert fetched.contents == {b"a": b"once"}


def test_a_hard_link_to_what_is_left_out_is_sent_as_a_file(root: Path) -> None:
    (root / "a").write_bytes(b"once")
    os.link(root / "a", root / "b")
    os.link(root / "a", root / "c")
    fetched = fetch(Sender(os.fsencode(root), filter=Filter(exclude=("a",))))
    assert [fetched.stats[name].linkname for name in (b"b", b"c")] == [b"", b"b"]
    assert fetched.contents == {b"b": b"once"}


def test_a_pipe_is_described_and_never_opened(root: Path) -> None:
    os.mkfifo(root / "p", 0o600)
    assert fetch(sender_of(root)).stats[b"p"].mode == 1 << 25 | 0o600


def test_a_socket_becomes_an_empty_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # a socket's name may be only so long
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("s")
        fetched = fetch(sender_of(root))
    assert fetched.contents == {b"s": b""}
    assert fetched.stats[b"s"].mode & ~0o777 == 0


@as_root
def test_a_device_is_sent_with_its_numbers(root: Path) -> None:
    os.mknod(root / "d", 0o600 | stat.S_IFCHR, os.makedev(5, 1))
    entry = fetch(sender_of(root)).stats[b"d"]
    assert (entry.mode, entry.devmajor, entry.devminor) == (1 << 26 | 1 << 21 | 0o600, 5, 1)


@on_linux
def test_extended_attributes_travel_along(root: Path) -> None:
    (root / "f").touch()
    (root / "d").mkdir()
    try:
        os.setxattr(root / "f", "user.one", b"\0\xff")
        os.setxattr(root / "d", "user.two", b"2")
        os.setxattr(root / "f", "user.com.apple.", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    stats = fetch(sender_of(root)).stats
    assert stats[b"f"].xattrs["user.one"] == b"\0\xff"
    assert stats[b"d"].xattrs["user.two"] == b"2"


def test_a_sparse_file_arrives_with_its_holes_as_zeros(root: Path) -> None:
    with (root / "s").open("wb") as new:
        new.truncate(3 << 20)
        new.seek(1 << 20)
        new.write(b"middle")
    expected = bytes(1 << 20) + b"middle" + bytes((2 << 20) - 6)
    assert fetch(sender_of(root)).contents == {b"s": expected}


def test_requests_are_answered_before_further_entries(root: Path) -> None:
    for number in range(5000):
        (root / f"{number:04}-{'x' * 60}").touch()
    sender = sender_of(root)
    first = unpack(sender.pull(1 << 20) or [])
    assert 0 < len(first) < 2000
    ask(sender, 3)
    answer = unpack(sender.pull(1 << 20) or [])
    assert (answer[0].type, answer[0].ID) == (Packet.PACKET_DATA, 3)
    assert answer[1].type == Packet.PACKET_STAT


def test_it_waits_for_the_daemon_when_everything_is_said(root: Path) -> None:
    sender = sender_of(root)
    assert sender.pull(100) == [b"\0\0\0\0\0"]
    assert sender.pull(100) is None
    assert not sender.done


def test_small_messages_share_one_buffer(root: Path) -> None:
    for number in range(300):
        (root / str(number)).write_text("small")
    sender = sender_of(root)
    assert len(sender.pull(1 << 20) or []) == 1
    for number in range(300):
        ask(sender, number)
    assert len(sender.pull(1 << 20) or []) == 1


def test_memory_does_not_grow_with_a_file(root: Path) -> None:
    with (root / "big").open("wb") as new:
        new.truncate(64 << 20)
    sender = sender_of(root)
    described(sender)
    ask(sender, 0)
    tracemalloc.start()
    total = 0
    while buffers := sender.pull(1 << 20):
        total += sum(map(len, buffers))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 64 << 20
    assert peak < 4 << 20


def test_what_was_pulled_stays_what_it_was(root: Path) -> None:
    content = os.urandom(5 << 20)
    (root / "f").write_bytes(content)
    sender = sender_of(root)
    described(sender)
    ask(sender, 0)
    kept: list[bytes | memoryview] = []
    while buffers := sender.pull(1 << 18):
        kept += buffers
    assert b"".join(packet.data for packet in unpack(kept)) == content


def test_progress_is_the_number_of_bytes_sent(root: Path) -> None:
    (root / "f").write_bytes(bytes(100_000))
    seen: list[int] = []
    sender = Sender(os.fsencode(root), on_progress=seen.append)
    fetch(sender, size=1 << 15)
    assert seen == sorted(set(seen))
    assert seen[-1] == sender.bytes_sent > 100_000


def test_a_root_that_is_a_link_is_followed(root: Path) -> None:
    (root / "real").mkdir()
    (root / "real/f").write_bytes(b"x")
    (root / "link").symlink_to("real")
    assert fetch(sender_of(root / "link")).contents == {b"f": b"x"}


def test_a_root_that_is_not_there_is_an_error_that_names_it(root: Path) -> None:
    with pytest.raises(UsageError, match=r"can't send .*/gone.: no such file or directory"):
        sender_of(root / "gone")


def test_a_root_that_is_a_file_is_an_error(root: Path) -> None:
    (root / "f").touch()
    with pytest.raises(UsageError, match="it is not a directory"):
        sender_of(root / "f")


def told(sender: Sender, number: int) -> bytes:
    """Ask for a file and return what is sent of it."""
    ask(sender, number)
    return b"".join(packet.data for packet in described(sender))


@pytest.mark.parametrize("size", [10, 50_000, 3 << 20])
@pytest.mark.parametrize("now", [0, 7])
def test_a_file_that_shrank_is_an_error_that_names_it(root: Path, size: int, now: int) -> None:
    (root / "changing").write_bytes(bytes(size))
    sender = sender_of(root)
    described(sender)
    (root / "changing").write_bytes(bytes(now))
    ask(sender, 0)
    with pytest.raises(UsageError, match='changing": it was written to while it was being sent') as caught:
        sender.pull(1 << 20)
    assert caught.value.hint
    sender.close()


@pytest.mark.parametrize("size", [0, 10, 50_000, 3 << 20])
def test_a_file_that_grew_before_its_turn_arrives_whole(root: Path, size: int) -> None:
    (root / "log").write_bytes(bytes(size))
    sender = sender_of(root)
    described(sender)
    grown = os.urandom(4 << 20)
    (root / "log").write_bytes(grown)

    assert told(sender, 0) == grown


def test_of_a_log_that_grows_while_it_is_sent_all_arrives_that_was_there(root: Path) -> None:
    path = root / "log"
    before = os.urandom((3 << 20) + 5)
    path.write_bytes(before)
    os.utime(path, ns=(1, 1))
    sender = sender_of(root)
    described(sender)
    ask(sender, 0)
    arrived = b""
    while buffers := sender.pull(1 << 20):
        arrived += b"".join(packet.data for packet in unpack(buffers))
        with path.open("ab") as log:
            log.write(b"one more line\n")

    assert arrived == before


@pytest.mark.parametrize("change", ["shorter", "touched", "rewritten"])
def test_a_large_file_that_changes_half_way_is_an_error(root: Path, change: str) -> None:
    path = root / "changing"
    path.write_bytes(bytes(3 << 20))
    os.utime(path, ns=(1, 1))
    sender = sender_of(root)
    described(sender)
    ask(sender, 0)
    sender.pull(1 << 20)
    if change == "touched":
        path.touch()
    elif change == "shorter":
        os.truncate(path, 2 << 20)
    else:
        with path.open("r+b") as database:
            database.write(b"\1" * (4 << 20))
    with pytest.raises(UsageError, match='changing": it was written to'):
        described(sender)


def test_a_file_that_vanished_after_it_was_promised_is_an_error_that_names_it(root: Path) -> None:
    (root / "going").write_bytes(b"x")
    sender = sender_of(root)
    described(sender)
    (root / "going").unlink()
    ask(sender, 0)
    with pytest.raises(UsageError, match=r"can't send .*/going.: no such file or directory"):
        sender.pull(1 << 20)


def test_a_file_that_became_a_pipe_does_not_hang(root: Path) -> None:
    (root / "f").write_bytes(b"x")
    sender = sender_of(root)
    described(sender)
    (root / "f").unlink()
    os.mkfifo(root / "f")
    ask(sender, 0)
    with pytest.raises(UsageError, match='/f"'):
        sender.pull(1 << 20)


def test_a_file_that_became_a_link_is_not_followed(root: Path) -> None:
    (root / "f").write_bytes(b"x")
    (root / "secret").write_bytes(b"y")
    sender = sender_of(root)
    described(sender)
    (root / "f").unlink()
    (root / "f").symlink_to("secret")
    ask(sender, 0)
    with pytest.raises(UsageError, match='/f"'):
        sender.pull(1 << 20)


@not_as_root
def test_an_unreadable_file_is_an_error_that_names_it(root: Path) -> None:
    (root / "f").write_bytes(b"x")
    (root / "f").chmod(0)
    with pytest.raises(UsageError, match='/f": permission denied'):
        fetch(sender_of(root))


def test_after_an_error_it_never_goes_on(root: Path) -> None:
    (root / "f").write_bytes(b"x")
    sender = sender_of(root)
    described(sender)
    (root / "f").unlink()
    ask(sender, 0)
    for _ in range(2):
        with pytest.raises(UsageError):
            sender.pull(1 << 20)
    assert not sender.done


def test_an_error_of_the_daemon_is_raised_with_its_text(root: Path) -> None:
    sender = sender_of(root)
    with pytest.raises(TransferError, match=r'could not take ".*": no space left'):
        sender.receive(Packet(type=Packet.PACKET_ERR, data=b"no space left").SerializeToString())
    with pytest.raises(TransferError, match="no space left"):
        sender.pull(1)


@pytest.mark.parametrize("number", [0, 1, 2, 1 << 31])
def test_a_request_for_what_has_no_content_is_refused(root: Path, number: int) -> None:
    (root / "d").mkdir()
    (root / "f").touch()
    sender = sender_of(root)
    described(sender)
    if number == 1:  # a file, but a second time
        ask(sender, 1)
        sender.pull(1)
    with pytest.raises(TransferError, match=f"asked for entry {number}, which has no content left to send"):
        ask(sender, number)


def test_the_end_before_all_is_sent_is_refused(root: Path) -> None:
    with pytest.raises(TransferError, match="ended the transfer before"):
        sender_of(root).receive(b"\x08\x03")


def test_a_packet_that_only_the_sender_sends_is_refused(root: Path) -> None:
    with pytest.raises(TransferError, match="type 2"):
        sender_of(root).receive(b"\x08\x02")


def test_closing_releases_the_file_that_is_being_sent(root: Path) -> None:
    (root / "f").write_bytes(bytes(3 << 20))
    before = len(os.listdir("/dev/fd"))
    sender = sender_of(root)
    described(sender)
    ask(sender, 0)
    sender.pull(1 << 20)
    sender.close()
    sender.close()
    assert len(os.listdir("/dev/fd")) == before


def test_its_repr_tells_its_state(root: Path) -> None:
    (root / "f").touch()
    sender = sender_of(root)
    assert "0 entries, walking" in repr(sender)
    fetch(sender)
    assert "1 entries, done" in repr(sender)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda kind, number, data: Packet(type=kind, ID=number, data=data).SerializeToString(),
                st.sampled_from([0, 1, 1, 1, 2, 3, 4]),
                st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1)),
                st.sampled_from([b"", b"x"]),
            ),
            st.binary(max_size=12),
        ),
        max_size=8,
    ),
    st.integers(1, 1 << 17),
)
def test_whatever_the_daemon_says_it_gets_what_was_named_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, messages: list[bytes], size: int
) -> None:
    root = tmp_path_factory.getbasetemp() / "hostile"
    if not root.exists():
        (root / "d").mkdir(parents=True)
        (root / "d/f").write_bytes(b"x" * 50_000)
        (root / "empty").touch()
        (root / "small").write_text("small")
    sender = sender_of(root)
    sent: list[Packet] = []
    try:
        for message in messages:
            sender.receive(message)
            for _ in range(3):
                sent += unpack(sender.pull(size) or [])
    except RouterError as exc:
        with pytest.raises(type(exc)):
            sender.pull(size)
    finally:
        sender.close()
    assert {packet.stat.path for packet in sent if packet.HasField("stat")} <= {
        b"d",
        b"d/f",
        b"empty",
        b"small",
    }
    assert sum(len(packet.data) for packet in sent) <= 50_005
