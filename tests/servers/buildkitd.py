"""buildkitd on this machine: any number of them side by side, on TCP, a unix socket, and TLS.

The OCI worker with runc in the host's network, or a containerd's; no CNI. Needs root, as a real one does.
"""

from __future__ import annotations

import signal
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import binaries
from tests.servers.cache import ServerError
from tests.servers.certs import CA
from tests.servers.ports import free_port, tcp_listens, unix_listens
from tests.servers.process import ManagedProcess
from tests.servers.traces import Trace, clean_stale, owned_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The programs that one daemon consists of."""

    buildkitd: Path
    runc: Path


class Buildkitd:
    """A running buildkitd; a context manager that stops it and leaves nothing mounted or running."""

    def __init__(
        self,
        process: ManagedProcess,
        *,
        trace: Trace,
        port: int | None,
        socket: Path | None,
        tls: CA | None,
    ) -> None:
        self.process = process
        self.port = port
        self.socket = socket
        self.tls = tls
        self._trace = trace

    def __repr__(self) -> str:
        return f"<Buildkitd {self.address} pid={self.pid}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """The TCP address where there is one, else the unix address."""
        return f"tcp://127.0.0.1:{self.port}" if self.port is not None else self.unix_address

    @property
    def unix_address(self) -> str:
        """The unix address."""
        if self.socket is None:
            raise ServerError("this buildkitd was started without a unix socket")
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    @property
    def log(self) -> Path:
        """The file that holds everything the daemon has printed."""
        return self.process.log

    def listens(self) -> bool:
        """Return whether every address of the daemon accepts connections."""
        return (self.port is None or tcp_listens(self.port)) and (
            self.socket is None or unix_listens(self.socket)
        )

    def serves(self) -> bool:
        """Return whether it answers: it listens before its store is open, which a busy disk may delay."""
        return self.listens() and b'msg="running server on ' in self.log.read_bytes()

    def freeze(self) -> None:
        """Stop the daemon in its tracks: connections are accepted by the kernel, and never answered."""
        self.process.freeze()

    def thaw(self) -> None:
        """Let a frozen daemon go on."""
        self.process.signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the daemon, its builds, and what they left mounted."""
        self.process.stop()
        self._trace.clear()

    def kill(self) -> None:
        """End the daemon as a crash would, then clean up behind it."""
        self.process.kill()
        self._trace.clear()


def start_buildkitd(
    directory: Path,
    *,
    tcp: bool = True,
    unix: bool = True,
    tls: CA | None = None,
    root: Path | None = None,
    config: str = "",
    port: int | None = None,
    programs: Programs | None = None,
    containerd: Path | None = None,
    env: Mapping[str, str] | None = None,
    outlive: bool = False,
    within: float = 60.0,
) -> Buildkitd:
    """Start a daemon that keeps its files below `directory`, and return it once it accepts connections.

    `root` (its state; default `directory`/root) may lie on a tmpfs. `tls` puts the TCP port under mutual TLS
    with certificates of that CA; the unix socket stays plain. `config` is more text for buildkitd.toml.
    A given `port` restarts a daemon where it was. `containerd` is the socket of one whose worker takes the
    place of runc's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    programs = programs or Programs(buildkitd=binaries.buildkitd(), runc=binaries.runc())
    chosen_port = (port or free_port()) if tcp else None
    clean_stale()
    trace = owned_trace("buildkitd", root or directory / "root", outlive=outlive)
    with ExitStack() as undo:
        undo.callback(trace.clear)
        trace.save()
        socket = trace.socket_folder() / "buildkitd.sock" if unix else None
        config_file = directory / "buildkitd.toml"
        config_file.write_text(with_cgroup(config, trace.cgroup))
        argv: list[str | Path] = [
            programs.buildkitd,
            f"--config={config_file}",
            f"--root={trace.directory}",
            *([f"--addr=tcp://127.0.0.1:{chosen_port}"] if tcp else []),
            *([f"--addr=unix://{socket}"] if unix else []),
            *_tls_flags(directory, tls),
            *_worker_flags(programs, containerd),
        ]
        process = ManagedProcess(argv, log=directory / "buildkitd.log", env=env, outlive=outlive)
        undo.callback(process.kill)
        trace.add_process(process.pid)
        daemon = Buildkitd(process, trace=trace, port=chosen_port, socket=socket, tls=tls)
        process.wait_until(daemon.serves, within=within)
        undo.pop_all()
    return daemon


def _worker_flags(programs: Programs, containerd: Path | None) -> list[str]:
    if containerd is not None:
        return ["--oci-worker=false", "--containerd-worker=true", f"--containerd-worker-addr={containerd}"]
    return [
        "--oci-worker=true",
        "--oci-worker-net=host",
        f"--oci-worker-binary={programs.runc}",
        "--containerd-worker=false",
    ]


def with_cgroup(config: str, cgroup: str) -> str:
    """Return the config with the worker's containers in a cgroup of this daemon's own, unless it names one.

    A killed daemon leaves its containers running; by that cgroup they are found.
    """
    if "defaultCgroupParent" in tomllib.loads(config).get("worker", {}).get("oci", {}):
        return config
    setting = f'[worker.oci]\ndefaultCgroupParent = "{cgroup}"\n'
    if "[worker.oci]" in config:
        return config.replace("[worker.oci]\n", setting, 1)
    return f"{config}\n{setting}"


def _tls_flags(directory: Path, tls: CA | None) -> list[str]:
    if tls is None:
        return []
    certs = tls.write_tls_dir(directory / "tls", tls.server())
    return [
        f"--tlscacert={certs / 'ca.pem'}",
        f"--tlscert={certs / 'cert.pem'}",
        f"--tlskey={certs / 'key.pem'}",
    ]
