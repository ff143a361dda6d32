"""OpenSSH itself: a server on loopback, an agent, keys, and an image that has its programs."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import debian
from tests.servers.images import busybox_entries, library_entries
from tests.servers.oci import Entry, Image
from tests.servers.ports import free_port, tcp_listens, unix_listens
from tests.servers.process import ManagedProcess

_PROGRAMS = ("ssh", "ssh-add", "ssh-keygen")


def make_key(path: Path, kind: str, *options: str) -> Path:
    """Make a key with ssh-keygen, without a passphrase unless `options` has one (-N); return its path."""
    debian.ensure("openssh-client")
    argv: list[str | Path] = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", path.name, "-f", path, *options]
    subprocess.run(argv, check=True, timeout=60)
    return path


@dataclass(kw_only=True)
class Sshd:
    """A running sshd that lets its own user in with known keys; a context manager that stops it."""

    process: ManagedProcess
    port: int
    authorized_keys: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    @property
    def user(self) -> str:
        """Who can log in."""
        return getpass.getuser()

    def authorize(self, *keys: Path) -> None:
        """Let exactly these keys in."""
        self.authorized_keys.write_text("".join(Path(f"{key}.pub").read_text() for key in keys))


def start_sshd(directory: Path) -> Sshd:
    """Start a server on loopback; it has PATH of this process, so that it finds git."""
    debian.ensure("openssh-client", "openssh-server")
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    config = directory / "sshd_config"
    config.write_text(
        f"Port {port}\n"
        "ListenAddress 127.0.0.1\n"
        f"HostKey {make_key(directory / 'host_key', 'ed25519')}\n"
        f"AuthorizedKeysFile {directory / 'authorized_keys'}\n"
        f"SetEnv PATH={os.environ['PATH']}\n"
        "PermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\n"
        "UsePAM no\n"
        "StrictModes no\n"
        "MaxStartups 100\n"
    )
    process = ManagedProcess(["/usr/sbin/sshd", "-D", "-e", "-f", config], log=directory / "sshd.log")
    try:
        process.wait_until(lambda: tcp_listens(port), within=30)
    except BaseException:
        process.kill()
        raise
    return Sshd(process=process, port=port, authorized_keys=directory / "authorized_keys")


@dataclass(kw_only=True)
class Agent:
    """A running ssh-agent; a context manager that stops it."""

    process: ManagedProcess
    socket: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    def add(self, key: Path) -> None:
        """Give it a key."""
        self._run("ssh-add", "-q", key)

    def identities(self) -> list[str]:
        """Return the comments of its keys."""
        return [line.split()[2] for line in self._run("ssh-add", "-l").splitlines() if "SHA256:" in line]

    def _run(self, *argv: str | Path) -> str:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout


def start_agent(directory: Path) -> Agent:
    """Start an agent without keys. The path of its socket must be short: `directory` may be pytest's."""
    debian.ensure("openssh-client")
    socket = directory / "agent.sock"
    process = ManagedProcess(["ssh-agent", "-D", "-a", socket], log=directory / "agent.log")
    try:
        process.wait_until(lambda: unix_listens(socket), within=30)
    except BaseException:
        process.kill()
        raise
    return Agent(process=process, socket=socket)


def openssh_image() -> Image:
    """Return a busybox with ssh, ssh-add and ssh-keygen."""
    debian.ensure("openssh-client")
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name))]
    files = tuple(Entry(path=f"usr/bin/{program.name}", source=program) for program in programs)
    return Image(
        reference="openssh",
        layers=(busybox_entries(), (*files, *library_entries(programs))),
        config={"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"]},
    )
