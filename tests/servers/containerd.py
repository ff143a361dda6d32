"""containerd alone, with its own client: what a buildkitd with the containerd worker keeps its images in."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import binaries
from tests.servers.ports import unix_listens
from tests.servers.process import ManagedProcess
from tests.servers.traces import Trace, clean_stale, owned_trace


@dataclass(frozen=True, kw_only=True)
class Containerd:
    """A running containerd; a context manager that stops it and leaves nothing mounted or running."""

    process: ManagedProcess
    socket: Path
    trace: Trace

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()
        self.trace.clear()

    def ctr(self, namespace: str, *args: str) -> str:
        """Run containerd's own client in a namespace; return its stdout."""
        done = subprocess.run(
            [binaries.ctr(), "--address", self.socket, "--namespace", namespace, *args],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout


def start_containerd(directory: Path) -> Containerd:
    """Start a containerd that keeps everything below `directory`, and return it once it listens."""
    directory.mkdir(parents=True, exist_ok=True)
    clean_stale()
    trace = owned_trace("containerd", directory, outlive=False)
    with ExitStack() as undo:
        undo.callback(trace.clear)
        trace.save()
        sockets = trace.socket_folder()
        socket = sockets / "containerd.sock"
        config = directory / "containerd.toml"
        config.write_text(
            f'version = 3\nroot = "{directory}/root"\nstate = "{sockets}/state"\n'
            'disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",'
            ' "io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{socket}"\n[ttrpc]\naddress = "{socket}.ttrpc"\n'
        )
        process = ManagedProcess(
            [binaries.containerd(), "--config", config], log=directory / "containerd.log", outlive=False
        )
        undo.callback(process.kill)
        trace.add_process(process.pid)
        process.wait_until(lambda: unix_listens(socket), within=60)
        undo.pop_all()
    return Containerd(process=process, socket=socket, trace=trace)
