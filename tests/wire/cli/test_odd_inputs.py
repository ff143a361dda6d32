"""Inputs that are closed, or pipes that nobody writes to: refused, or waited for with a word and an end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-c", "from cli.main import run; run()", "build")
NOWHERE = "--addr=tcp://127.0.0.1:1"
INTERRUPTED, OUT_OF_TIME, USAGE = 130, 124, 2
CLOSED_STDIN = "should come from stdin (--file {}), but stdin is closed"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("--secret id=s,src=/dev/stdin", "secret s: can't read /dev/stdin: stdin is closed"),
        ("--secret id=s,src=/dev/fd/0", "secret s: can't read /dev/fd/0: stdin is closed"),
        ("--file /dev/stdin", f"the Dockerfile {CLOSED_STDIN.format('/dev/stdin')}"),
        ("--file -", f"the Dockerfile {CLOSED_STDIN.format('-')}"),
        ("--ssh default=/dev/stdin", "can't read the key /dev/stdin: stdin is closed"),
    ],
)
def test_a_closed_stdin_is_refused_whatever_has_its_number_by_now(
    context: Path, option: str, why: str
) -> None:
    line = shlex.join((*PROGRAM, NOWHERE, *option.split(), str(context)))

    done = subprocess.run(
        ("sh", "-c", f"exec {line} <&-"), env=environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == USAGE, done.stderr
    assert why in done.stderr


@pytest.mark.parametrize("way", ["option", "variable"])
@pytest.mark.parametrize("end", ["signal", "limit"])
def test_a_kubeconfig_that_nobody_writes_is_waited_for_with_a_word(context: Path, way: str, end: str) -> None:
    pipe = context / "pipe"
    os.mkfifo(pipe)
    words = [*PROGRAM, "--selector=app=b", *(["--timeout=2s"] if end == "limit" else [])]
    words += [f"--kubeconfig={pipe}"] if way == "option" else []
    variables = {"KUBECONFIG": str(pipe)} if way == "variable" else {}

    with subprocess.Popen(
        [*words, str(context)], env=environment(**variables), stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"warmroute: waiting for data from {pipe}\n".encode()
        since = time.monotonic()
        if end == "signal":
            process.send_signal(signal.SIGINT)
        code = process.wait(timeout=30)
        # It is told at once; what a guard has to end takes 1.6 s.
        assert end == "limit" or time.monotonic() - since < 1.5

    assert code == (INTERRUPTED if end == "signal" else OUT_OF_TIME)


def test_a_docker_config_that_is_a_pipe_is_not_waited_for(context: Path) -> None:
    os.mkfifo(context / "config.json")

    done = subprocess.run(
        (*PROGRAM, NOWHERE, str(context)),
        env=environment(DOCKER_CONFIG=str(context)),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert f"{context}/config.json: it is a pipe; building without it" in done.stderr
    assert "connection refused" in done.stderr
