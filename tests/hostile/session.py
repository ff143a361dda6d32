"""A daemon whose calls in the session are floods, lies and names that lead elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from router._proto import fsutil_pb2 as fs
from router._proto.control_pb2 import BytesMessage
from router._proto.secrets_pb2 import GetSecretRequest
from tests.hostile.attack import ESCAPE, FAILED, OUT_OF_TIME, UNREACHABLE, Attack, Command, build
from tests.hostile.scripted_daemon import ScriptedDaemon
from tests.hostile.session_caller import Script, SessionCaller
from tests.unit.providers import ssh

__all__ = ["ATTACKS"]

_MEBIBYTE = 1 << 20
_SYNC = "/moby.filesync.v1.FileSync/DiffCopy"
_SEND = "/moby.filesync.v1.FileSend/DiffCopy"
_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
_FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent"
_AT_ONCE = 100
_NONE: Mapping[str, Sequence[str]] = MappingProxyType({})
_CONTEXT = {"dir-name": ["context"]}

_END = f"the end {ESCAPE}"
_FAILED = frozenset({FAILED})
_LIMITED = frozenset({OUT_OF_TIME})
_LOST = frozenset({FAILED, UNREACHABLE, OUT_OF_TIME})


def _attack(
    script: Script,
    *,
    options: Callable[[Path], list[str]] = lambda _: [],
    files: int = 0,
    ends: bool = False,
    **allowed: object,
) -> Attack:
    """Make these calls in the session of a build, which fails after them where it ``ends``."""

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with ScriptedDaemon(calls=script, failure=_END if ends else None) as daemon:
            command = build(daemon.address, directory, *options(directory))
            for number in range(files):
                (directory / "context" / f"file{number}").write_text("x")
            (directory / "context" / ("a" * 200)).write_text("")
            yield command

    return Attack(peer=peer, **{"codes": _FAILED if ends else _LIMITED, **allowed})  # type: ignore[arg-type]


def _tree(directory: Path) -> list[str]:
    return ["--output", f"type=local,dest={directory / 'out'}"]


def _secret(directory: Path) -> list[str]:
    (directory / "secret").write_text("sesame")
    return ["--secret", f"id=s,src={directory / 'secret'}"]


def _key(directory: Path) -> list[str]:
    return ["--ssh", f"default={ssh.write(directory, 'id_ed25519', ssh.text(ssh.ED25519, ssh.OPENSSH))}"]


def _again(
    path: str, request: bytes = b"", times: int = 100_000, metadata: Mapping[str, Sequence[str]] = _NONE
) -> Script:
    """Call a method again and again, some calls at once."""

    def script(caller: SessionCaller) -> Iterator[None]:
        for begun in range(0, times, _AT_ONCE):
            if caller.gone:
                return
            for _ in range(_AT_ONCE):
                caller.call(path, request, metadata=metadata)
            yield from caller.until(begun + _AT_ONCE)

    return script


def _at_once(
    path: str,
    times: int,
    flood: Callable[[], Iterable[bytes]] = tuple,
    metadata: Mapping[str, Sequence[str]] = _NONE,
) -> Script:
    """Open so many calls that stay open, and send on each of them."""

    def script(caller: SessionCaller) -> Iterator[None]:
        for _ in range(times):
            caller.call(path, flood=flood(), end=False, metadata=metadata)
        yield

    return script


def _sending(*packets: Callable[[], Iterable[fs.Packet]]) -> Script:
    """Send a tree, of which these are the packets, until it is refused."""

    def script(caller: SessionCaller) -> Iterator[None]:
        messages = (packet.SerializeToString() for made in packets for packet in made())
        caller.call(_SEND, flood=messages, end=False)
        yield from caller.until(1)

    return script


def _entry(path: bytes, **values: object) -> fs.Packet:
    return fs.Packet(type=fs.Packet.PACKET_STAT, stat=fs.Stat(path=path, mode=0o644, **values))  # type: ignore[arg-type]


def _huge_names() -> Iterator[fs.Packet]:
    for number in itertools.count():
        yield _entry(b"%08d" % number + b"n" * (3 * _MEBIBYTE))


def _huge_attributes() -> Iterator[fs.Packet]:
    for number in itertools.count():
        yield _entry(b"%08d" % number, xattrs={"user.x": b"v" * (10 * _MEBIBYTE)})


def _many_attributes() -> Iterator[fs.Packet]:
    for number in itertools.count():
        yield _entry(b"%08d" % number, xattrs={f"user.{each}": b"v" * 65_000 for each in range(200)})


def _tiny_entries() -> Iterator[fs.Packet]:
    for number in itertools.count():
        yield _entry(b"%012d" % number)


def _empty_packets() -> Iterator[fs.Packet]:
    yield _entry(b"file", size=1)
    yield fs.Packet(type=fs.Packet.PACKET_STAT)
    yield from itertools.repeat(fs.Packet(type=fs.Packet.PACKET_DATA, ID=0, data=b"x"))


def _data_of_nothing() -> Iterator[fs.Packet]:
    yield from itertools.repeat(fs.Packet(type=fs.Packet.PACKET_DATA, ID=7, data=b"x"))


def _one(packet: fs.Packet) -> Callable[[], Iterable[fs.Packet]]:
    return lambda: [packet]


def _questions() -> Iterator[bytes]:
    """Ask an agent for its keys without end, without reading: 5 bytes each."""
    yield from itertools.repeat(BytesMessage(data=b"\0\0\0\1\x0b" * 10_000).SerializeToString())


def _huge_question() -> Iterator[bytes]:
    """A message to an agent that says it has 4 GB."""
    yield BytesMessage(data=b"\xff\xff\xff\xff\x0d").SerializeToString()
    yield from itertools.repeat(BytesMessage(data=b"x" * 65_536).SerializeToString())


def _slow_question() -> Iterator[bytes]:
    """A message of the most that an agent takes, a byte at a time."""
    yield BytesMessage(data=(256 * 1024).to_bytes(4, "big")).SerializeToString()
    yield from itertools.repeat(BytesMessage(data=b"x").SerializeToString())


def _backtracking(caller: SessionCaller) -> Iterator[None]:
    for _ in range(20):
        pattern = "*a" * 100 + "b"
        patterns = {
            "include-patterns": [pattern, "**/" * 50 + "b"],
            "exclude-patterns": [pattern],
            "followpaths": [pattern, "[a-z]*" * 40 + "!"],
        }
        caller.call(_SYNC, end=False, metadata={**_CONTEXT, **patterns})
    yield


def _raw_frames(caller: SessionCaller) -> Iterator[bytes]:
    """An inner connection of PINGs that has no end."""
    caller.call("/no/such")
    yield b""
    while True:
        yield b"\0\0\x08\x06\0\0\0\0\0pingping" * 50_000


def _nonsense(_caller: SessionCaller) -> Iterator[bytes]:
    while True:
        yield b"\xff" * 100_000


_OUTSIDE = {
    "..": _entry(b"../outside"),
    "an absolute name": _entry(b"/tmp/outside"),
    ".. in the middle": _entry(b"a/../../outside"),
    "a NUL": _entry(b"a\0b"),
    "a name with escapes and ..": _entry(f"../{ESCAPE}".encode()),
}

ATTACKS = {
    "unknown methods 100,000 times": _attack(_again("/no/such/Method")),
    "a method with a name of 500 KB": _attack(_again("/" + "m" * 500_000, times=2000)),
    "a secret 100,000 times": _attack(
        _again(_SECRET, GetSecretRequest(ID="s").SerializeToString()), options=_secret
    ),
    "secrets that were not given, 100,000 times": _attack(
        _again(_SECRET, GetSecretRequest(ID=ESCAPE).SerializeToString())
    ),
    "requests of 15 MB": _attack(_again(_SECRET, b"\x0a\xff\xff\xff\x07" + b"x" * (15 * _MEBIBYTE), 10_000)),
    "200 unary calls that go on for ever": _attack(
        _at_once(_SECRET, 200, lambda: itertools.repeat(b"\x0a\x00")), options=_secret
    ),
    "the context 200 times": _attack(_at_once(_SYNC, 200, metadata=_CONTEXT), files=1000),
    "the context again and again": _attack(_again(_SYNC, times=100_000, metadata=_CONTEXT)),
    "requests for files that there are not": _attack(
        _at_once(
            _SYNC,
            50,
            lambda: itertools.repeat(fs.Packet(type=fs.Packet.PACKET_REQ, ID=2**32 - 1).SerializeToString()),
            metadata=_CONTEXT,
        )
    ),
    "patterns that backtrack": _attack(_backtracking),
    "PINGs in the session without end": _attack(_raw_frames, codes=_LOST),
    "a session that is no HTTP/2": _attack(_nonsense, codes=_LOST),
    "names of 3 MB": _attack(_sending(_huge_names), options=_tree, ends=True, said="file name too long"),
    "attributes of 10 MB": _attack(_sending(_huge_attributes), options=_tree, ends=True),
    "200 attributes of 64 KB for each file": _attack(
        _sending(_many_attributes), options=_tree, megabytes=1200
    ),
    "entries without end": _attack(_sending(_tiny_entries), options=_tree, megabytes=400),
    "a file that comes byte by byte": _attack(_sending(_empty_packets), options=_tree),
    "data of files that nobody announced": _attack(_sending(_data_of_nothing), options=_tree, ends=True),
    **{
        f"a tree with {name}": _attack(
            _sending(_one(packet)), options=_tree, ends=True, said="ERROR: the daemon sent "
        )
        for name, packet in _OUTSIDE.items()
    },
    "a tree that was not asked for": _attack(_sending(_tiny_entries), ends=True),
    "200 trees at once": _attack(
        _at_once(_SEND, 200, lambda: (packet.SerializeToString() for packet in _tiny_entries())),
        options=_tree,
        megabytes=400,
    ),
    "connections to the agent without end": _attack(_again(_FORWARD), options=_key),
    "200 connections to the agent, flooded with questions": _attack(
        _at_once(_FORWARD, 200, _questions), options=_key, megabytes=400
    ),
    "messages to the agent that say they have 4 GB": _attack(
        _at_once(_FORWARD, 50, _huge_question), options=_key
    ),
    "a message to the agent that comes byte by byte": _attack(
        _at_once(_FORWARD, 50, _slow_question), options=_key
    ),
}
