"""The hints that name what to install."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from router.extras import PACKAGES, Extra, install_line

_ROOT = Path(__file__).parents[2]


def test_the_packages_are_those_of_the_extras() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    assert {extra: list(PACKAGES[extra]) for extra in get_args(Extra) if extra in extras} == {
        extra: packages for extra, packages in extras.items() if extra not in {"all", "dev"}
    }


def test_the_line_installs_for_the_python_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my tools/bin/python3")

    assert install_line("grpcio") == "'/opt/my tools/bin/python3' -m pip install 'grpcio>=1.67'"


def _written() -> Iterator[Path]:
    for folder in ("router", "cli", "docs/how-to", "docs/reference"):
        for suffix in ("py", "md"):
            yield from (_ROOT / folder).rglob(f"*.{suffix}")


def test_nobody_is_told_to_install_warmroute_from_an_index() -> None:
    """It is on none: who registers the name there would be installed."""
    naming = re.compile(r"pip install '?warmroute\[")

    assert [path for path in _written() if naming.search(path.read_text(encoding="utf-8"))] == []
