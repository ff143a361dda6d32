"""The room that containerd, the kubelet and every container live in: process ids and mounts of their own.

When the room's first process is killed, the kernel kills everything in it, shims and containers included, and
drops all their mounts. So a cluster ends at once and completely, even when its Python process is killed hard.

The network is the machine's: pod addresses can be reached from tests.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.servers.process import ManagedProcess

# Folders that the node's programs write to whatever they are told. In the room each is another, empty one.
_PRIVATE = ("/run/netns", "/var/lib/cni", "/var/log/containers")
# Where pods that mount it look for containerd's socket.
_SOCKET = "/run/containerd/containerd.sock"
_ROOM = ("unshare", "--mount", "--propagation=slave", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the node's programs find: containerd's socket, a file that says that the apiserver is ready, the
    folder of runc, and the node's folders, each with what it really is.
    """

    socket: Path
    gate: Path
    runc: Path
    folders: Mapping[str, Path]


def node_argv(room: Room, *, containerd: Sequence[str], kubelet: Sequence[str]) -> tuple[str, ...]:
    """Return the command that starts both in a room of their own: kubelet once the apiserver is ready."""
    return (*_ROOM, "/bin/sh", "-euc", node_script(room, containerd, kubelet))


def node_script(room: Room, containerd: Sequence[str], kubelet: Sequence[str]) -> str:
    """Return the shell script that is the room's first process."""
    private = "\n".join(f"mkdir -p {folder}; mount -t tmpfs none {folder}" for folder in _PRIVATE)
    folders = "\n".join(map(_folder, room.folders, room.folders.values()))
    socket, gate = shlex.quote(str(room.socket)), shlex.quote(str(room.gate))
    return f"""
{private}
{folders}
# Containers that are made past the kubelet have the default runtime, which is looked up.
PATH={shlex.quote(str(room.runc))}:$PATH
{shlex.join(containerd)} &
# kubelet ends at once when there is no runtime, and slows down when there is no apiserver.
until [ -S {socket} ] && [ -e {gate} ]; do
    kill -0 $!
    sleep 0.05
done
touch {_SOCKET}
mount --bind {socket} {_SOCKET}
{shlex.join(kubelet)} &
# The first process also reaps what the others leave to it. Without a kubelet the room ends.
wait $!
"""


def _folder(path: str, real: Path) -> str:
    # Shared within the room: what a container mounts below it, the node and its containers see too.
    return f"mkdir -p {path}; mount --bind {shlex.quote(str(real))} {path}; mount --make-shared {path}"


def end_room(process: ManagedProcess) -> None:
    """Kill the room's first process; return when everything in the room is gone."""
    if process.running():
        for first in psutil.Process(process.pid).children():
            first.kill()
        # `unshare` waits for its child, and that ends last.
        process.wait_ended(within=30)
    process.kill()
