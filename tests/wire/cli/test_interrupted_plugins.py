"""A signal while daemons are looked for ends what was started for that: a kubeconfig's exec plugin."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.program import WARMROUTE

SELECTING = (
    "ls",
    "where app",
    "exec -- true",
    "dial-stdio",
    "du",
    "prune --force",
    "prune --dry-run",
    "workers",
    "debug info",
    "ps",
    "stats",
    "logs",
    "cancel r",
    "history ls",
    "history export",
    "history inspect",
    "history rm r",
    "drain-check",
    "doctor",
    "simulate --history",
)
FLEETS = ("fleet status", "fleet up ci", "fleet scale ci --replicas 2", "fleet down ci")


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """A user whose plugin writes its process's number, and hangs."""
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/pid\nexec sleep 60\n"
    )
    plugin.chmod(0o755)
    api = "client.authentication.k8s.io/v1"
    path = tmp_path / "kubeconfig"
    path.write_text(
        "current-context: it\n"
        "contexts: [{name: it, context: {cluster: it, user: it}}]\n"
        "clusters: [{name: it, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        f"users: [{{name: it, user: {{exec: {{apiVersion: {api}, command: {plugin},"
        " interactiveMode: Never}}}]\n"
    )
    return path


@pytest.mark.parametrize("words", [*SELECTING, *FLEETS])
def test_a_signal_leaves_no_plugin_running(words: str, kubeconfig: Path) -> None:
    first, *others = words.split()
    selector = () if words in FLEETS else ("--selector", "app=b")
    if words.startswith("exec"):  # what is behind it is the other program's
        others = [*selector, *others]
    else:
        others += selector
    pid = kubeconfig.with_name("pid")
    program = subprocess.Popen(
        [WARMROUTE, first, *others],
        env={"PATH": SEARCH_PATH, "HOME": str(kubeconfig.parent), "KUBECONFIG": str(kubeconfig)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        while not pid.exists():
            assert program.poll() is None, program.communicate()[1].decode()
            time.sleep(0.01)
        program.send_signal(signal.SIGTERM)
        said = program.communicate(timeout=30)[1].decode()
    finally:
        program.kill()
        program.wait()
    plugin = int(pid.read_text())
    until = time.monotonic() + 5
    while (runs := _runs(plugin)) and time.monotonic() < until:
        time.sleep(0.01)
    if runs:
        os.kill(plugin, signal.SIGKILL)

    assert not runs
    assert program.returncode == 130
    if words != "logs":  # it has a build's display
        assert "build" not in said  # on a busy machine nothing is said, since the end has a limit too


def test_a_signal_while_a_plugin_starts_leaves_none_running(kubeconfig: Path) -> None:
    """The plugin's first act is the signal: whoever started it doesn't know its number yet."""
    plugin = kubeconfig.with_name("plugin")
    plugin.write_text("#!/bin/sh\nkill -TERM $PPID\nwhile :; do sleep 60; done\n")
    left: list[psutil.Process] = []
    for _ in range(10):
        done = subprocess.run(
            [WARMROUTE, "ls", "--selector", "app=b"],
            env={"PATH": SEARCH_PATH, "HOME": str(kubeconfig.parent), "KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 130, done.stderr
        left += [each for each in psutil.process_iter() if str(plugin) in _words(each)]
    # One that was killed is there until the kernel has done so.
    _, running = psutil.wait_procs(left, timeout=5)
    for each in running:
        each.kill()

    assert running == []


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def _runs(number: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    return False
