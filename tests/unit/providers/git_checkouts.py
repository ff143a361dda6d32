"""Real checkouts for tests, made by git, and git's own word on what is in them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from router.providers.git_clean import clean_files

__all__ = ["ENVIRONMENT", "Checkout", "object_name", "proven_files"]

# Nothing of the settings of whoever runs the tests.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "LC_ALL": "C",
}


class Checkout:
    """A working tree whose top is ``path``; made with the options of ``git init`` where there is none."""

    def __init__(self, path: Path, *options: str, environment: Mapping[str, str] = ENVIRONMENT) -> None:
        self.path = path
        self.environment = environment
        if not path.exists():
            subprocess.run(("git", "init", "-q", *options, str(path)), check=True, env=environment)

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git in it; allow submodules from files."""
        argv = ("git", "-C", str(self.path), "-c", "protocol.file.allow=always", *arguments)
        ended = subprocess.run(argv, check=True, env=self.environment, input=stdin, capture_output=True)
        return ended.stdout

    def write(self, files: dict[str, bytes]) -> None:
        """Write files, directories included."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def commit(self, files: dict[str, bytes]) -> None:
        """Write files and commit everything, in an index that is younger than all of them."""
        self.write(files)
        self.settle()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a")

    def settle(self) -> None:
        """Wait until the file system's clock is past every time that it has given."""
        probe = self.path.parent / "clock"
        probe.touch()
        before = probe.stat().st_mtime_ns
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            probe.touch()
            if probe.stat().st_mtime_ns > before:
                return
        raise AssertionError("the clock of the file system stands still")

    def blob_of(self, name: str) -> str:
        """Return what git calls the content of a file as it is, unconverted."""
        return self.git("hash-object", "--no-filters", "--", name).decode().strip()


def object_name(content: bytes, digits: int = 40) -> str:
    """Return the id of the blob that has this content; SHA-1's have 40 digits, SHA-256's 64."""
    algorithm = hashlib.sha1 if digits == 40 else hashlib.sha256
    return algorithm(b"blob %d\0" % len(content) + content).hexdigest()


def proven_files(directory: Path, environment: Mapping[str, str] = ENVIRONMENT) -> dict[str, str]:
    """Return what is proven of the files below a directory, and check that each is right."""
    clean = clean_files(os.fsencode(directory), environment)
    proven = {}
    for path in _files(directory):
        inner = os.fspath(path.relative_to(directory))
        blob = clean.blob(os.fsencode(inner), path.lstat()) if clean else None
        if blob is not None:
            proven[inner] = blob.hex()
    for name, found in proven.items():
        assert found == object_name((directory / name).read_bytes(), len(found)), name
    return proven


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if ".git" not in path.relative_to(directory).parts and not path.is_dir():
            yield path
