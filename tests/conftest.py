"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# An example's time says how busy the machine is; what must be quick has a test of its own.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")
