"""A Docker engine of its own (Debian's 20.10), apart from any engine the machine may already run.

Own containerd, own folders, no firewall rules. Without a bridge (the default) RUN steps and containers need
`--network=host`.
The docker CLI is the one of the same package, with docker-buildx put beside it as a plugin.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import binaries
from tests.servers.cache import ServerError
from tests.servers.kernel import make_bridge, remove_cgroup, route_networks
from tests.servers.ports import unix_listens
from tests.servers.process import ManagedProcess
from tests.servers.traces import Trace, clean_stale, owned_trace

_DEBIAN_CONTAINERD = Path("/usr/bin/containerd")


@dataclass(kw_only=True)
class Dockerd:
    """A running engine; a context manager that stops it with all its containers."""

    directory: Path
    process: ManagedProcess
    containerd: ManagedProcess
    trace: Trace

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        """The engine's socket."""
        return self.trace.socket_folder() / "docker.sock"

    @property
    def host(self) -> str:
        """The value for DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """The file that holds everything the engine has printed."""
        return self.process.log

    @property
    def environment(self) -> dict[str, str]:
        """What makes any docker CLI talk to this engine, with a config of its own and the buildx plugin."""
        return {
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.directory / "config"),
            "DOCKER_BUILDKIT": "1",
        }

    def run(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - subprocess's own name
        env: Mapping[str, str] | None = None,
        within: float = 120.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run the docker CLI against this engine, whatever its exit code."""
        # The ordinary environment may carry a DOCKER_CONTEXT, which would win over DOCKER_HOST's engine.
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment, **(env or {})}
        return subprocess.run(
            [binaries.docker(), *args],
            input=input,
            env=environment,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    def cli(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - subprocess's own name
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run the docker CLI against this engine; return its stdout, raise ServerError when it fails."""
        done = self.run(*args, input=input, env=env)
        if done.returncode:
            raise ServerError(f"docker {' '.join(args)} failed ({done.returncode}): {done.stderr}")
        return done.stdout

    def load(self, tar: Path) -> None:
        """Load an image tar into the engine."""
        self.cli("load", "--input", str(tar))

    def stop(self) -> None:
        """End the engine, its containers, and what they left mounted."""
        remove_cgroup(self.trace.cgroup)  # else the engine gives each container ten seconds
        self.process.stop(within=20)
        self.containerd.stop()
        self.trace.clear()


def start_dockerd(directory: Path, *, bridged: bool = False, outlive: bool = False) -> Dockerd:
    """Start an engine that keeps everything below `directory`, and return it once it answers.

    `bridged` gives it a network for RUN steps and containers, on a bridge of its own that leads nowhere.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = binaries.dockerd()
    _write_cli_config(directory / "config")
    (directory / "daemon.json").write_text("{}")  # keeps the machine's own /etc/docker/daemon.json out
    clean_stale()
    trace = owned_trace("dockerd", directory, outlive=outlive)
    with ExitStack() as undo:
        undo.callback(trace.clear)
        trace.bridge = f"wr{trace.id[:8]}" if bridged else ""
        trace.save()
        if bridged:
            make_bridge(trace.bridge, (_free_address(),))
        containerd = _start_containerd(directory, trace.socket_folder(), outlive=outlive)
        undo.callback(containerd.kill)
        trace.add_process(containerd.pid)
        argv = [str(program), *_flags(directory, trace)]
        process = ManagedProcess(argv, log=directory / "dockerd.log", outlive=outlive)
        undo.callback(process.kill)
        trace.add_process(process.pid)
        engine = Dockerd(directory=directory, process=process, containerd=containerd, trace=trace)
        process.wait_until(lambda: _answers(engine.socket), within=60)
        undo.pop_all()
    return engine


def _free_address() -> str:
    """Return an address with its prefix length, in a network that this machine has no route to."""
    taken = route_networks()
    for third in random.sample(range(256), 256):
        network = ipaddress.IPv4Network(f"172.29.{third}.0/24")
        if not any(network.overlaps(other) for other in taken):
            return f"{network[1]}/24"
    raise ServerError("no free network within 172.29.0.0/16")


def _flags(directory: Path, trace: Trace) -> tuple[str, ...]:
    sockets = trace.socket_folder()
    return (
        f"--host=unix://{sockets / 'docker.sock'}",
        f"--containerd={sockets / 'containerd.sock'}",
        f"--data-root={directory / 'data'}",
        f"--exec-root={sockets / 'exec'}",
        f"--pidfile={directory / 'docker.pid'}",
        f"--config-file={directory / 'daemon.json'}",
        f"--cgroup-parent=/{trace.cgroup}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--bridge={trace.bridge or 'none'}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--userland-proxy=false",
    )


def _answers(path: Path) -> bool:
    """Return whether the engine answers a ping: it accepts connections long before."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 OK" in connection.recv(64)
        except OSError:
            return False


def _start_containerd(directory: Path, sockets: Path, *, outlive: bool) -> ManagedProcess:
    config = directory / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{directory}/containerd"\nstate = "{sockets}/containerd"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{sockets}/containerd.sock"\n'
    )
    process = ManagedProcess(
        [_DEBIAN_CONTAINERD, "--config", config], log=directory / "containerd.log", outlive=outlive
    )
    try:
        process.wait_until(lambda: unix_listens(sockets / "containerd.sock"), within=30)
    except BaseException:
        process.kill()
        raise
    return process


def _write_cli_config(directory: Path) -> None:
    plugins = directory / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    plugin = plugins / "docker-buildx"
    if not plugin.is_symlink():
        plugin.symlink_to(binaries.buildx())
    config = directory / "config.json"
    if not config.exists():
        config.write_text("{}")
