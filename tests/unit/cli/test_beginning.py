"""The first moments of a process: interrupted, without descriptors, started by an odd parent."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INTERRUPTING = """\
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from {entry} import {function} as run
run()
"""
TOOL = """\
import signal, sys
from cli.main import run
from router.program import Command
from router.running import run as run_tool
print(run_tool(Command(argv=("sh", "-c", "exit 3"), environment={"PATH": "/usr/bin:/bin"})).returncode)
"""


def python(
    code: str, *words: str | Path, first: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=first,
    )


@pytest.mark.parametrize("module", ["cli.program", "cli.command_line", "cli.commands.version"])
@pytest.mark.parametrize(
    ("entry", "function"), [("cli.main", "run"), ("cli.legacy", "skaffold_buildkit_wrapper")]
)
def test_an_interrupt_while_the_program_loads_is_no_traceback(module: str, entry: str, function: str) -> None:
    command = "version" if entry == "cli.main" else "build"
    if (entry, module) == ("cli.legacy", "cli.commands.version"):
        module = "cli.commands.wrapper_build"

    done = python(INTERRUPTING.format(module=module, entry=entry, function=function), command)

    assert done.returncode == 130
    assert done.stderr in {"", "ERROR: interrupted\n"}


@pytest.mark.parametrize("most", [5, 6, 7, 8, 9, 10, 12])
def test_a_process_without_descriptors_says_so(most: int, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    words = ("build", "--addr", "tcp://127.0.0.1:1", str(tmp_path))

    done = python(
        "from cli.main import run; run()",
        *words,
        first=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
    )

    assert done.returncode == 69, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-2].startswith("ERROR: ")
    assert "too many open files" in done.stderr or most > 8


def test_a_tool_that_fails_has_failed_also_where_our_parent_ignores_the_ends_of_children() -> None:
    done = python(TOOL, first=lambda: _ignore(signal.SIGCHLD))

    assert done.stdout == "3\n", done.stderr


def _ignore(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
