"""The room that containerd, the kubelet and every container live in: process ids and mounts of their own.

When the room's first process is killed, the kernel kills everything in it, shims and containers included, and
drops all their mounts. So a cluster ends at once and completely, even when its Python process is killed hard.

The network is the machine's: pod addresses can be reached from tests.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.servers.process import ManagedProcess

# Folders that the node's programs write to whatever they are told. In the room each is another, empty one.
_PRIVATE = ("/run/containerd/s", "/run/netns", "/var/lib/cni", "/var/log/containers")
_ROOM = ("unshare", "--mount", "--propagation=slave", "--pid", "--fork", "--kill-child", "--mount-proc")


def node_argv(
    *, containerd: Sequence[str], kubelet: Sequence[str], socket: Path, gate: Path
) -> tuple[str, ...]:
    """Return the command that starts both in a room of their own: kubelet once the file `gate` exists."""
    return (*_ROOM, "/bin/sh", "-euc", node_script(containerd, kubelet, socket=socket, gate=gate))


def node_script(containerd: Sequence[str], kubelet: Sequence[str], *, socket: Path, gate: Path) -> str:
    """Return the shell script that is the room's first process."""
    private = "\n".join(f"mkdir -p {folder}; mount -t tmpfs none {folder}" for folder in _PRIVATE)
    return f"""
{private}
{shlex.join(containerd)} &
# kubelet ends at once when there is no runtime, and slows down when there is no apiserver.
until [ -S {shlex.quote(str(socket))} ] && [ -e {shlex.quote(str(gate))} ]; do
    kill -0 $!
    sleep 0.05
done
{shlex.join(kubelet)} &
# The first process also reaps what the others leave to it. Without a kubelet the room ends.
wait $!
"""


def end_room(process: ManagedProcess) -> None:
    """Kill the room's first process; return when everything in the room is gone."""
    if process.running():
        for first in psutil.Process(process.pid).children():
            first.kill()
        # `unshare` waits for its child, and that ends last.
        process.wait_ended(within=30)
    process.kill()
