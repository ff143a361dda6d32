"""The recipe for Kubernetes' own programs, whose module can't be required as it is.

Its go.mod points every `k8s.io/*` module at `./staging`, which is not part of the published module; the same
code is published as module `k8s.io/X`, version v0.N for Kubernetes v1.N.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.servers.golang import GoProgram, go

_MODULE = "k8s.io/kubernetes"


@dataclass(frozen=True, kw_only=True)
class KubernetesProgram(GoProgram):
    """Recipe: commands of the Kubernetes module, its staging modules replaced by the published ones."""

    def go_mod(self, work: Path) -> str:
        described = json.loads(go("mod", "download", "-json", f"{_MODULE}@{self.version}", cwd=work.parent))
        upstream = Path(described["GoMod"]).read_text()
        staged = staging_version(self.version)
        replaced = "".join(f"\t{name} => {name} {staged}\n" for name in staging_modules(upstream))
        return f"{super().go_mod(work)}\nrequire {_MODULE} {self.version}\n\nreplace (\n{replaced})\n"


def staging_version(version: str) -> str:
    """Return the version that Kubernetes' own libraries carry: v1.36.3 -> v0.36.3."""
    return version.replace("v1.", "v0.", 1)


def staging_modules(go_mod: str) -> tuple[str, ...]:
    """Return the modules that `go_mod` requires without a version, because they live in its own tree."""
    return tuple(re.findall(r"^\s+(k8s\.io/\S+) v0\.0\.0$", go_mod, flags=re.MULTILINE))


def version_flags(version: str) -> tuple[str, ...]:
    """Return linker flags without which every program reports v0.0.0 and refuses its peers."""
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(f"-X {package}.{name}={value}" for package in packages for name, value in values.items())
