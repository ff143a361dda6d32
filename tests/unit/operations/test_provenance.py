"""What is kept of a daemon's answer to the question for provenance."""

from __future__ import annotations

from collections import deque
from itertools import repeat

import pytest

from router.operations.blobs import Parts
from router.rpc.events import Http2Error


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_an_answer_without_end_is_refused(size: int) -> None:
    parts = Parts()
    part = memoryview(bytes(size))

    with pytest.raises(Http2Error, match="more than 16777216 bytes"):
        deque(map(parts.add, repeat(part, 1_000_000)), maxlen=0)

    assert sum(map(len, parts.kept)) <= 16 << 20
