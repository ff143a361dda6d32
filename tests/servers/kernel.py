"""What the kernel keeps after a server is gone: mounts, cgroups, bridges, settings. Made here, removed here.

Everything is found by the path or the name that we gave it.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers.run import run_logged

_DRAIN = 5.0


def unmount_below(directory: Path) -> None:
    """Unmount everything that is mounted at or below `directory`, the innermost first."""
    inside = [
        point for point in mount_points(Path("/proc/self/mountinfo").read_text()) if _below(point, directory)
    ]
    for point in reversed(inside):
        # Lazy: a process that is still dying may hold it for a moment.
        subprocess.run(["umount", "--lazy", str(point)], capture_output=True, timeout=30, check=False)


def mount_points(mountinfo: str) -> list[Path]:
    """Return the mount points of a /proc/PID/mountinfo, in the order they were mounted."""
    fields = (line.split(" ")[4] for line in mountinfo.splitlines())
    return [Path(field.encode().decode("unicode_escape")) for field in fields]  # blanks stand as \040


def _below(point: Path, directory: Path) -> bool:
    return point.is_relative_to(directory.resolve())


def remove_cgroup(name: str) -> None:
    """Kill every process in the cgroup `name` and its children, in all hierarchies, and remove them."""
    for hierarchy in _hierarchies(Path("/proc/self/mounts").read_text()):
        top = hierarchy / name
        if top.is_dir():
            _empty(top)
            for folder in _bottom_up(top):
                with suppress(OSError):  # a zombie still counts as a member; the folder is harmless then
                    folder.rmdir()


def make_cgroup(name: str) -> None:
    """Create the cgroup `name` in all hierarchies."""
    for hierarchy in _hierarchies(Path("/proc/self/mounts").read_text()):
        top = hierarchy / name
        _hand_down(hierarchy)
        top.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            inherited = hierarchy / setting
            if inherited.exists():  # cgroup v1 starts a cpuset empty, and then nothing may run in it
                (top / setting).write_text(inherited.read_text())


def _hand_down(hierarchy: Path) -> None:
    controllers = hierarchy / "cgroup.controllers"
    if not controllers.exists():
        return  # cgroup v1
    for controller in controllers.read_text().split():
        with suppress(OSError):  # one that can't be handed down isn't needed either
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def _hierarchies(mounts: str) -> Iterator[Path]:
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        if kind in {"cgroup", "cgroup2"}:
            yield Path(point)


def _empty(top: Path) -> None:
    deadline = time.monotonic() + _DRAIN
    while (members := _members(top)) and time.monotonic() < deadline:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)  # cgroup v1 tells nobody when it is empty


def _members(top: Path) -> set[int]:
    found: set[int] = set()
    for folder in _bottom_up(top):
        with suppress(OSError):
            found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return found


def _bottom_up(top: Path) -> list[Path]:
    return [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]


def make_bridge(name: str, addresses: Sequence[str]) -> None:
    """Create a bridge with these addresses (each with its prefix length) and bring it up."""
    _ip("link", "add", name, "type", "bridge")
    for address in addresses:
        _ip("address", "add", address, "dev", name)
    _ip("link", "set", name, "up")


def delete_bridge(name: str) -> None:
    """Delete the bridge if it is there."""
    if Path("/sys/class/net", name).exists():
        _ip("link", "delete", name)


def _ip(*args: str) -> None:
    run_logged(["ip", *args], cwd=Path("/"))


def read_sysctls(names: Sequence[str]) -> dict[str, str]:
    """Return the settings' values, by their paths below /proc/sys; leave out those this kernel lacks."""
    paths = {name: Path("/proc/sys", name) for name in names}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


def write_sysctls(values: Mapping[str, str]) -> None:
    """Set those of the settings that differ."""
    for name, value in values.items():
        path = Path("/proc/sys", name)
        if path.read_text().strip() != value:
            path.write_text(value)


def cgroup_processes(name: str, child: str) -> set[int]:
    """Return the processes in the folder `child`, wherever it lies below the cgroup `name`."""
    for hierarchy in _hierarchies(Path("/proc/self/mounts").read_text()):
        for folder in _bottom_up(hierarchy / name):
            if folder.name == child and (members := _members(folder)):
                return members
    return set()


def route_networks() -> list[ipaddress.IPv4Network]:
    """Return the IPv4 networks that this machine has a route to, the default route left out."""
    return parse_routes(Path("/proc/net/route").read_text())


def parse_routes(table: str) -> list[ipaddress.IPv4Network]:
    """Read /proc/net/route: a header, then lines with addresses in hexadecimal, lowest byte first."""
    networks = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, mask = (ipaddress.IPv4Address(bytes.fromhex(fields[at])[::-1]) for at in (1, 7))
        if int(mask):
            networks.append(ipaddress.IPv4Network(f"{address}/{mask}"))
    return networks
