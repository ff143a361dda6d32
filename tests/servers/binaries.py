"""Every program the tests run for real, by name: each function builds or installs it and returns its path.

Tests use these pinned builds. A demo that would rather take what the user already has asks `find_buildkitd`
and its like, which look at PATH first.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from tests.servers.cache import built
from tests.servers.golang import GoProgram

BUILDKIT = GoProgram(
    name="buildkit",
    version="v0.32.1",
    packages=("github.com/moby/buildkit/cmd/buildctl", "github.com/moby/buildkit/cmd/buildkitd"),
    tags=("osusergo", "netgo", "static_build", "seccomp"),
    ldflags=("-s", "-w", "-X github.com/moby/buildkit/version.Version=v0.32.1"),
)
# Static, so that the same file runs inside an image that has no C library.
RUNC = GoProgram(
    name="runc",
    version="v1.3.3",
    packages=("github.com/opencontainers/runc",),
    tags=("seccomp", "netgo", "osusergo"),
    ldflags=("-s", "-w", "-extldflags=-static"),
    cgo=True,
    debian=("gcc", "libc6-dev", "libseccomp-dev", "pkg-config"),
)


@functools.cache
def buildkitd() -> Path:
    """Return the pinned buildkitd."""
    return built(BUILDKIT) / "buildkitd"


@functools.cache
def buildctl() -> Path:
    """Return the pinned buildctl."""
    return built(BUILDKIT) / "buildctl"


@functools.cache
def runc() -> Path:
    """Return the pinned runc, statically linked."""
    return built(RUNC) / "runc"


def find_buildkitd() -> Path:
    """Return buildkitd from PATH, else the pinned one."""
    return _on_path("buildkitd") or buildkitd()


def find_buildctl() -> Path:
    """Return buildctl from PATH, else the pinned one."""
    return _on_path("buildctl") or buildctl()


def find_runc() -> Path:
    """Return runc from PATH, else the pinned one."""
    return _on_path("runc") or runc()


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
