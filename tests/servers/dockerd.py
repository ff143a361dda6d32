"""A Docker engine of its own (Debian's 20.10), apart from any engine the machine may already run.

Own containerd, own folders, no bridge and no firewall rules: RUN steps and containers need `--network=host`.
The docker CLI is the one of the same package, with docker-buildx put beside it as a plugin.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import binaries
from tests.servers.cache import ServerError
from tests.servers.kernel import remove_cgroup
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
        return self.directory / "docker.sock"

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


def start_dockerd(directory: Path, *, outlive: bool = False) -> Dockerd:
    """Start an engine that keeps everything below `directory`, and return it once it accepts connections."""
    directory.mkdir(parents=True, exist_ok=True)
    dockerd_binary = binaries.dockerd()
    _write_cli_config(directory / "config")
    clean_stale()
    trace = owned_trace("dockerd", directory, outlive=outlive)
    trace.cgroup = f"warmroute-{trace.id}"
    trace.save()
    containerd = _start_containerd(directory, outlive=outlive)
    trace.add_process(containerd.pid)
    process = ManagedProcess(
        [
            dockerd_binary,
            f"--host=unix://{directory / 'docker.sock'}",
            f"--containerd={directory / 'containerd.sock'}",
            f"--data-root={directory / 'data'}",
            f"--exec-root={directory / 'exec'}",
            f"--pidfile={directory / 'docker.pid'}",
            f"--config-file={_empty_config(directory)}",
            f"--cgroup-parent=/{trace.cgroup}",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
            "--ip-masq=false",
            "--userland-proxy=false",
        ],
        log=directory / "dockerd.log",
        outlive=outlive,
    )
    trace.add_process(process.pid)
    engine = Dockerd(directory=directory, process=process, containerd=containerd, trace=trace)
    try:
        process.wait_until(lambda: unix_listens(engine.socket), within=60)
    except BaseException:
        engine.stop()
        raise
    return engine


def _start_containerd(directory: Path, *, outlive: bool) -> ManagedProcess:
    config = directory / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{directory}/containerd"\nstate = "{directory}/containerd-state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{directory}/containerd.sock"\n'
    )
    process = ManagedProcess(
        [_DEBIAN_CONTAINERD, "--config", config], log=directory / "containerd.log", outlive=outlive
    )
    try:
        process.wait_until(lambda: unix_listens(directory / "containerd.sock"), within=30)
    except BaseException:
        process.kill()
        raise
    return process


def _empty_config(directory: Path) -> Path:
    path = directory / "daemon.json"  # keeps the machine's own /etc/docker/daemon.json out
    path.write_text("{}")
    return path


def _write_cli_config(directory: Path) -> None:
    plugins = directory / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    plugin = plugins / "docker-buildx"
    if not plugin.is_symlink():
        plugin.symlink_to(binaries.buildx())
    config = directory / "config.json"
    if not config.exists():
        config.write_text("{}")
