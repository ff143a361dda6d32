"""An ssh server (Debian's OpenSSH) on loopback, and a client's ssh that knows it by names of its config."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import binaries
from tests.servers.ports import free_port, tcp_listens
from tests.servers.process import ManagedProcess

HOST = "builder"
"""What the client's config calls the server."""


@dataclass(frozen=True, kw_only=True)
class Sshd:
    """A running server; a context manager that stops it.

    ``client`` is a folder with an ``ssh`` that reads a config of the tests' own: OpenSSH looks for the user's
    in the home directory that the system knows, whatever HOME says.
    """

    process: ManagedProcess
    port: int
    client: Path
    config: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()

    @property
    def path(self) -> str:
        """The PATH on which that client's ssh is found."""
        return f"{self.client}:/usr/bin:/bin"


def start_sshd(directory: Path, *, remote_path: str, command: str = "") -> Sshd:
    """Start a server; return it once it listens. ``remote_path`` is the PATH of the commands it runs;
    ``command`` is run in place of all that is asked for.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = binaries.sshd()
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, and leaves it to the system's start
    port = free_port()
    host_key, user_key = _key(directory / "host"), _key(directory / "user")
    forced = f'command="{command}" ' if command else ""
    (directory / "authorized_keys").write_text(forced + user_key.with_suffix(".pub").read_text())
    server = directory / "sshd_config"
    server.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {directory / 'authorized_keys'}\nPasswordAuthentication no\n"
        f"KbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
        f"SetEnv PATH={remote_path}\n"
    )
    client = directory / "client"
    client.mkdir()
    known = directory / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {host_key.with_suffix('.pub').read_text()}")
    config = directory / "ssh_config"
    config.write_text(
        f"Host {HOST} stranger\n  HostName 127.0.0.1\n  Port {port}\n  User root\n"
        f"  UserKnownHostsFile {known}\nHost stranger\n  IdentitiesOnly yes\n  IdentityFile /nonexistent\n"
        f"Host *\n  IdentityFile {user_key}\n"
    )
    ssh = client / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {config} "$@"\n')
    ssh.chmod(0o755)
    process = ManagedProcess([program, "-D", "-e", "-f", server], log=directory / "sshd.log")
    try:
        process.wait_until(lambda: tcp_listens(port), within=20)
    except BaseException:
        process.kill()
        raise
    return Sshd(process=process, port=port, client=client, config=config)


def _key(path: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path],
        check=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
    )
    return path
