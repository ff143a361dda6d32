"""``--resource``."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.flags.resource import parse_resources


def test_keys_get_the_frontends_names_and_sizes_become_bytes() -> None:
    found = parse_resources(["memory=2g", "memory-swap=-1", " cpu-quota = 50000 ", "cpuset-cpus=0-3", ""])

    assert found == {"memory": str(2 << 30), "memswap": "-1", "cpuquota": "50000", "cpusetcpus": "0-3"}


def test_the_last_of_the_same_key_counts() -> None:
    assert parse_resources(["cpu-shares=1", "cpu-shares=2"]) == {"cpushares": "2"}


@pytest.mark.parametrize(
    "text", ["memory", "disk=1", "memory=-1", "memory=x", "cpu-quota=-1", "cpuset-mems="]
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_resources([text])
