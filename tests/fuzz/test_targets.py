"""Whatever a stranger sends is read or refused; bounded, in every test run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS
from tests.measured import run_measured


@st.composite
def _nearly(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A right input with some of its bytes replaced, dropped or repeated."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 8)))
        data[start:end] = draw(st.one_of(st.binary(max_size=4), st.just(bytes(data[start:end]) * 3)))
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
    @example(b"")
    @given(st.one_of(_nearly(tuple(target.seeds)), st.binary(max_size=120)))
    def run(data: bytes) -> None:
        target.run(data)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_right_inputs_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].read(seed)  # raises, where it refuses


@pytest.mark.parametrize("name", ["packets", "http2-client", "http2-server", "patterns", "specs"])
def test_coverage_guides_to_nothing_else(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="no atheris for this Python or machine")

    done = run_measured(
        [sys.executable, "-m", "tests.fuzz", name, "--seconds", "3"],
        tmp_path,
        environment=os.environ,
        within=60,
    )

    assert done.code == 0, done.said[-3000:]
