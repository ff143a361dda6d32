"""``--shm-size``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notation.size import SHM_SIZE, format_size, parse_size
from tests.unit.specs.refused import refused


@given(st.integers(min_value=0))
def test_a_size_survives_formatting_and_parsing(size: int) -> None:
    assert parse_size(format_size(size), SHM_SIZE) == size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64", 64),
        ("64b", 64),
        ("1k", 1024),
        ("1kb", 1024),
        ("1KiB", 1024),
        ("128m", 128 << 20),
        ("1.5g", 3 << 29),
        ("2 G", 2 << 30),
        (".5k", 512),
    ],
)
def test_a_size_is_read_as_docker_reads_it(text: str, size: int) -> None:
    assert parse_size(text, SHM_SIZE) == size


@pytest.mark.parametrize("text", ["", "m", "-1", "1x", "1bb", "1 2", "1e3", "٣"])
def test_what_is_no_size_is_refused(text: str) -> None:
    error = refused(lambda: parse_size(text, SHM_SIZE))

    assert str(error) == (f'invalid --shm-size "{text}": a size is a number with a unit (b, k, m, g, t, p)')
