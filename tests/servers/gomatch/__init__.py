"""What Go makes of file patterns: the recipe for a program of ours around the matchers that BuildKit uses."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.servers.golang import NEEDED, go

__all__ = ["GoMatch"]

_SOURCE = Path(__file__).with_name("main.go")
_MODULE = "github.com/moby/patternmatcher"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoMatch:
    """Recipe: the program, with the version of the module that BuildKit has."""

    name: str = "gomatch"
    version: str = "v0.6.1"

    def fingerprint(self) -> str:
        return f"{_MODULE}@{self.version}\n{_SOURCE.read_text()}"

    def build(self, destination: Path) -> None:
        work = destination / "module"
        work.mkdir()
        shutil.copy(_SOURCE, work)
        (work / "go.mod").write_text(f"module gomatch\n\ngo {NEEDED[0]}.{NEEDED[1]}\n")
        go("get", f"{_MODULE}@{self.version}", cwd=work)
        go("build", f"-o={destination / self.name}", ".", cwd=work, env={"CGO_ENABLED": "0"})
        shutil.rmtree(work)
