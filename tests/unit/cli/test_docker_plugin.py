"""What docker asks a plugin for before it runs it, and what a build loads that docker did not begin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


def run(program: str, *words: str) -> tuple[str, set[str]]:
    """Run an entry point; return what it printed, and the modules of ours that it loaded."""
    module = "cli.main" if program == "warmroute" else "cli.docker_plugin"
    code = f"import sys; sys.argv[0] = '/somewhere/{program}'; from {module} import run; run()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *words],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout, set(re.findall(r"\|\s+((?:cli|router)[\w.]*)$", done.stderr, re.MULTILINE))


@pytest.mark.parametrize(
    ("program", "hidden"), [("docker-warmroute", False), ("docker-warmroutebuilder", True)]
)
def test_the_metadata_is_dockers_and_loads_nothing(program: str, hidden: bool) -> None:
    printed, loaded = run(program, "docker-cli-plugin-metadata")

    metadata = json.loads(printed)
    assert (metadata["SchemaVersion"], metadata["Hidden"]) == ("0.1.0", hidden)
    assert metadata["Vendor"]
    assert loaded == {"cli", "cli.beginning", "cli.docker_plugin"}


def test_a_build_loads_nothing_of_the_plugins(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    _, loaded = run("warmroute", "build", "--addr", f"unix://{tmp_path}/nobody", str(tmp_path))

    assert "cli.building.running" in loaded
    plugins = re.compile(
        r"cli\.(docker|kubectl)_|cli\.commands\.install|router\.docker\.(plugins|builder)|.*json_text"
    )
    assert [name for name in loaded if plugins.match(name)] == []
