"""The cache of built servers: one folder for each recipe, whole or not there at all.

A recipe's folder is named by its version and a hash of everything that goes into the build, so a changed
recipe never finds an old result. Callers in several processes (pytest-xdist workers) wait for one build.

Old folders are left alone: another checkout may still use them.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

log = logging.getLogger("tests.servers")

# The largest build takes five minutes on two idle cores; a waiter also waits for a machine that is shared.
LOCK_WITHIN = 45 * 60.0


class ServerError(Exception):
    """A server can't be built, started or stopped; says what is missing, or the log's last lines."""


class Recipe(Protocol):
    """How one folder of the cache comes to be."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def fingerprint(self) -> str:
        """Return text that changes whenever the build's result would."""

    def build(self, destination: Path) -> None:
        """Fill the empty folder `destination`."""


def cache_root() -> Path:
    """Return the folder that all built servers live below: the user's cache directory, by the XDG rules."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "warmroute" / "servers"


def folder_of(recipe: Recipe) -> Path:
    """Return where the recipe's result stands, built or not."""
    digest = hashlib.sha256(recipe.fingerprint().encode()).hexdigest()[:12]
    return cache_root() / recipe.name / f"{recipe.version}-{digest}"


def built(recipe: Recipe) -> Path:
    """Return the recipe's folder, building it first when it isn't there."""
    folder = folder_of(recipe)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(folder.name + ".lock")):
        if not folder.is_dir():
            _build(recipe, folder)
    return folder


def _build(recipe: Recipe, folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    started = time.monotonic()
    log.info("%s %s: building", recipe.name, recipe.version)
    try:
        recipe.build(aside)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    log.info("%s %s: built in %.0f s", recipe.name, recipe.version, time.monotonic() - started)


@contextmanager
def locked(path: Path, within: float = LOCK_WITHIN) -> Iterator[None]:
    """Hold an exclusive lock between processes; the kernel drops it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + within
    with path.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ServerError(f"another process has held {path} for {within:.0f} s") from None
                time.sleep(0.2)  # flock has no deadline of its own
        yield
