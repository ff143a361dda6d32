"""The ring against its definition, written down plainly, and where MD5 is forbidden."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from hashlib import md5
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.placement import ring
from tests.unit.placement.rankings import KEYS, NAMES


def _number(text: str, position: int) -> int:
    start = 4 * position
    return int.from_bytes(md5(text.encode()).digest()[start : start + 4], "little")


def _points(names: Iterable[str]) -> dict[int, str]:
    """Return who has each point: three of the MD5 of ``NAME-0`` to ``NAME-39``; the last name wins."""
    return {
        _number(f"{name}-{virtual}", position): name
        for name in sorted(names)
        for virtual in range(40)
        for position in range(3)
    }


def _walk(key: str, points: dict[int, str]) -> tuple[str, ...]:
    start = _number(key, 0)
    walked = sorted(points, key=lambda point: (point <= start, point))
    return tuple(dict.fromkeys(points[point] for point in walked))


@given(
    keys=st.lists(KEYS, min_size=1, max_size=5), names=st.lists(NAMES, unique=True, min_size=1, max_size=30)
)
def test_the_order_is_that_of_the_definition(keys: list[str], names: list[str]) -> None:
    points = _points(names)

    for key in keys:
        assert ring.rank(key, names) == _walk(key, points)


@settings(max_examples=10, deadline=None)
@given(keys=st.lists(KEYS, min_size=20, max_size=50), size=st.integers(100, 200), prefix=NAMES)
def test_the_order_of_a_large_fleet_is_that_of_the_definition(
    keys: list[str], size: int, prefix: str
) -> None:
    names = [f"{prefix}-{number}" for number in range(size)]
    points = _points(names)

    for key in keys:
        assert ring.rank(key, names) == _walk(key, points)


def test_a_point_that_two_daemons_share_belongs_to_the_later_one_by_name() -> None:
    names = [f"buildkitd-{number}" for number in range(1000)]

    laid_out = ring._ring(tuple(sorted(names)))

    points = _points(names)
    assert len(points) < len(names) * 120  # some are shared
    assert laid_out.ring == points


_FIPS = """
openssl_conf = start
[start]
alg_section = algorithms
[algorithms]
default_properties = fips=yes
"""


def test_a_machine_that_forbids_md5_for_security_has_the_same_order(tmp_path: Path) -> None:
    (tmp_path / "openssl.cnf").write_text(_FIPS)
    code = (
        "import hashlib\n"
        "try: hashlib.md5(b'')\n"
        "except ValueError: print('forbidden')\n"
        "from router.placement.ring import rank\n"
        "print(*rank('key', map(str, range(9))))"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OPENSSL_CONF": str(tmp_path / "openssl.cnf")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout.splitlines() == ["forbidden", " ".join(ring.rank("key", map(str, range(9))))]


def test_a_fleet_of_one_needs_no_ring() -> None:
    code = "import sys; from router.placement.order import order; from router.placement.ring import rank;"
    code += "assert rank('key', ['a']) == ('a',); assert 'uhashring' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_key_s_home_owns_the_stretch_that_the_key_is_in(size: int) -> None:
    names = [f"buildkitd-{number}" for number in range(size)]
    stretches = ring.arcs(names)

    assert (stretches[0][0], stretches[-1][1]) == (0.0, 1.0)
    assert all(end == begin for (_, end, _), (begin, _, _) in pairwise(stretches))
    for number in range(500):
        key = f"team/app-{number}"
        (owner,) = [name for begin, end, name in stretches if begin <= ring.point(key) < end]
        assert owner == ring.rank(key, names)[0]
