"""A DNS server (Debian's dnsmasq) that knows what a test tells it, and asks nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.servers import binaries
from tests.servers.ports import free_port, tcp_listens
from tests.servers.process import ManagedProcess


class Dnsmasq(ManagedProcess):
    """A running server; a context manager that stops it. SIGHUP makes it read its hosts again."""

    def __init__(self, directory: Path, records: Sequence[str], hosts: str = "") -> None:
        """Start it with ``records``, lines of its config, and ``hosts``, the text of a hosts file."""
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.hosts = directory / "hosts"
        self.hosts.write_text(hosts)
        config = directory / "dnsmasq.conf"
        lines = (
            f"port={self.port}",
            "listen-address=127.0.0.1",
            "bind-interfaces",
            "no-resolv",
            "no-hosts",
            "local=/#/",  # all else does not exist, rather than being refused
            f"addn-hosts={self.hosts}",
            "user=root",
            "pid-file=",
            *records,
        )
        config.write_text("\n".join([*lines, ""]))
        super().__init__(
            [binaries.dnsmasq(), "--keep-in-foreground", f"--conf-file={config}"],
            log=directory / "dnsmasq.log",
        )
        try:
            self.wait_until(lambda: tcp_listens(self.port), within=20)
        except BaseException:
            self.kill()
            raise

    @property
    def address(self) -> str:
        """Where it listens, as HOST:PORT."""
        return f"127.0.0.1:{self.port}"
