"""The folders are the map: what may import what, and what the program loads before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _modules_loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("module", ["router", "router.build", "router.backends.native", "cli.main"])
def test_importing_loads_no_kubernetes_client_and_no_grpc(module: str) -> None:
    loaded = _modules_loaded_by(f"import {module}")

    assert not loaded & {"grpc", "kubernetes", "tenacity", "rich"}


def test_every_public_name_of_the_library_can_be_imported() -> None:
    import router

    assert [name for name in router.__all__ if not hasattr(router, name)] == []


def test_nothing_has_a_finalizer() -> None:
    """One runs when ``__init__`` has failed too, in whatever thread, and who owns a thing closes it."""
    top = Path(__file__).parents[2]
    sources = [path for package in ("router", "cli") for path in (top / package).rglob("*.py")]

    assert sources
    assert [str(path) for path in sources if "def __del__" in path.read_text(encoding="utf-8")] == []
