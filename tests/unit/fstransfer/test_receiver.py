"""The receiver against a daemon in memory, friendly and not, on real directories."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router._proto.fsutil_pb2 import Packet, Stat
from router.errors import OutputError, RouterError, TransferError
from router.fstransfer import limits
from router.fstransfer.receiver import Receiver
from router.fstransfer.sender import Sender
from router.notation.varint import varint
from tests.unit.fstransfer.peer import (
    GO_DEVICE,
    GO_DIRECTORY,
    GO_SYMLINK,
    Item,
    deliver,
    describe,
    directory,
    fetch,
    file,
    send_data,
    symlink,
    unframe,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")
not_as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux's attributes")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def receiver(out: Path) -> Iterator[Receiver]:
    receiver = Receiver(str(out))
    yield receiver
    receiver.close()


def tree(root: Path) -> dict[str, bytes | str | None]:
    """Return content of files, targets of links, None for directories."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def test_files_directories_and_links_arrive(receiver: Receiver, out: Path) -> None:
    big = os.urandom(3_000_000)
    deliver(
        receiver,
        [file(b"a", b"A"), directory(b"d"), file(b"d/big", big), file(b"d/empty"), symlink(b"l", b"d/big")],
    )
    assert tree(out) == {"a": b"A", "d": None, "d/big": big, "d/empty": b"", "l": "d/big"}
    assert (receiver.files_received, receiver.bytes_received) == (3, 3_000_001)


def test_an_empty_result_makes_the_destination(receiver: Receiver, out: Path) -> None:
    deliver(receiver, [])
    assert tree(out) == {}


def test_modes_and_times_are_kept(receiver: Receiver, out: Path) -> None:
    deliver(
        receiver,
        [
            directory(b"d", mode=0o555, time=10**18 + 1),
            file(b"d/f", b"x", mode=1 << 23 | 0o751, time=10**18 + 2),
            file(b"d/g", b"x", mode=0o400, time=-3),
        ],
    )
    found = {name: os.lstat(out / name) for name in ("d", "d/f", "d/g")}
    assert [stat.S_IMODE(status.st_mode) for status in found.values()] == [0o555, 0o4751, 0o400]
    assert [status.st_mtime_ns for status in found.values()] == [10**18 + 1, 10**18 + 2, -3]


def test_a_link_keeps_its_own_time(receiver: Receiver, out: Path) -> None:
    entry, _ = symlink(b"l", b"nowhere")
    entry.modTime = 10**18
    deliver(receiver, [(entry, b"")])
    assert os.lstat(out / "l").st_mtime_ns == 10**18


def test_hard_links_share_one_file(receiver: Receiver, out: Path) -> None:
    items = [
        directory(b"a"),
        file(b"a/f", b"shared"),
        (Stat(path=b"b", linkname=b"a/f", size=6, mode=0o644), b""),
    ]
    for stat_, _ in items:
        receiver.receive(Packet(type=Packet.PACKET_STAT, stat=stat_).SerializeToString())
    receiver.receive(b"")
    send_data(receiver, 1, b"shared")
    assert os.path.samefile(out / "a/f", out / "b")
    assert (out / "b").read_bytes() == b"shared"


def test_a_name_that_is_no_utf8_arrives_as_it_is(receiver: Receiver, out: Path) -> None:
    deliver(receiver, [directory(b"\xfe"), file(b"\xfe/\xff\n", b"x")])
    assert os.listdir(os.fsencode(out) + b"/\xfe") == [b"\xff\n"]


def test_a_pipe_is_made(receiver: Receiver, out: Path) -> None:
    deliver(receiver, [(Stat(path=b"p", mode=1 << 25 | 0o640, modTime=5), b"")])
    status = os.lstat(out / "p")
    assert stat.S_ISFIFO(status.st_mode)
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o640, 5)


@as_root
def test_a_device_is_made(receiver: Receiver, out: Path) -> None:
    deliver(receiver, [(Stat(path=b"d", mode=1 << 26 | 1 << 21 | 0o600, devmajor=1, devminor=3), b"")])
    status = os.lstat(out / "d")
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == os.makedev(1, 3)


@as_root
def test_everything_belongs_to_the_user_who_runs_this(receiver: Receiver, out: Path) -> None:
    item = file(b"f", b"x")
    item[0].uid, item[0].gid = 1234, 4321
    deliver(receiver, [item])
    assert (os.lstat(out / "f").st_uid, os.lstat(out / "f").st_gid) == (os.getuid(), os.getgid())


@on_linux
def test_extended_attributes_are_kept_and_impossible_ones_left_out(receiver: Receiver, out: Path) -> None:
    item = file(b"f", b"x")
    item[0].xattrs["user.one"] = b"\0\xff"
    item[0].xattrs["nonsense"] = b"x"
    deliver(receiver, [item])
    if "user.one" not in os.listxattr(out / "f"):
        pytest.skip("this file system has no extended attributes")
    assert os.getxattr(out / "f", "user.one") == b"\0\xff"
    assert "nonsense" not in os.listxattr(out / "f")


def test_a_file_replaces_what_is_there(out: Path) -> None:
    (out / "was-directory/deep/er").mkdir(parents=True)
    (out / "was-file").write_text("old and longer")
    (out / "outside").write_text("untouched")
    (out / "was-link").symlink_to("outside")
    (out / "was-broken-link").symlink_to("nowhere")
    names = (b"was-broken-link", b"was-directory", b"was-file", b"was-link")
    deliver(Receiver(out.as_posix()), [file(name, b"new") for name in names])
    assert tree(out) == {**{name.decode(): b"new" for name in names}, "outside": b"untouched"}


def test_a_link_replaces_what_is_there(out: Path) -> None:
    (out / "a/b").mkdir(parents=True)
    (out / "f").write_text("old")
    (out / "l").symlink_to("old")
    deliver(Receiver(out.as_posix()), [symlink(name, b"new") for name in (b"a", b"f", b"l")])
    assert tree(out) == {"a": "new", "f": "new", "l": "new"}


def test_directories_are_merged_and_what_else_is_there_stays(out: Path) -> None:
    (out / "d/kept").mkdir(parents=True)
    (out / "d/f").write_text("old")
    (out / "other").write_text("kept")
    deliver(Receiver(out.as_posix()), [directory(b"d", mode=0o700), file(b"d/f", b"new")])
    assert tree(out) == {"d": None, "d/f": b"new", "d/kept": None, "other": b"kept"}
    assert stat.S_IMODE(os.lstat(out / "d").st_mode) == 0o700


def test_a_directory_replaces_a_file(out: Path) -> None:
    out.mkdir()
    (out / "d").write_text("old")
    deliver(Receiver(out.as_posix()), [directory(b"d"), file(b"d/f", b"new")])
    assert tree(out) == {"d": None, "d/f": b"new"}


def test_a_mirror_loses_what_is_not_in_the_result(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "kept").mkdir(parents=True)
    (out / "d/gone/deep").mkdir(parents=True)
    (out / "d/gone/deep/x").write_text("x")
    (out / "gone").write_text("x")
    (out / "link").symlink_to(victim)
    (out / "d/link").symlink_to(victim)
    (out / "f").write_text("old")
    items = [directory(b"d", mode=0o500, time=7), file(b"d/f", b"new"), directory(b"e"), file(b"f", b"new")]
    deliver(Receiver(out.as_posix(), mirror=True), items)
    assert tree(out) == {"d": None, "d/f": b"new", "e": None, "f": b"new"}
    assert os.lstat(out / "d").st_mtime_ns == 7
    assert tree(victim) == {"kept": None}


@pytest.mark.parametrize("items", [[], [directory(b"d")], [file(b"a", b"x"), file(b"b", b"y")]])
def test_a_mirror_loses_nothing_before_all_is_there(out: Path, items: list[Item]) -> None:
    (out / "kept").mkdir(parents=True)
    receiver = Receiver(out.as_posix(), mirror=True)
    for stat_, _ in items:
        receiver.receive(Packet(type=Packet.PACKET_STAT, stat=stat_).SerializeToString())
    assert (out / "kept").exists()
    if items[1:]:
        receiver.receive(b"")
        send_data(receiver, 0, b"x")
    receiver.close()
    assert (out / "kept").exists()


def test_the_same_result_twice_is_the_same_tree(out: Path) -> None:
    items = [directory(b"d", mode=0o555), file(b"d/f", b"x", mode=0o400), symlink(b"l", b"d")]
    deliver(Receiver(out.as_posix()), items)
    before = tree(out)
    deliver(Receiver(out.as_posix()), items)
    assert tree(out) == before


def test_files_that_arrive_interleaved_are_told_apart(receiver: Receiver, out: Path) -> None:
    requests = describe(receiver, [file(b"a", b"aaaa"), file(b"b", b"bbbb")])
    for _ in range(2):
        for number, data in zip(requests, (b"aa", b"bb"), strict=True):
            receiver.receive(Packet(type=Packet.PACKET_DATA, ID=number, data=data).SerializeToString())
    for number in requests:
        send_data(receiver, number, b"")
    assert tree(out) == {"a": b"aaaa", "b": b"bbbb"}


def test_a_file_appears_only_when_it_is_whole(receiver: Receiver, out: Path) -> None:
    describe(receiver, [file(b"f", b"content")])
    receiver.receive(Packet(type=Packet.PACKET_DATA, ID=0, data=b"cont").SerializeToString())
    assert not (out / "f").exists()
    receiver.close()
    assert os.listdir(out) == []


def test_a_file_that_is_broken_off_leaves_the_old_one(out: Path) -> None:
    out.mkdir()
    (out / "f").write_text("old")
    receiver = Receiver(out.as_posix())
    describe(receiver, [file(b"f", b"content")])
    receiver.receive(Packet(type=Packet.PACKET_DATA, ID=0, data=b"cont").SerializeToString())
    receiver.close()
    assert tree(out) == {"f": b"old"}


def test_many_directories_need_few_descriptors(receiver: Receiver, out: Path) -> None:
    items: list[Item] = []
    for number in range(200):
        items += [directory(b"%03d" % number), file(b"%03d/f" % number, b"%d" % number)]
    deep = [directory(b"/".join([b"x"] * depth)) for depth in range(1, 101)]
    before = len(os.listdir("/dev/fd"))
    requests = describe(receiver, [*items, *deep, file(deep[-1][0].path + b"/f", b"deep")])
    for number in reversed(requests):
        send_data(receiver, number, ([*items, *deep, file(b"", b"deep")])[number][1])
        assert len(os.listdir("/dev/fd")) - before < 70
    assert (out / "/".join(["x"] * 100) / "f").read_bytes() == b"deep"
    assert len(list(out.glob("*/f"))) == 200
    receiver.close()
    assert len(os.listdir("/dev/fd")) < before


def test_progress_is_the_number_of_bytes_received(out: Path) -> None:
    seen: list[int] = []
    deliver(Receiver(out.as_posix(), on_progress=seen.append), [file(b"f", bytes(100_000))])
    assert seen == [32768, 65536, 98304, 100_000]


def test_what_our_own_sender_sends_arrives(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "d/f").write_bytes(os.urandom(100_000))
    (source / "l").symlink_to("d")
    fetched = fetch(Sender(os.fsencode(source)))
    items = [(entry, fetched.contents.get(path, b"")) for path, entry in fetched.stats.items()]
    deliver(Receiver(os.fsencode(tmp_path / "out")), items)
    assert tree(tmp_path / "out") == tree(source)


# From here on, the daemon is not a friend.


def refused(receiver: Receiver, items: Sequence[Item]) -> str:
    with pytest.raises(OutputError) as caught:
        deliver(receiver, items)
    with pytest.raises(OutputError):
        receiver.pull(1)
    return str(caught.value)


@pytest.mark.parametrize("name", [b"/etc/x", b"../x", b"..", b"a/../../x", b"", b"a\0b", b"."])
def test_a_name_that_leads_out_is_refused(receiver: Receiver, tmp_path: Path, name: bytes) -> None:
    assert "the daemon sent the file" in refused(receiver, [file(name, b"x")])
    assert os.listdir(tmp_path) == ["out"]


def test_nothing_is_written_through_a_link_of_the_daemon(receiver: Receiver, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    refused(receiver, [symlink(b"l", os.fsencode(victim)), file(b"l/f", b"x")])
    assert tree(victim) == {}


def test_nothing_is_written_through_a_link_that_lies_there(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    out.mkdir()
    (out / "d").symlink_to(victim)
    deliver(Receiver(out.as_posix()), [directory(b"d"), file(b"d/f", b"x")])
    assert tree(victim) == {}
    assert tree(out) == {"d": None, "d/f": b"x"}


def test_nothing_is_written_through_a_link_that_appears_meanwhile(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    receiver = Receiver(out.as_posix())
    many = [directory(b"%03d" % number) for number in range(100)]
    describe(receiver, [directory(b"!"), file(b"!/f", b"x"), *many])
    (out / "!").rmdir()
    (out / "!").symlink_to(victim)
    with pytest.raises(OutputError, match=r"can't write .*/!/f\""):
        send_data(receiver, 1, b"x")
    assert tree(victim) == {}


@pytest.mark.parametrize("target", [b"/etc/hostname", b"../secret", b"later", b"d", b"l"])
def test_a_hard_link_to_what_was_not_sent_is_refused(receiver: Receiver, out: Path, target: bytes) -> None:
    (out.parent / "secret").write_text("secret")
    items = [directory(b"d"), symlink(b"l", b"../secret"), (Stat(path=b"ln", linkname=target), b"")]
    assert "which it did not send" in refused(receiver, [*items, file(b"zlater")])


@pytest.mark.parametrize("paths", [(b"b", b"a"), (b"a", b"a"), (b"d/x",), (b"a", b"a/b")])
def test_entries_out_of_order_are_refused(receiver: Receiver, paths: tuple[bytes, ...]) -> None:
    refused(receiver, [file(path) for path in paths])


@pytest.mark.parametrize("mode", [1 << 24, 1 << 19, GO_DIRECTORY | 1 << 27])
def test_what_is_no_kind_of_file_is_refused(receiver: Receiver, mode: int) -> None:
    assert "whose type is unknown" in refused(receiver, [(Stat(path=b"x", mode=mode), b"")])


@pytest.mark.parametrize("content", [b"", b"short", b"much too long"])
def test_content_of_another_size_than_announced_is_refused(
    receiver: Receiver, out: Path, content: bytes
) -> None:
    describe(receiver, [file(b"f", b"12345678")])
    with pytest.raises(OutputError, match=f'sent {len(content)} bytes of "f", which has 8'):
        send_data(receiver, 0, content)
    assert os.listdir(out) == []


@pytest.mark.parametrize("number", [0, 2, 1 << 31])
def test_content_that_nobody_asked_for_is_refused(receiver: Receiver, number: int) -> None:
    describe(receiver, [directory(b"d"), file(b"f", b"x")])
    with pytest.raises(TransferError, match=f"content for entry {number}, which was not requested"):
        send_data(receiver, number, b"x")


def test_too_many_files_at_a_time_are_refused(receiver: Receiver, out: Path) -> None:
    requests = describe(receiver, [file(b"%04d" % number, b"xx") for number in range(300)])
    begin = [Packet(type=Packet.PACKET_DATA, ID=number, data=b"x") for number in requests]
    for packet in begin[:256]:
        receiver.receive(packet.SerializeToString())
    with pytest.raises(TransferError, match="more than 256 files at a time"):
        receiver.receive(begin[256].SerializeToString())
    assert os.listdir(out) == []


def test_a_daemon_that_never_stops_naming_files_is_stopped(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.fstransfer.receiver._MOST_ENTRIES", 100)
    with pytest.raises(TransferError, match="more than 100 files in one tree"):
        describe(receiver, [file(b"%03d" % number) for number in range(101)])


def test_an_entry_after_the_last_one_is_refused(receiver: Receiver) -> None:
    describe(receiver, [file(b"a", b"x")])
    with pytest.raises(TransferError, match="after the end of the list"):
        describe(receiver, [file(b"b", b"x")])


def test_an_end_before_all_is_here_is_refused(receiver: Receiver) -> None:
    describe(receiver, [file(b"a", b"x")])
    with pytest.raises(TransferError, match="ended the transfer before"):
        receiver.receive(b"\x08\x03")


def test_a_request_is_refused(receiver: Receiver) -> None:
    with pytest.raises(TransferError, match="type 1"):
        receiver.receive(b"\x08\x01")


def test_an_error_of_the_daemon_is_raised_with_its_text(receiver: Receiver) -> None:
    with pytest.raises(TransferError, match=r"could not send the files for .*out\": it broke"):
        receiver.receive(Packet(type=Packet.PACKET_ERR, data=b"it broke").SerializeToString())
    with pytest.raises(TransferError, match="it broke"):
        receiver.receive(b"\x08\x03")


def test_a_destination_that_is_a_file_is_an_error_that_names_it(out: Path) -> None:
    out.write_text("in the way")
    with pytest.raises(OutputError, match=r"can't write .*/out\""):
        Receiver(out.as_posix())


@not_as_root
def test_a_destination_that_may_not_be_written_is_an_error_that_names_the_file(out: Path) -> None:
    out.mkdir(mode=0o500)
    assert '/out/f": permission denied' in refused(Receiver(out.as_posix()), [file(b"f", b"x")])


def test_a_name_that_is_too_long_is_an_error(receiver: Receiver) -> None:
    assert "file name too long" in refused(receiver, [directory(b"x" * 256)])


def test_a_path_that_is_too_long_is_refused_when_it_is_announced(receiver: Receiver) -> None:
    deep = [directory(b"/".join([b"x" * 200] * depth)) for depth in range(1, 25)]
    assert "file name too long" in refused(receiver, deep)


def _flood(receiver: Receiver, message: bytes, times: int = 1) -> None:
    for _ in range(times):
        receiver.receive(message)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Stat(path=b"x" * 3_000_000, mode=0o644), "file name too long"),
        (Stat(path=b"x/" * 1_500_000 + b"x", mode=0o644), "file name too long"),
        (
            Stat(path=b"l", linkname=b"x" * 3_000_000, mode=GO_SYMLINK | 0o777),
            "a link whose target has 3000000 bytes",
        ),
        (Stat(path=b"l", linkname=b"x\0y", mode=GO_SYMLINK | 0o777), '"l" as a link or device that'),
        (Stat(path=b"d", devmajor=1 << 62, mode=GO_DEVICE | 0o600), '"d" as a link or device that'),
        (Stat(path=b"d", devminor=-1, mode=GO_DEVICE | 0o600), '"d" as a link or device that'),
        (
            Stat(path=b"f", mode=0o644, xattrs={"user.a": bytes(10_000_000)}),
            "extended attribute of 6 and 100",
        ),
        (Stat(path=b"f", mode=0o644, xattrs={"x" * 300: b""}), "extended attribute of 300 and 0"),
        (
            Stat(path=b"f", mode=0o644, xattrs={str(number): b"" for number in range(1000)}),
            "more than 256 extended attributes",
        ),
    ],
)
def test_an_entry_that_no_file_system_takes_is_refused_when_it_is_announced(
    receiver: Receiver, entry: Stat, why: str
) -> None:
    message = Packet(type=Packet.PACKET_STAT, stat=entry).SerializeToString()

    with pytest.raises(RouterError, match=why) as caught:
        receiver.receive(message)

    assert len(str(caught.value)) < 500


def test_all_that_is_kept_of_a_tree_is_bounded(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.fstransfer.limits._MOST_KEPT", 20 << 20)
    xattrs = {f"user.{number}": bytes(60_000) for number in range(10)}
    entries = [(Stat(path=b"%05d" % number, mode=0o644, xattrs=xattrs), b"") for number in range(100)]

    tracemalloc.start()
    try:
        with pytest.raises(TransferError, match="more than 20 MiB of names and attributes"):
            describe(receiver, entries)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 30 << 20


def test_an_ordinary_entry_takes_what_it_is_counted_for(receiver: Receiver) -> None:
    count = 20_000
    messages = [
        Packet(
            type=Packet.PACKET_STAT,
            stat=Stat(path=b"a-file-of-usual-length-%06d" % number, mode=0o644, size=1),
        ).SerializeToString()
        for number in range(count)
    ]

    tracemalloc.start()
    try:
        for message in messages:
            receiver.receive(message)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert held < count * (limits._ENTRY + 40)


def test_fields_that_nobody_knows_are_not_kept(receiver: Receiver) -> None:
    unknown = b"".join(
        bytes((0x82 | number & 0x78, 0x80 | number >> 7 & 0x7F, 0x01, 0x00)) for number in range(1 << 16)
    )
    message = b"\x12" + varint(len(unknown)) + unknown

    tracemalloc.start()
    try:
        with pytest.raises(OutputError, match="under an invalid name"):
            receiver.receive(message)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * len(message)


@on_linux
@pytest.mark.parametrize("mode", [0o311, 0o000, 0o500])
def test_a_second_export_goes_into_directories_that_their_owner_cannot_open(
    tmp_path: Path, mode: int
) -> None:
    """As an ordinary user: root opens everything."""
    script = f"""
import os, shutil, stat, sys
sys.path.insert(0, {os.getcwd()!r})
from router.fstransfer.receiver import Receiver
from tests.unit.fstransfer.peer import deliver, directory, file
if os.getuid() == 0:
    os.setgroups([]); os.setgid(12345); os.setuid(12345)
items = [directory(b"d", mode={mode}), directory(b"d/e", mode={mode}), file(b"d/e/f"), file(b"d/g", b"x")]
for content in (b"one", b"two"):
    items[2] = file(b"d/e/f", content)
    deliver(Receiver("out"), items)
modes = []
os.chmod("out/d", 0o700)
modes.append(stat.S_IMODE(os.stat("out/d/e").st_mode))
os.chmod("out/d/e", 0o700)
assert open("out/d/e/f").read() == "two"
os.chmod("out/d/e", {mode}); os.chmod("out/d", {mode})
deliver(Receiver("out", mirror=True), [file(b"only", b"x")])
print(modes, os.listdir("out"))
"""
    tmp_path.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr[-2000:]) == (f"[{mode}] ['only']\n", "")


@on_linux
def test_a_destination_that_can_only_be_gone_through_is_written_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o311)
    deliver(Receiver(str(out)), [directory(b"d"), file(b"d/g", b"y"), file(b"f", b"x")])
    assert (out / "d/g").read_bytes() == b"y"


def test_directories_on_the_way_are_no_wider_than_the_umask(tmp_path: Path) -> None:
    script = f"""
import os, sys
sys.path.insert(0, {os.getcwd()!r})
os.umask(0o027)
from router.fstransfer.receiver import Receiver
from tests.unit.fstransfer.peer import deliver, directory, file
deliver(Receiver("a/b/out"), [file(b"f", b"x")])
print([oct(os.stat(path).st_mode & 0o777) for path in ("a", "a/b", "a/b/out")])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['0o750', '0o750', '0o700']\n"


@on_linux
def test_what_a_killed_export_leaves_is_known_by_its_name_and_hinders_nobody(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys
sys.path.insert(0, {os.getcwd()!r})
from router._proto.fsutil_pb2 import Packet
from router.fstransfer.receiver import Receiver
from tests.unit.fstransfer.peer import describe, file
receiver = Receiver("out")
describe(receiver, [file(b"f", b"content")])
receiver.receive(Packet(type=Packet.PACKET_DATA, ID=0, data=b"con").SerializeToString())
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    out = tmp_path / "out"
    (left,) = os.listdir(out)
    assert left.startswith(".warmroute-")

    deliver(Receiver(str(out)), [file(b"f", b"content")])
    assert sorted(os.listdir(out)) == [left, "f"]

    deliver(Receiver(str(out), mirror=True), [file(b"f", b"content")])
    assert os.listdir(out) == ["f"]


@on_linux
def test_a_full_disk_is_told_with_what_it_left(tmp_path: Path) -> None:
    receiver = Receiver(str(tmp_path / "out"))
    describe(receiver, [file(b"a", b"x"), file(b"b", b"y" * 100)])
    send_data(receiver, 0, b"x")
    # A file of no more than this is what a full disk is for a process.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OutputError) as caught:
            send_data(receiver, 1, b"y" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "file too large" in str(caught.value)
    assert "out\" is incomplete: it has 1 of the result's files" in str(caught.value)


def test_its_repr_tells_its_state(receiver: Receiver) -> None:
    describe(receiver, [file(b"a", b"x")])
    assert "1 entries, 1 to come, receiving" in repr(receiver)


names = st.sampled_from(
    [b"a", b"b", b"..", b".", b"", b"l", b"a/b", b"/x", b"l/x", b"a/l", b"a/l/x", b"../v/x"]
)
modes = st.sampled_from([0o644, GO_DIRECTORY | 0o755, 1 << 27, 1 << 25, 1 << 24])
entries = st.builds(
    Stat,
    path=names,
    mode=modes,
    size=st.integers(-1, 3),
    linkname=st.sampled_from([b"", b"..", b"../victim", b"a", b"l", b"/tmp"]),
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(entries, max_size=6), st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=3)), max_size=8)
)
def test_whatever_the_daemon_sends_nothing_outside_changes(
    tmp_path_factory: pytest.TempPathFactory, stats: list[Stat], data: list[tuple[int, bytes]]
) -> None:
    base = tmp_path_factory.mktemp("case")
    (base / "victim").mkdir()
    receiver = Receiver(os.fsencode(base / "out"))
    try:
        describe(receiver, [(entry, b"") for entry in stats])
        for number, content in data:
            send_data(receiver, number, content)
    except RouterError:
        pass
    finally:
        receiver.close()
    assert os.listdir(base / "victim") == []
    assert sorted(os.listdir(base)) == ["out", "victim"]


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=30))
def test_noise_raises_one_of_our_errors_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, message: bytes
) -> None:
    receiver = Receiver(os.fsencode(tmp_path_factory.getbasetemp() / "noise"))
    try:
        receiver.receive(message)
        while (buffers := receiver.pull(100)) is not None:
            unframe(buffers)
    except RouterError:
        pass
    finally:
        receiver.close()
