"""Read what a simulation is given as text: names of daemons, files of them and of keys, a scaling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from router.errors import UsageError
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.notation.flag import Flag
from router.notation.quoting import quoted
from router.placement.key import Key
from router.simulation.model import SimulatedKey

__all__ = [
    "invented_keys",
    "parse_daemon_names",
    "parse_scale",
    "read_daemon_names",
    "read_keys",
    "scaled",
    "unhindered",
]

_DAEMONS = Flag(name="--daemons", example="6")
_KEYS = Flag(name="--keys", example="1000")
_SCALE = Flag(name="--scale", example="3:4")

# An order of more is of no use to a person, and takes minutes.
_MOST_DAEMONS, _MOST_KEYS = 1000, 100_000
_USUAL_NAME = "buildkitd"
# Nobody dials it.
_NOWHERE = TcpAddress(host="simulated")


def parse_daemon_names(texts: Iterable[str]) -> tuple[Daemon, ...]:
    """Parse ``--daemons``: ``6`` and ``NAME:6`` are the pods of a StatefulSet, else names with commas.

    Raises ``UsageError``.
    """
    names: list[str] = []
    for text in texts:
        if counted := re.fullmatch(r"(?a)(?:([^:/,\s]+):)?(\d+)", text.strip()):
            names += _ordinals(counted[1] or _USUAL_NAME, counted[2], text)
        else:
            names += [name for part in text.split(",") if (name := part.strip())]
    return _each_once([_daemon(name) for name in names], "--daemons")


def read_daemon_names(lines: Iterable[bytes], source: str) -> tuple[Daemon, ...]:
    """Read daemons from a file: on each line a name, and behind it its own bound of builds, if it has one.

    Empty lines and those that begin with ``#`` don't count. Raises ``UsageError`` that names the line.
    """
    found: list[Daemon] = []
    for number, words in _lines(lines, source):
        name, *bound = words
        if len(bound) > 1 or not all(word.isascii() and word.isdigit() for word in bound):
            raise _in_line(source, number, "expected a name, and at most a whole number of builds behind it")
        found.append(replace(_daemon(name), max_builds=int(bound[0]) if bound else None))
    return _each_once(found, source)


def invented_keys(text: str) -> tuple[SimulatedKey, ...]:
    """Return as many keys as ``--keys N`` says. Raises ``UsageError``."""
    count = _count(text, _MOST_KEYS)
    if count is None:
        raise _KEYS.error(text, f"between 1 and {_MOST_KEYS} keys can be simulated")
    return tuple(SimulatedKey(key=f"key-{number}") for number in range(1, count + 1))


def read_keys(lines: Iterable[bytes], source: str) -> tuple[SimulatedKey, ...]:
    """Read keys from a file: on each line one, and behind it how many builds it has in an hour.

    Either all lines have that or none has. A key that comes twice counts once, with the sum of its rates.
    Empty lines and those that begin with ``#`` don't count. Raises ``UsageError`` that names the line.
    """
    found: dict[str, SimulatedKey] = {}
    rated: bool | None = None
    for number, words in _lines(lines, source):
        text, *rates = words
        rate = _rate(rates, source, number)
        if rated is not None and rated != (rate is not None):
            others = "the lines before it have" if rated else "the lines before it have none"
            said = "no builds an hour" if rated else "builds an hour"
            raise _in_line(source, number, f"it has {said}, {others}")
        rated = rate is not None
        key = Key.own(text).key
        known = found.get(key)
        total = None if rate is None else rate + ((known.rate if known else None) or 0.0)
        found[key] = SimulatedKey(key=key, rate=total)
        if len(found) > _MOST_KEYS:
            raise _in_line(source, number, f"at most {_MOST_KEYS} keys can be simulated")
    if rated and not any(key.rate for key in found.values()):
        raise UsageError(f"{source} has no key with builds", hint="give one a rate above 0")
    return tuple(found.values())


def parse_scale(text: str) -> tuple[int, int]:
    """Parse ``--scale FROM:TO``, two numbers of daemons. Raises ``UsageError``."""
    before, colon, after = text.partition(":")
    counts = _count(before, _MOST_DAEMONS), _count(after, _MOST_DAEMONS)
    if not colon or counts[0] is None or counts[1] is None:
        raise _SCALE.error(text, f"it must be two numbers of daemons (1 to {_MOST_DAEMONS}) with a colon")
    if counts[0] == counts[1]:
        raise _SCALE.error(text, "it must be two different numbers")
    return counts[0], counts[1]


def scaled(daemons: Sequence[Daemon], count: int) -> tuple[Daemon, ...]:
    """Return the first ``count`` daemons by their ordinals, with further ones where there are fewer.

    Raises ``UsageError`` where the next one's name can't be known from theirs.
    """
    ordered = sorted(daemons, key=_natural)
    numbered = [re.fullmatch(r"(?as)(.*?)(\d{1,9})", daemon.hashed) for daemon in ordered]
    if count > len(ordered):
        prefixes = {match[1] if match else None for match in numbered}
        prefix = prefixes.pop()
        if prefixes or prefix is None:
            raise UsageError(
                f"can't name the daemons to scale to: there are {len(ordered)}, whose names don't count up",
                hint=f"--daemons with {count} names, or --daemons NAME:{count}",
            )
        first = max(int(match[2]) for match in numbered if match) + 1
        ordered += [_daemon(f"{prefix}{first + more}") for more in range(count - len(ordered))]
    return tuple(ordered[:count])


def unhindered(daemons: Iterable[Daemon]) -> tuple[Daemon, ...]:
    """Return the daemons of a listing as if each could take builds, by their ordinals.

    Those without an identity have no place in any order, and are left out.
    """
    return tuple(
        Daemon(
            name=daemon.name, address=daemon.address, identity=daemon.identity, max_builds=daemon.max_builds
        )
        for daemon in sorted(daemons, key=_natural)
        if not daemon.unplaced
    )


def _daemon(name: str) -> Daemon:
    return Daemon(name=name, address=_NOWHERE)


def _ordinals(name: str, digits: str, text: str) -> list[str]:
    count = _count(digits, _MOST_DAEMONS)
    if count is None:
        raise _DAEMONS.error(text, f"between 1 and {_MOST_DAEMONS} daemons can be simulated")
    return [f"{name}-{number}" for number in range(count)]


def _count(text: str, most: int) -> int | None:
    """Return a whole number from 1 to ``most``, None for all else."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text) if 1 <= int(text) <= most else None


def _each_once(daemons: Sequence[Daemon], source: str) -> tuple[Daemon, ...]:
    if len(daemons) > _MOST_DAEMONS:
        raise UsageError(
            f"{source} has {len(daemons)} daemons", hint=f"at most {_MOST_DAEMONS} can be simulated"
        )
    seen: set[str] = set()
    for daemon in daemons:
        if daemon.name in seen:
            raise UsageError(
                f"{source} names {quoted(daemon.name)} twice", hint="give each daemon its own name"
            )
        seen.add(daemon.name)
    return tuple(daemons)


def _lines(lines: Iterable[bytes], source: str) -> Iterable[tuple[int, list[str]]]:
    """Yield the number and the words of each line that counts."""
    for number, line in enumerate(lines, start=1):
        try:
            words = line.decode("utf-8").split()
        except UnicodeDecodeError as exc:
            raise _in_line(source, number, "it is not UTF-8 text") from exc
        if words and not words[0].startswith("#"):
            yield number, words


def _rate(words: Sequence[str], source: str, number: int) -> float | None:
    if not words:
        return None
    if len(words) == 1 and re.fullmatch(r"(?a)\d{1,9}(?:\.\d{1,9})?", words[0]):
        return float(words[0])
    raise _in_line(source, number, "expected a key, and at most its builds an hour behind it")


def _in_line(source: str, number: int, why: str) -> UsageError:
    return UsageError(f"{source}, line {number}: {why}", hint="for example: registry.example.com/team/app 12")


def _natural(daemon: Daemon) -> tuple[tuple[int, int, str], ...]:
    """Return what sorts buildkitd-10 behind buildkitd-9."""
    parts = re.split(r"(?a)(\d{1,18})", daemon.hashed)
    return tuple((1, int(part), "") if part.isdigit() and part.isascii() else (0, 0, part) for part in parts)
