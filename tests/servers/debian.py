"""Debian packages that a server needs: unpacked into the cache where that is enough, else installed.

A package whose files work from anywhere is unpacked (`DebianFiles`): the system stays as it is. The others
are installed when they are missing and when that is allowed, else named exactly (`ensure`).

Installing never starts a service: some of these packages (docker.io, docker-registry) would take ports,
bridges and firewall rules that the tests make for themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.cache import ServerError, cache_root, locked
from tests.servers.run import run_logged

# Asked by Debian's maintainer scripts before they start a service; 101 means "not allowed".
_POLICY = Path("/usr/sbin/policy-rc.d")
_REFUSE = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianFiles:
    """Recipe: one Debian package's files, in the layout of the system's root."""

    name: str

    @property
    def version(self) -> str:
        """The release of Debian: whatever its archive has is right for the machine's C library."""
        return "-".join(_os_release(Path("/etc/os-release").read_text()))

    def fingerprint(self) -> str:
        return self.name

    def build(self, destination: Path) -> None:
        _refreshing(lambda: run_logged(["apt-get", "-q", "download", self.name], cwd=destination))
        (archive,) = destination.glob("*.deb")
        run_logged(["dpkg-deb", "--extract", str(archive), str(destination)], cwd=destination)
        archive.unlink()


def _os_release(text: str) -> tuple[str, str]:
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values.get("ID", "linux").strip('"'), values.get("VERSION_ID", "unknown").strip('"')


def ensure(*packages: str) -> None:
    """Install those of `packages` that are missing."""
    if not missing(packages):
        return
    with locked(cache_root() / "debian.lock"):
        lacking = missing(packages)
        if lacking:
            _install(lacking)


def missing(packages: Sequence[str]) -> tuple[str, ...]:
    """Return those of `packages` that dpkg does not list as installed."""
    if not packages:
        return ()
    if shutil.which("dpkg-query") is None:
        raise ServerError(f"this is no Debian system; please install the likes of: {' '.join(packages)}")
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *packages],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,  # fails when it knows nothing of one of them
    )
    return not_installed(packages, shown.stdout)


def not_installed(packages: Sequence[str], listing: str) -> tuple[str, ...]:
    """Return those of `packages` without an `installed PACKAGE` line in dpkg-query's listing."""
    lines = frozenset(listing.splitlines())
    return tuple(package for package in packages if f"installed {package}" not in lines)


def _install(packages: Sequence[str]) -> None:
    if os.geteuid() != 0:
        raise ServerError(f"Debian packages are missing: run  apt-get install {' '.join(packages)}  as root")
    with _services_refused():
        _refreshing(lambda: _apt("install", "--yes", "--no-install-recommends", *packages))


def _refreshing(fetch: Callable[[], object]) -> None:
    """Run `fetch`, once more after an update of the package lists when it fails: they are missing or old."""
    try:
        fetch()
    except ServerError:
        with locked(cache_root() / "apt-lists.lock"):
            _apt("update")
        fetch()


def _apt(*args: str) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run_logged(["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *args], cwd=Path("/"), env=quiet)


@contextmanager
def _services_refused() -> Iterator[None]:
    if _POLICY.exists():  # somebody's own policy stands
        yield
        return
    _POLICY.write_text(_REFUSE)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
