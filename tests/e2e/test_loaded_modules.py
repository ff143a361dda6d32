"""What a build loads: of the 0.1 s that a cached one takes, imports are most."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.servers.buildkitd import Buildkitd

# The program ends itself without Python's own end, so it is told to list first what it has loaded.
_PROGRAM = """
import os, sys
end = os._exit
def list_and_end(code):
    with open(os.environ["LISTING"], "w") as file:
        file.write(" ".join(sys.modules))
    end(code)
os._exit = list_and_end
from cli.main import run
run()
"""
# Each of them takes longer to load than what a build would need of it is worth.
_HEAVY = {
    *("_hashlib", "base64", "json", "queue", "uhashring"),
    *("asyncio", "click", "cryptography", "dataclasses", "dns", "email", "google.protobuf", "grpc"),
    *(
        "http.client",
        "kubernetes",
        "logging",
        "opentelemetry",
        "rich",
        "ssl",
        "subprocess",
        "tenacity",
        "typer",
        "yaml",
    ),
}


def loaded(folder: Path, *words: str) -> set[str]:
    """Return the modules that a successful build has loaded at its end."""
    listing = folder.parent / "modules"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "LISTING": str(listing)}
    argv = [sys.executable, "-c", _PROGRAM, "build", *words, str(folder)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(listing.read_text(encoding="utf-8").split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})


def test_a_cached_build_loads_nothing_that_it_does_not_need(buildkitd: Buildkitd, folder: Path) -> None:
    loaded(folder, "--addr", buildkitd.address)

    cached = loaded(folder, "--addr", buildkitd.address)

    assert "router.fstransfer.sender" in cached
    assert cached & {"router.fstransfer.automaton", "router.timelimit"} == set()
    assert cached & _HEAVY == set()
    assert not any(name.startswith("router.telemetry") for name in cached)


def test_an_ignore_file_with_wildcards_loads_what_matches_them(buildkitd: Buildkitd, folder: Path) -> None:
    (folder / ".dockerignore").write_text("*.log\n", encoding="utf-8")

    assert "router.fstransfer.automaton" in loaded(folder, "--addr", buildkitd.address)


def test_what_is_asked_of_the_frontend_loads_the_generated_classes(
    buildkitd: Buildkitd, folder: Path
) -> None:
    assert "google.protobuf" in loaded(folder, "--addr", buildkitd.address, "--call", "outline")
