"""What holds for all unit tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def nobodys_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever runs the tests have no home but the one that a test's environment names."""
    monkeypatch.setattr("router.config._listed_home", lambda: "")
