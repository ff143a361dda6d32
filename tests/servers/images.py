"""The images of the tests, made from this machine's own files because no image registry can be reached.

A busybox base for RUN steps, a pause image for pods, and buildkitd: privileged, and rootless. How images are
written is `oci`'s. Tars are kept in the cache. Equal layers are stored and unpacked once.
"""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import binaries
from tests.servers.cache import built
from tests.servers.oci import CAP_SETGID, CAP_SETUID, Entry, Image, write_tar

# Upstream's names, so that manifests written for upstream's images run unchanged on the test cluster.
BUILDKIT = f"docker.io/moby/buildkit:{binaries.BUILDKIT.version}"
BUILDKIT_ROOTLESS = f"{BUILDKIT}-rootless"
BUSYBOX = "docker.io/library/busybox:latest"
PAUSE = "warmroute.test/pause:1"

_ROOTLESS_UID = 1000
_ROOTLESS_OWNED = (
    "home/user",
    "home/user/.local",
    "home/user/.local/tmp",
    "home/user/.local/share",
    "home/user/.local/share/buildkit",
    "run/user/1000",
    "run/user/1000/buildkit",
)


def busybox_entries() -> tuple[Entry, ...]:
    """Return a small Linux: busybox under all its names, /tmp, /etc/passwd. Enough for RUN."""
    binary = binaries.busybox()
    listed = subprocess.run([binary, "--list"], capture_output=True, text=True, timeout=10, check=True)
    folders = (
        "bin",
        "etc",
        "dev",
        "proc",
        "root",
        "run",
        "sys",
        "usr",
        "usr/bin",
        "usr/lib",
        "var",
        "var/lib",
    )
    return (
        *(Entry(path=folder) for folder in folders),
        Entry(path="tmp", mode=0o1777),
        Entry(path="bin/busybox", source=binary),
        *(Entry(path=f"bin/{name}", link="busybox") for name in listed.stdout.split() if name != "busybox"),
        Entry(path="etc/passwd", content=_PASSWD, mode=0o644),
        Entry(path="etc/group", content=_GROUP, mode=0o644),
    )


_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n"
_GROUP = b"root:x:0:\nuser:x:1000:\n"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def busybox_image(reference: str = BUSYBOX) -> Image:
    """Return the base image of test builds."""
    return Image(reference=reference, layers=(busybox_entries(),), config={"Cmd": ["sh"], "Env": [_PATH]})


def pause_image() -> Image:
    """Return the image of a pod's sandbox: it waits for the signal to end."""
    waits = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"]
    return Image(reference=PAUSE, layers=(busybox_entries(),), config={"Entrypoint": waits})


def buildkit_image() -> Image:
    """Return buildkitd, buildctl and runc on busybox, to be run privileged; as upstream's image is run."""
    return Image(
        reference=BUILDKIT,
        layers=(busybox_entries(), _buildkit_entries()),
        config={"Entrypoint": ["buildkitd"], "Env": [_PATH]},
    )


def rootless_image() -> Image:
    """Return the image for an unprivileged user: rootlesskit starts buildkitd in a user namespace."""
    home, runtime = "/home/user", f"/run/user/{_ROOTLESS_UID}"
    environment = [
        _PATH,
        f"HOME={home}",
        "USER=user",
        f"XDG_RUNTIME_DIR={runtime}",
        f"TMPDIR={home}/.local/tmp",
        f"BUILDKIT_HOST=unix://{runtime}/buildkit/buildkitd.sock",
    ]
    return Image(
        reference=BUILDKIT_ROOTLESS,
        layers=(busybox_entries(), _buildkit_entries(), _rootless_entries()),
        config={"Entrypoint": ["rootlesskit", "buildkitd"], "User": "1000:1000", "Env": environment},
    )


def _buildkit_entries() -> tuple[Entry, ...]:
    programs = (binaries.buildkitd(), binaries.buildctl(), binaries.runc())
    return (
        Entry(path="var/lib/buildkit", mode=0o700),
        *(Entry(path=f"usr/bin/{program.name}", source=program) for program in programs),
    )


def _rootless_entries() -> tuple[Entry, ...]:
    newuidmap, newgidmap = binaries.newuidmap()
    return (
        Entry(path="home"),
        Entry(path="run/user"),
        *(Entry(path=path, mode=0o700, uid=_ROOTLESS_UID, gid=_ROOTLESS_UID) for path in _ROOTLESS_OWNED),
        Entry(path="etc/subuid", content=b"user:100000:65536\n", mode=0o644),
        Entry(path="etc/subgid", content=b"user:100000:65536\n", mode=0o644),
        Entry(path="usr/bin/rootlesskit", source=binaries.rootlesskit()),
        # Not setuid: a container without CAP_SYS_ADMIN may not write the maps as root.
        Entry(path="usr/bin/newuidmap", source=newuidmap, capabilities=CAP_SETUID),
        Entry(path="usr/bin/newgidmap", source=newgidmap, capabilities=CAP_SETGID),
        *library_entries((newuidmap, newgidmap)),
    )


def library_entries(programs: Sequence[Path]) -> tuple[Entry, ...]:
    """Return the shared libraries of the programs, at the paths where the loader looks for them."""
    files: set[str] = set()
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=10, check=True)
        files.update(shared_libraries(listed.stdout))
    folders = {str(parent)[1:] for file in files for parent in Path(file).parents if str(parent) != "/"}
    return (
        *(Entry(path=folder) for folder in sorted(folders)),
        *(Entry(path=file[1:], source=Path(file).resolve()) for file in sorted(files)),
    )


def shared_libraries(listing: str) -> tuple[str, ...]:
    """Return the absolute paths in what `ldd` prints."""
    return tuple(re.findall(r"(?:^|=>)\s*(/\S+) \(", listing, flags=re.MULTILINE))


# Written once for each version of what is in them: the two large ones take seconds.


@dataclass(frozen=True, slots=True)
class _ImageTar:
    name: str
    image: Image

    version = "1"

    def fingerprint(self) -> str:
        return repr(self.image)  # the paths of its sources carry their versions

    def build(self, destination: Path) -> None:
        write_tar(self.image, destination / "image.tar")


@functools.cache
def buildkit_tar() -> Path:
    """Return the privileged buildkitd image as a tar."""
    return built(_ImageTar("image-buildkit", buildkit_image())) / "image.tar"


@functools.cache
def rootless_tar() -> Path:
    """Return the rootless buildkitd image as a tar."""
    return built(_ImageTar("image-buildkit-rootless", rootless_image())) / "image.tar"


@functools.cache
def busybox_tar() -> Path:
    """Return the busybox image as a tar."""
    return built(_ImageTar("image-busybox", busybox_image())) / "image.tar"


@functools.cache
def pause_tar() -> Path:
    """Return the pause image as a tar."""
    return built(_ImageTar("image-pause", pause_image())) / "image.tar"
