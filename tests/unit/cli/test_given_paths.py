"""Commands that read a file themselves name option and path where they can't, and can be interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = str(Path(sys.executable).with_name("warmroute"))
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}

# The words before the path, and how the path is named in an error.
_READING = {
    "build --frontend=dockerfile.v0 --llb=": "--llb",
    "build --source-policy-file=": "--source-policy-file",
    "debug dump-llb ": "the LLB",
    "fleet up --print --namespace=ci --config=": "--config",
    "imagetools create --dry-run --file=": "--file",
    "simulate --daemons=3 --keys=": "--keys",
    "simulate --keys=3 --daemons=@": "--daemons",
}


def _words(reading: str, path: Path) -> list[str]:
    return [_PROGRAM, *f"{reading}{path}".split(" ")]


@pytest.mark.parametrize("reading", _READING)
@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("", "no such file or directory"),
        ("/", "is a directory"),
        ("/dev/zero", "it is larger than 16 MiB"),
    ],
)
def test_a_path_that_cannot_be_read_is_named_with_its_option(
    tmp_path: Path, reading: str, target: str, why: str
) -> None:
    path = tmp_path / "given"
    if target:
        path.symlink_to(target)

    done = subprocess.run(
        _words(reading, path), env=_ENVIRONMENT, capture_output=True, timeout=60, check=False
    )

    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"ERROR: can't read {_READING[reading]} {path}: {why}\nhint: ".encode())


@pytest.mark.parametrize("reading", _READING)
def test_the_wait_for_a_pipe_is_told_and_ends_with_one_interrupt(tmp_path: Path, reading: str) -> None:
    path = tmp_path / "given"
    os.mkfifo(path)
    with subprocess.Popen(_words(reading, path), env=_ENVIRONMENT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"warmroute: waiting for data from {path}\n".encode()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=10)

    assert process.returncode == 130
    assert b"Traceback" not in rest
