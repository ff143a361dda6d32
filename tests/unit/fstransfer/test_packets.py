"""Packing and parsing by hand against protobuf."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router._proto.fsutil_pb2 import Packet, Stat
from router.errors import TransferError
from router.fstransfer import packets
from router.notation.varint import varint
from tests.unit.fstransfer.peer import unpack

numbers = st.integers(0, (1 << 32) - 1)
int64 = st.integers(-(1 << 63), (1 << 63) - 1)


def status_of(mode: int, *, size: int = 0, time: int = 0, uid: int = 0, gid: int = 0) -> os.stat_result:
    fields = {"st_mtime_ns": time}
    return os.stat_result((mode, 1, 1, 1, uid, gid, size, 0, 0, 0), fields)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, (1 << 64) - 1))
def test_a_varint_is_what_protobuf_writes(number: int) -> None:
    message = Packet(ID=number & 0xFFFFFFFF)
    assert varint(number & 0xFFFFFFFF) == message.SerializeToString()[1:] or not message.ID
    assert len(varint(number)) == max(1, -(-number.bit_length() // 7))


@settings(deadline=None, max_examples=60)
@given(
    path=st.binary(min_size=1, max_size=300),
    size=st.integers(0, (1 << 63) - 1),
    time=int64,
    uid=numbers,
    gid=numbers,
    link=st.binary(max_size=200),
    reset_ids=st.booleans(),
)
def test_an_entry_reads_back_as_it_was(
    *, path: bytes, size: int, time: int, uid: int, gid: int, link: bytes, reset_ids: bool
) -> None:
    packer = packets.StatPacker(reset_ids=reset_ids)
    status = status_of(0o100644, size=size, time=time, uid=uid, gid=gid)
    message = packer.pack(path, status, packets.extra_fields(link=link, xattrs={b"user.a": b"\0b"}))
    (packet,) = unpack([message])
    assert packet.type == Packet.PACKET_STAT
    stat = packet.stat
    assert (stat.path, stat.mode, stat.size, stat.modTime, stat.linkname) == (path, 0o644, size, time, link)
    assert (stat.uid, stat.gid) == ((0, 0) if reset_ids else (uid, gid))
    assert dict(stat.xattrs) == {"user.a": b"\0b"}


@settings(deadline=None, max_examples=60)
@given(st.lists(int64, min_size=1, max_size=8))
def test_times_that_follow_each_other_dont_mix(times: list[int]) -> None:
    packer = packets.StatPacker(reset_ids=True)
    messages = [packer.pack(b"f", status_of(0o100644, time=time)) for time in times]
    assert [packet.stat.modTime for packet in unpack(messages)] == times


@pytest.mark.parametrize(
    ("mode", "go"),
    [
        (0o100644, 0o644),
        (0o040755, 1 << 31 | 0o755),
        (0o120777, 1 << 27 | 0o777),
        (0o010600, 1 << 25 | 0o600),
        (0o060660, 1 << 26 | 0o660),
        (0o020660, 1 << 26 | 1 << 21 | 0o660),
        (0o140755, 0o755),
        (0o104755, 1 << 23 | 0o755),
        (0o102755, 1 << 22 | 0o755),
        (0o041777, 1 << 31 | 1 << 20 | 0o777),
    ],
)
def test_a_mode_has_the_bits_of_go(mode: int, go: int) -> None:
    assert packets.go_mode(mode) == go


def test_a_directory_has_no_size() -> None:
    (packet,) = unpack([packets.StatPacker(reset_ids=True).pack(b"d", status_of(0o040755, size=4096))])
    assert packet.stat.size == 0


def test_a_device_has_its_numbers() -> None:
    (packet,) = unpack(
        [
            packets.StatPacker(reset_ids=True).pack(
                b"d", status_of(0o060600), packets.extra_fields(device=os.makedev(259, 300))
            )
        ]
    )
    assert (packet.stat.devmajor, packet.stat.devminor) == (259, 300)


@settings(deadline=None, max_examples=60)
@given(numbers, st.binary(min_size=1, max_size=400))
def test_content_reads_back_in_both_forms(number: int, data: bytes) -> None:
    apart = [packets.data_head(number, len(data)), data, packets.data_end(number)]
    assert b"".join(apart) == packets.whole_file(number, data)
    first, last = unpack(apart)
    assert (first.type, first.ID, first.data) == (Packet.PACKET_DATA, number, data)
    assert (last.type, last.ID, last.data) == (Packet.PACKET_DATA, number, b"")


def test_the_ends_read_back() -> None:
    last, fin = unpack([packets.LAST_STAT_MESSAGE, packets.FIN_MESSAGE])
    assert not last.ListFields()
    assert fin == Packet(type=Packet.PACKET_FIN)


@settings(deadline=None, max_examples=60)
@given(numbers)
def test_the_quick_way_agrees_with_the_whole_one_on_requests(number: int) -> None:
    message = Packet(type=Packet.PACKET_REQ, ID=number).SerializeToString()
    assert packets.request(number)[5:] == message
    assert packets.parse(memoryview(message)) == (packets.REQ, number, None, b"")
    assert packets.parse_request(memoryview(message)) in (None, number)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=9))
def test_the_quick_way_finds_nothing_that_the_whole_one_doesnt(message: bytes) -> None:
    number = packets.parse_request(b"\x08\x01\x18" + message)
    if number is not None:
        assert packets.parse(b"\x08\x01\x18" + message).number == number


@settings(deadline=None, max_examples=60)
@given(numbers, st.binary(max_size=400))
def test_the_quick_way_agrees_with_the_whole_one_on_content(number: int, data: bytes) -> None:
    message = Packet(type=Packet.PACKET_DATA, ID=number, data=data).SerializeToString()
    assert packets.parse(memoryview(message)) == (packets.DATA, number, None, data)
    assert packets.parse_data(memoryview(message)) == ((number, data) if number else None)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=12))
def test_the_quick_way_finds_no_content_that_the_whole_one_doesnt(message: bytes) -> None:
    try:
        found = packets.parse_data(b"\x08\x02\x18" + message)
    except TransferError:
        with pytest.raises(TransferError):
            packets.parse(b"\x08\x02\x18" + message)
        return
    if found is not None:
        whole = packets.parse(b"\x08\x02\x18" + message)
        assert (whole.kind, whole.number, whole.data) == (packets.DATA, *found)


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        Stat,
        path=st.binary(max_size=200),
        mode=numbers,
        uid=numbers,
        size=int64,
        modTime=int64,
        linkname=st.binary(max_size=20),
        devmajor=int64,
        devminor=int64,
        xattrs=st.dictionaries(st.text(max_size=5), st.binary(max_size=20), max_size=3),
    )
)
def test_an_entry_of_the_daemon_is_parsed(stat: Stat) -> None:
    packet = packets.parse(memoryview(Packet(type=Packet.PACKET_STAT, stat=stat).SerializeToString()))
    assert packet.stat is not None
    parsed = packets.parse_stat(packet.stat)
    assert parsed[:7] == (
        stat.path,
        stat.mode,
        stat.size,
        stat.modTime,
        stat.linkname,
        stat.devmajor,
        stat.devminor,
    )
    assert (parsed.xattrs or {}) == {name.encode(): value for name, value in stat.xattrs.items()}


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=40))
def test_noise_is_parsed_or_refused_with_one_error(message: bytes) -> None:
    with contextlib.suppress(TransferError):
        stat = packets.parse(message).stat
        if stat is not None:
            packets.parse_stat(stat)


def test_unknown_fields_are_stepped_over() -> None:
    unknown = b"\x79" + bytes(8) + b"\x7d" + bytes(4) + b"\x82\x01\x02hi" + b"\x88\x01\x05"
    assert packets.parse(unknown + b"\x08\x03") == (packets.FIN, 0, None, b"")


@pytest.mark.parametrize(
    "message", [b"\x08", b"\x22\x05abc", b"\x08" + b"\xff" * 10 + b"\1", b"\x0b\x01", b"\x79\0"]
)
def test_a_malformed_packet_is_refused(message: bytes) -> None:
    with pytest.raises(TransferError, match="malformed packet"):
        packets.parse(message)
