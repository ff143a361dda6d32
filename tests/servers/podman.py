"""podman (Debian's 4.3) with containers, images and a config of its own, apart from the machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import binaries
from tests.servers.cache import ServerError
from tests.servers.kernel import unmount_below


@dataclass(frozen=True, kw_only=True)
class Podman:
    """A place for containers; a context manager that ends and removes them all."""

    directory: Path
    run_root: Path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cli("rm", "--all", "--force", "--time", "0")
        for root in (self.directory, self.run_root):
            unmount_below(root)
        shutil.rmtree(self.run_root)

    @property
    def environment(self) -> dict[str, str]:
        """What makes podman work in this place."""
        return {
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "HOME": str(self.directory),
            "PATH": f"{binaries.runc().parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        }

    def cli(self, *args: str) -> str:
        """Run podman; return its stdout, raise ServerError when it fails."""
        done = subprocess.run(
            [binaries.podman(), *args],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"podman {' '.join(args)} failed ({done.returncode}): {done.stderr}")
        return done.stdout


def start_podman(directory: Path) -> Podman:
    """Return a place below ``directory`` without containers."""
    directory.mkdir(parents=True, exist_ok=True)
    binaries.podman()
    run_root = Path(tempfile.mkdtemp(prefix="warmroute-podman-"))
    # crun refuses a machine whose cgroups are of both versions; podman's own bridge would take networks
    # that the cluster of the tests uses; limits above those of a test machine can't be set.
    (directory / "containers.conf").write_text(
        '[containers]\nnetns = "host"\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n'
        f'[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
        f'tmp_dir = "{run_root / "tmp"}"\n[engine.runtimes]\nrunc = ["{binaries.runc()}"]\n'
    )
    (directory / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{directory / "storage"}"\nrunroot = "{run_root}"\n'
    )
    os.chmod(run_root, 0o711)
    return Podman(directory=directory, run_root=run_root)
