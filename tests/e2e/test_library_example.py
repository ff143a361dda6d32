"""The page about the library: its code runs as it stands, on a real daemon."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.builder import OciArchive, write_tree
from tests.e2e.pages import REPOSITORY, blocks
from tests.servers.buildkitd import Buildkitd

PAGE = "docs/how-to/library.md"


@pytest.fixture
def printed(buildkitd: Buildkitd, tmp_path: Path) -> list[str]:
    """What the page's script prints, a line each; its files are in ``tmp_path``."""
    write_tree(tmp_path / "app", {"Dockerfile": blocks(PAGE, "dockerfile")[0], "word": "hello\n"})
    script = "".join(blocks(PAGE, "python"))
    environment = {
        "BUILDKIT_HOST": buildkitd.address,
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_pages_script_does_what_the_page_says(printed: list[str], tmp_path: Path) -> None:
    image = OciArchive((tmp_path / "image.tar").read_bytes())
    digest = image.index["manifests"][0]["digest"]
    assert printed[0].startswith(f"built {digest} on ")
    assert image.files()["word"] == b"hello\n"
    assert image.config()["config"]["Labels"] == {"org.opencontainers.image.version": "1.0"}
    assert sum(line.endswith(" [1/1] COPY . /") for line in printed) == 1
    assert "cached [1/1] COPY . /" in printed
    assert "failed: [1/1] COPY missing /" in printed
    assert any(">>> COPY missing /" in line for line in printed)
    assert "build canceled (too late anyway)" in printed
    assert "key docs/example by rule key" in printed
    assert any(line.endswith(" fit") for line in printed)
    assert printed[-1].endswith("0 builds in flight")


def test_every_name_that_the_page_imports_is_public() -> None:
    import router

    names = {
        name.strip()
        for line in re.findall(r"^from router import (.+)$", "".join(blocks(PAGE, "python")), re.MULTILINE)
        for name in line.split(",")
    }

    assert names <= set(dir(router))
