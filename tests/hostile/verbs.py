"""Every verb that asks daemons about their builds and stores, against each answer that could flood it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from router._proto import control_pb2 as pb
from router.rpc.protobuf import field
from tests.hostile.attack import ENDED, ESCAPE, FAILED, LIMIT, UNREACHABLE, Attack, Command
from tests.hostile.scripted_daemon import ScriptedDaemon

__all__ = ["ATTACKS"]

_MEBIBYTE = 1 << 20
_LOST = frozenset({FAILED, UNREACHABLE})
_HISTORY = "ListenBuildHistory"

Answers = Callable[[], Iterable[bytes]]


def _empty_entries() -> Iterator[bytes]:
    yield b"\x0a\x00" * (15 * _MEBIBYTE // 2)


def _empty_fields_of_a_record() -> Iterator[bytes]:
    # In field 1 of what is asked for a store, and in field 2 of an event of the history.
    inner = bytes((10 << 3 | 2, 0)) * (7 * _MEBIBYTE // 2)
    yield field(1, inner) + field(2, inner)


def _builds_without_end() -> Iterator[bytes]:
    for number in itertools.count():
        record = pb.BuildHistoryRecord(Ref=f"{ESCAPE}{number}")
        yield pb.BuildHistoryEvent(type=pb.COMPLETE, record=record).SerializeToString()


def _answers_without_end() -> Iterator[bytes]:
    while True:
        yield field(1, field(1, ESCAPE))


_FLOODS: Mapping[str, Answers] = {
    "15 MB of empty entries": _empty_entries,
    "records of 4 million empty fields": _empty_fields_of_a_record,
}
_VERBS: Mapping[tuple[str, ...], str] = {
    ("du",): "DiskUsage",
    ("prune", "--dry-run"): "DiskUsage",
    ("prune", "--force"): "Prune",
    ("workers",): "ListWorkers",
    ("debug", "info"): "Info",
    ("ps",): _HISTORY,
    ("stats",): _HISTORY,
    ("logs",): _HISTORY,
    ("history", "ls"): _HISTORY,
    ("history", "inspect"): _HISTORY,
    ("history", "trace"): _HISTORY,
    ("history", "export"): _HISTORY,
    ("simulate", "--history"): _HISTORY,
}


def _asking(
    words: Sequence[str], answers: Mapping[str, Answers], blobs: Answers = tuple, **allowed: object
) -> Attack:
    @contextmanager
    def peer(_directory: Path) -> Iterator[Command]:
        with ScriptedDaemon(answers=answers, blobs=blobs) as daemon:
            yield Command((*words, "--addr", daemon.address, "--connect-timeout", f"{LIMIT:g}"))

    return Attack(peer=peer, **{"codes": ENDED, **allowed})  # type: ignore[arg-type]


def _exporting(hostile: pb.BuildHistoryRecord | bytes, blobs: Answers = tuple) -> Attack:
    """Keep a build that looks like any other until it is exported."""
    ordinary = pb.BuildHistoryRecord(Ref="r")
    ordinary.CreatedAt.seconds = ordinary.CompletedAt.seconds = int(time.time())

    @contextmanager
    def peer(_directory: Path) -> Iterator[Command]:
        asked = itertools.count()

        def history() -> Iterator[bytes]:
            if next(asked) == 0:
                yield pb.BuildHistoryEvent(type=pb.COMPLETE, record=ordinary).SerializeToString()
            else:
                yield field(2, hostile if isinstance(hostile, bytes) else hostile.SerializeToString())

        answers: Mapping[str, Answers] = {
            _HISTORY: history,
            "UpdateBuildHistory": lambda: [b""],
            "ListWorkers": lambda: [b""],
        }
        with ScriptedDaemon(answers=answers, blobs=blobs) as daemon:
            words = ("history", "export", "--addr", daemon.address, "--connect-timeout", f"{LIMIT:g}")
            yield Command(words)

    return Attack(peer=peer, codes=_LOST)


def _digests(number: int) -> pb.BuildHistoryRecord:
    blobs = [pb.Descriptor(digest=f"sha256:{each}") for each in range(number)]
    return pb.BuildHistoryRecord(Ref="r", Result=pb.BuildResultInfo(Attestations=blobs))


def _different_blobs() -> Answers:
    numbers = itertools.count()
    return lambda: [field(2, b"%d" % next(numbers) + bytes(_MEBIBYTE))]


def _records_of_1_mb() -> Iterator[bytes]:
    for number in itertools.count():
        yield pb.UsageRecord(ID=f"{number}", Description=ESCAPE * 80_000).SerializeToString()


ATTACKS = {
    **{
        f"{' '.join(words)}: {name}": _asking(words, {method: flood})
        for words, method in _VERBS.items()
        for name, flood in _FLOODS.items()
    },
    **{
        f"{' '.join(words)}: messages without end": _asking(
            words, {method: _builds_without_end if method == _HISTORY else _answers_without_end}
        )
        for words, method in _VERBS.items()
        if method != "Prune"  # that may take as long as it takes
    },
    "prune --force: records of 1 MB without end": _asking(
        ("prune", "--force"), {"Prune": _records_of_1_mb}, codes=_LOST
    ),
    "history export: 7 million empty attestations": _exporting(
        field(10, bytes((2 << 3 | 2, 0)) * (7 * _MEBIBYTE))
    ),
    "history export: 7 million empty exporters": _exporting(bytes((4 << 3 | 2, 0)) * (7 * _MEBIBYTE)),
    "history export: 20,000 blobs of 1 MiB": _exporting(_digests(20_000), _different_blobs()),
    "history export: 20,000 blobs that never come": _exporting(_digests(20_000), lambda: [b""]),
}
