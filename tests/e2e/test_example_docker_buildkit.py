"""examples/docker_buildkit: its commands, run as its page has them, on a real engine."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH, tar_files
from tests.e2e.program import WARMROUTE
from tests.servers import binaries, images
from tests.servers.dockerd import Dockerd, start_dockerd

EXAMPLE = Path(__file__).parents[2] / "examples" / "docker_buildkit"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Dockerd]:
    """An engine that has a network for RUN, and the base image: it can reach no registry."""
    with start_dockerd(tmp_path / "engine", bridged=True) as running:
        running.load(images.busybox_tar())
        yield running


def test_the_pages_commands_build_an_image_without_the_secret(engine: Dockerd, tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "example")
    (commands,) = re.findall(
        r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    path = f"{WARMROUTE.parent}:{binaries.docker().parent}:{SEARCH_PATH}"

    done = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=folder,
        env={**engine.environment, "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    secret = "correct-horse-battery-staple"
    message = (EXAMPLE / "message.txt").read_bytes()
    engine.cli("save", "--output", str(tmp_path / "image.tar"), "example/signed:1.0")
    saved = (tmp_path / "image.tar").read_bytes()
    layers = [tar_files(data) for name, data in tar_files(saved).items() if name.endswith("layer.tar")]
    signature = hashlib.sha256(message + secret.encode()).hexdigest()
    assert layers == [{"message.txt": message, "signature": f"{signature}  -\n".encode()}]
    assert json.loads(done.stdout)[0]["RepoTags"] == ["example/signed:1.0"]
    assert secret not in done.stdout + done.stderr
    assert secret.encode() not in saved
