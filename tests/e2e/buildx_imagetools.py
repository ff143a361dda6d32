"""buildx's own `imagetools`, to compare with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.builder import SEARCH_PATH
from tests.servers import binaries


class Buildx:
    """buildx, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self._environment = {"PATH": SEARCH_PATH, "HOME": str(home), "DOCKER_CONFIG": str(home)}

    def imagetools(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of its commands to the end."""
        return subprocess.run(
            [binaries.buildx(), "imagetools", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
