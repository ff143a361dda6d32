"""A command in this process's place: the signals that it is told of. Each runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from router.attached import run_attached
from router.program import Command

# The command answers SIGTERM with 7. Without one it ends by itself, so that nothing hangs that has failed.
_ANSWERS = "trap 'exit 7' TERM; echo >&%d; i=0; while [ $((i+=1)) -le 20 ]; do sleep 0.1; done; exit 0"

_PREPARED = f"""
import os, signal, sys, threading
from router import attached
from router.program import Command

read, write = os.pipe()
os.set_inheritable(write, True)
command = Command(argv=("sh", "-c", {_ANSWERS!r} % write), environment=dict(os.environ))
main = threading.get_native_id()

def switches():
    with open(f"/proc/self/task/{{main}}/status") as status:
        return [line for line in status if "ctxt_switches" in line]

def strike():
    os.read(read, 1)  # the command has set its trap
    before, pause = None, threading.Event()
    while before != (before := switches()):
        pause.wait(0.05)  # the main thread has not run meanwhile: it is in the kernel
    # To this thread: the handler in C runs here, and nothing of the main thread's is cut short. So it is
    # as well for a signal that comes after the last look at whether one has come, and before the wait.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=strike, daemon=True).start()
"""


def _python(code: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", _PREPARED + code]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def test_a_signal_that_cuts_nothing_short_is_passed_on() -> None:
    done = _python("sys.exit(attached.run_attached(command))")

    assert (done.returncode, done.stderr) == (7, "")


def test_such_a_signal_would_not_wake_who_waits_for_the_child_itself() -> None:
    """What the test before this one arranges is what it says: the plain wait sleeps through it."""
    done = _python(
        "attached._PassedOn.wait = lambda self, child: child.wait()\nsys.exit(attached.run_attached(command))"
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_one_that_comes_before_there_is_a_command_waits_for_it() -> None:
    done = _python(
        "start = attached.start_attached\n"
        "def late(command):\n"
        "    signal.raise_signal(signal.SIGHUP)\n"
        "    return start(command)\n"
        "attached.start_attached = late\n"
        "command = Command(argv=('sleep', '30'), environment=dict(os.environ))\n"
        "sys.exit(-attached.run_attached(command))"
    )

    assert (done.returncode, done.stderr) == (1, "")  # SIGHUP's number


@pytest.mark.parametrize("code", [0, 3])
def test_its_exit_code_comes_back(code: int) -> None:
    assert run_attached(Command(argv=("sh", "-c", f"exit {code}"), environment={"PATH": "/bin"})) == code
