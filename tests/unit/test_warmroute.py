"""The package of the product's own name: the library's public names, and the program."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import router
import warmroute


def test_it_has_the_librarys_public_names_and_no_other() -> None:
    assert dir(warmroute) == dir(router)
    assert [name for name in dir(router) if getattr(warmroute, name) is not getattr(router, name)] == []


def test_its_version_is_that_of_the_package() -> None:
    assert warmroute.__version__ == version("warmroute")


def test_a_name_that_the_library_has_not_is_told_as_that() -> None:
    with pytest.raises(ImportError, match="cannot import name 'Builder' from 'warmroute'"):
        exec("from warmroute import Builder")


def test_it_loads_what_is_asked_for_alone() -> None:
    script = "import sys, warmroute; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert {name for name in done.stdout.split() if name.startswith(("router", "cli"))} == {"router"}


@pytest.mark.parametrize(("words", "code", "said"), [(["version"], 0, "warmroute "), (["no-such"], 2, "")])
def test_it_runs_as_the_program(words: list[str], code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "warmroute", *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == code
    assert done.stdout.startswith(said)
