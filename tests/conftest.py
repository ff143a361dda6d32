"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest
from hypothesis import settings

# An example's time says how busy the machine is; what must be quick has a test of its own.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

# Where the suite is a background job its shell has these ignored, and nohup the third; what the tests start
# would inherit that, and many of them send one.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Bytes in a test's name, at most.
_NAMED = 40


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test by what its packed input is for: an archive has the time in it, a packed map any order, and
    xdist runs nothing where two processes call a test differently."""
    return argname if isinstance(val, bytes) and len(val) > _NAMED else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Stop where xdist can't keep a group in one process: each process would start a cluster of its own."""
    if config.getoption("loadgroup", default=False):
        for item in items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid.rpartition("]")[2]:
                raise pytest.UsageError(f"xdist does not keep the group of {item.nodeid} in one process")
