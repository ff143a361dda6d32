"""A daemon that answers Solve, Status and questions about builds with floods and nonsense."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from router._proto import control_pb2 as pb
from tests.hostile.attack import ESCAPE, FAILED, LIMIT, OUT_OF_TIME, UNREACHABLE, Attack, Command, build
from tests.hostile.scripted_daemon import ScriptedDaemon, endless_logs, log, step

__all__ = ["ATTACKS"]

_MEBIBYTE = 1 << 20
_REFUSED = frozenset({UNREACHABLE})
_LIMITED = frozenset({OUT_OF_TIME})
_WITHIN = r"(?m)^ERROR: the build did not end within 3 s.{,2000}$"
_LOST = frozenset({FAILED, UNREACHABLE})

Statuses = Callable[[], Iterable[bytes]]


def _building(statuses: Statuses, *options: str, failure: str | None = None, **allowed: object) -> Attack:
    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with ScriptedDaemon(statuses, failure=failure) as daemon:
            yield build(daemon.address, directory, *options)

    return Attack(peer=peer, **allowed)  # type: ignore[arg-type]


def _growing(statuses: Statuses) -> Attack:
    """Give what would fill the memory the time to do it."""
    return _building(statuses, codes=_LIMITED, seconds=3.0, said=_WITHIN)


def _asking(history: Statuses, *words: str, method: str = "ListenBuildHistory", **allowed: object) -> Attack:
    """Ask a daemon whose history, or another answer, is this; the limit is the one of connecting."""
    answers: dict[str, Statuses] = {
        "ListWorkers": _nothing,
        "Info": _nothing,
        "ListenBuildHistory": list,
        method: history,
    }

    @contextmanager
    def peer(_directory: Path) -> Iterator[Command]:
        with ScriptedDaemon(answers=answers) as daemon:
            yield Command((*words, "--addr", daemon.address, "--connect-timeout", f"{LIMIT:g}"))

    return Attack(peer=peer, **allowed)  # type: ignore[arg-type]


def _empty_entries(number: int) -> Statuses:
    def statuses() -> Iterator[bytes]:
        yield bytes((number << 3 | 2, 0)) * (15 * _MEBIBYTE // 2)

    return statuses


def _steps_without_end() -> Iterator[bytes]:
    for number in itertools.count(0, 2000):
        vertexes = [step("RUN " + "x" * 200, digest=f"sha256:{number + each}") for each in range(2000)]
        yield pb.StatusResponse(vertexes=vertexes).SerializeToString()


def _huge_names() -> Iterator[bytes]:
    for number in itertools.count():
        vertex = step(ESCAPE + "x" * (15 * _MEBIBYTE), digest=f"sha256:{number}")
        yield pb.StatusResponse(vertexes=[vertex]).SerializeToString()


def _huge_digests() -> Iterator[bytes]:
    for number in itertools.count():
        vertex = step("RUN x", digest=f"{number}" + "d" * (15 * _MEBIBYTE))
        yield pb.StatusResponse(vertexes=[vertex]).SerializeToString()


def _transfers_without_end() -> Iterator[bytes]:
    yield pb.StatusResponse(vertexes=[step("RUN x")]).SerializeToString()
    for number in itertools.count(0, 1000):
        told = pb.StatusResponse()
        for each in range(1000):
            told.statuses.add(
                ID=f"{ESCAPE}{number + each}" + "n" * 5000, vertex="sha256:1", total=1, name="y"
            )
        yield told.SerializeToString()


def _warnings_without_end() -> Iterator[bytes]:
    for number in itertools.count():
        told = pb.StatusResponse()
        for each in range(1000):
            short = f"{ESCAPE}{number}-{each}".encode() + b"w" * 5000
            told.warnings.add(vertex="sha256:1", short=short, detail=[b"d" * 5000])
        yield told.SerializeToString()


def _logs_without_line_ends() -> Iterator[bytes]:
    yield pb.StatusResponse(vertexes=[step("RUN x")]).SerializeToString()
    while True:
        yield log(b"\x1b[2J" + b"z" * _MEBIBYTE)


def _logs_of_many_steps() -> Iterator[bytes]:
    for number in itertools.count():
        yield log(b"no line end " * 5000, digest=f"sha256:{number}")


def _impossible_times() -> Iterator[bytes]:
    vertex = step("RUN x", completed=True)
    vertex.started.seconds, vertex.completed.seconds = 2**63 - 1, -(2**63)
    yield pb.StatusResponse(vertexes=[vertex]).SerializeToString()


def _nonsense() -> Iterator[bytes]:
    yield b"\xff" * 1000


def _nested_groups() -> Iterator[bytes]:
    yield b"\x0b" * (8 * _MEBIBYTE)  # groups that begin and never end


def _history_without_end() -> Iterator[bytes]:
    for number in itertools.count():
        record = pb.BuildHistoryRecord(Ref=f"{ESCAPE}{number}")
        yield pb.BuildHistoryEvent(type=pb.STARTED, record=record).SerializeToString()


def _huge_records() -> Iterator[bytes]:
    for number in itertools.count():
        record = pb.BuildHistoryRecord(Ref=f"{number}" + "r" * (8 * _MEBIBYTE))
        yield pb.BuildHistoryEvent(type=pb.STARTED, record=record).SerializeToString()


def _nothing() -> Iterator[bytes]:
    yield b""


def _answers_without_end() -> Iterator[bytes]:
    while True:
        yield pb.InfoResponse().SerializeToString() + b"\x1a" + b"\xff\x7f" + bytes(16_383)


def _one_huge_answer() -> Iterator[bytes]:
    yield b"\x0a\x80\x80\x80\x07" + b"x" * (14 * _MEBIBYTE)


def _hostile_version() -> Iterator[bytes]:
    version = pb.InfoResponse()
    version.buildkitVersion.version = ESCAPE * 1000
    yield version.SerializeToString()


def _one_huge_record() -> Iterator[bytes]:
    record = pb.BuildHistoryRecord(Ref=ESCAPE, Frontend="f" * (12 * _MEBIBYTE))
    yield pb.BuildHistoryEvent(type=pb.STARTED, record=record).SerializeToString()


def _records_of_empty_entries() -> Iterator[bytes]:
    yield bytes((2 << 3 | 2,)) + b"\x80\x80\x80\x07" + bytes((4 << 3 | 2, 0)) * (7 * _MEBIBYTE)


ATTACKS = {
    **{
        f"a status of 8 million empty entries, field {number}": _building(
            _empty_entries(number), codes=_REFUSED, said="a message of more than 100000 fields"
        )
        for number in (1, 2, 3, 4)
    },
    "steps without end": _growing(_steps_without_end),
    "steps without end, as raw JSON": _building(_steps_without_end, "--progress", "rawjson", codes=_LIMITED),
    "steps with names of 15 MB": _building(_huge_names, codes=_LIMITED),
    "steps with digests of 15 MB": _growing(_huge_digests),
    "transfers without end": _growing(_transfers_without_end),
    "warnings without end": _growing(_warnings_without_end),
    "logs without end": _building(endless_logs, codes=_LIMITED),
    "logs without line ends": _building(_logs_without_line_ends, codes=_LIMITED),
    "logs of more and more steps": _building(_logs_of_many_steps, codes=_LIMITED),
    "times before and after all time": _building(_impossible_times, failure="", codes=frozenset({0})),
    "a status that is none": _building(_nonsense, codes=_REFUSED),
    "a status of nested groups": _building(_nested_groups, codes=_REFUSED),
    "an error of 7 KB with escapes": _building(
        tuple, failure=(ESCAPE + "failed ") * 400, codes=frozenset({FAILED})
    ),
    "ls: a history without end": _asking(_history_without_end, "ls", codes=frozenset({69})),
    "ls: a history of names of 8 MB": _asking(_huge_records, "ls", codes=frozenset({69})),
    "ls: a record of empty entries": _asking(_records_of_empty_entries, "ls", codes=frozenset({69})),
    "ls: answers without end": _asking(
        _answers_without_end, "ls", method="Info", codes=frozenset({69}), megabytes=60
    ),
    "ls: workers without end": _asking(
        _answers_without_end, "ls", method="ListWorkers", codes=frozenset({69}), megabytes=60
    ),
    "ls: an answer of 14 MB": _asking(
        _one_huge_answer, "ls", method="Info", codes=frozenset({69}), megabytes=100
    ),
    "ls: a version of escapes": _asking(
        _hostile_version, "ls", method="Info", codes=frozenset({0}), megabytes=60
    ),
    "drain-check: a history without end": _asking(_history_without_end, "drain-check", codes=_LOST),
    "drain-check: a history of names of 8 MB": _asking(_huge_records, "drain-check", codes=_LOST),
    "drain-check: a record of 12 MB": _asking(_one_huge_record, "drain-check", codes=_LOST),
}
