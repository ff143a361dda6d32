"""The daemon's half of a transfer, in memory, on protobuf: an independent reading of the packets."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from router._proto.fsutil_pb2 import Packet, Stat
from router.fstransfer.receiver import Receiver
from router.fstransfer.sender import Sender

GO_DIRECTORY = 1 << 31
GO_SYMLINK = 1 << 27
GO_DEVICE = 1 << 26
GO_TYPE = 0x8F280000


def unframe(buffers: Iterable[bytes | memoryview]) -> list[bytes]:
    """Split buffers into gRPC messages, without their prefixes."""
    stream = b"".join(buffers)
    messages = []
    while stream:
        compressed, length = struct.unpack_from(">BI", stream)
        assert compressed == 0
        assert len(stream) >= 5 + length
        messages.append(stream[5 : 5 + length])
        stream = stream[5 + length :]
    return messages


def unpack(buffers: Iterable[bytes | memoryview]) -> list[Packet]:
    """Parse buffers into packets."""
    return [Packet.FromString(message) for message in unframe(buffers)]


def wants_files(stat: Stat) -> bool:
    """Say whether the daemon would ask for an entry's content."""
    return stat.mode & GO_TYPE == 0 and not stat.linkname


@dataclass
class Fetched:
    """What came of a tree: entries by their path in the order they came, content by path."""

    stats: dict[bytes, Stat] = field(default_factory=dict)
    contents: dict[bytes, bytes] = field(default_factory=dict)
    packets: int = 0

    @property
    def paths(self) -> list[bytes]:
        return list(self.stats)


def fetch(
    sender: Sender, *, wants: Callable[[Stat], bool] = wants_files, size: int = 1 << 20, reverse: bool = False
) -> Fetched:
    """Play the daemon until the transfer is over; ``reverse`` asks only at the end, last file first."""
    fetched = Fetched()
    by_number: list[Stat] = []
    wanted: list[int] = []
    asked: set[int] = set()
    described = False
    while not sender.done:
        for packet in unpack(sender.pull(size) or []):
            fetched.packets += 1
            if packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
                assert not described
                if wants(packet.stat):
                    wanted.append(len(by_number))
                by_number.append(packet.stat)
                assert packet.stat.path not in fetched.stats
                fetched.stats[packet.stat.path] = packet.stat
            elif packet.type == Packet.PACKET_STAT:
                described = True
            elif packet.type == Packet.PACKET_DATA:
                path = by_number[packet.ID].path
                assert packet.ID in asked
                fetched.contents[path] = fetched.contents.get(path, b"") + packet.data
                if not packet.data:
                    asked.remove(packet.ID)
            else:
                assert packet.type == Packet.PACKET_FIN
                assert sender.done
        if described or not reverse:
            for number in reversed(wanted) if reverse else wanted:
                asked.add(number)
                sender.receive(Packet(type=Packet.PACKET_REQ, ID=number).SerializeToString())
            wanted.clear()
        if described and not asked:
            sender.receive(memoryview(Packet(type=Packet.PACKET_FIN).SerializeToString()))
    return fetched


Item = tuple[Stat, bytes]


def file(path: bytes, content: bytes = b"", *, mode: int = 0o644, time: int = 1) -> Item:
    """Describe a regular file."""
    return Stat(path=path, mode=mode, size=len(content), modTime=time), content


def directory(path: bytes, *, mode: int = 0o755, time: int = 1) -> Item:
    """Describe a directory."""
    return Stat(path=path, mode=GO_DIRECTORY | mode, modTime=time), b""


def symlink(path: bytes, target: bytes) -> Item:
    """Describe a symbolic link."""
    return Stat(path=path, mode=GO_SYMLINK | 0o777, linkname=target, modTime=1), b""


def describe(receiver: Receiver, items: Sequence[Item]) -> list[int]:
    """Send all entries and return what was asked for."""
    for stat, _ in items:
        receiver.receive(memoryview(Packet(type=Packet.PACKET_STAT, stat=stat).SerializeToString()))
    receiver.receive(Packet(type=Packet.PACKET_STAT).SerializeToString())
    return [packet.ID for packet in _pulled(receiver) if packet.type == Packet.PACKET_REQ]


def send_data(receiver: Receiver, number: int, content: bytes, *, chunk: int = 1 << 15) -> None:
    """Send the content of one file, in packets of ``chunk`` bytes."""
    for start in range(0, len(content), chunk):
        data = Packet(type=Packet.PACKET_DATA, ID=number, data=content[start : start + chunk])
        receiver.receive(memoryview(data.SerializeToString()))
    receiver.receive(Packet(type=Packet.PACKET_DATA, ID=number).SerializeToString())


def deliver(receiver: Receiver, items: Sequence[Item]) -> None:
    """Play the daemon until the transfer is over."""
    requests = describe(receiver, items)
    finished = not requests
    for number in requests:
        send_data(receiver, number, items[number][1])
    finished = any(packet.type == Packet.PACKET_FIN for packet in _pulled(receiver)) or finished
    assert finished
    receiver.receive(Packet(type=Packet.PACKET_FIN).SerializeToString())
    assert receiver.done
    receiver.close()


def _pulled(receiver: Receiver) -> list[Packet]:
    found = []
    while (buffers := receiver.pull(1 << 16)) is not None:
        found += unpack(buffers)
    return found
