"""Git checkouts for builds: made by git itself, away from the settings of who runs the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

EPOCH = 1_700_000_000


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory, and return what it prints."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    done = subprocess.run(
        ["git", "-C", directory, "-c", "init.defaultBranch=main", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def commit(directory: Path) -> None:
    """Commit everything in a directory, which becomes a repository if it is none."""
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", "x")


def clone(source: Path, destination: Path) -> Path:
    """Clone a repository as if from elsewhere; return the clone."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    git(source, "clone", "--quiet", "--no-local", str(source), str(destination))
    return destination


def normalise(folder: Path) -> None:
    """Give everything the same time, as `find -exec touch -d @1700000000` does."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
