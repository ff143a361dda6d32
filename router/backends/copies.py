"""The daemon's copies of the directories of a build: which it may use, and what it must not believe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from router.backends import BackendContext
from router.fstransfer.manner import Manner
from router.hashes import sha256
from router.model.events import Notice
from router.model.request import BuildRequest
from router.providers.origin import Origin, find_origin
from router.solve.inputs import Inputs

if TYPE_CHECKING:
    from router.fstransfer.doubts import Doubts
    from router.fstransfer.times import CleanFiles

__all__ = ["Copies", "open_copies"]


class Copies(Protocol):
    """Copies that a daemon finds by ``shared_key``. Close them when the build has ended, however it did."""

    shared_key: str

    def prepare(self) -> None:
        """Read what a transfer needs; the time for it is when the daemon has something to do as well."""

    def manner(self, name: str, /) -> Manner:
        """Return how the directory is described that the daemon knows by this name."""

    def close(self) -> None:
        """Give up copies that have become worthless."""


class _OwnCopies:
    """Copies that only this machine and these directories have filled. Files have their own times."""

    def __init__(self, shared_key: str, origin: Origin, fresh: frozenset[str]) -> None:
        self.shared_key = shared_key
        self._origin = origin
        self._fresh = fresh
        self._doubts: list[Doubts] = []

    def prepare(self) -> None:
        """Do nothing: a transfer needs the directories alone."""

    def manner(self, name: str) -> Manner:
        from router.fstransfer.doubts import Doubts  # loaded while the daemon reads the request
        from router.fstransfer.places import Places

        if name in self._fresh:
            return Manner(doubts=Doubts())
        self._doubts.append(Doubts(self._origin.since, Places(name, self._origin)))
        return Manner(doubts=self._doubts[-1])

    def close(self) -> None:
        if any(doubts.excessive for doubts in self._doubts):
            self._origin.forget()


class _CommonCopies:
    """Copies that all checkouts of a repository fill, on all machines. Times of files say what is in them."""

    def __init__(self, shared_key: str, origin: Origin, inputs: Inputs, context: BackendContext) -> None:
        self.shared_key = shared_key
        self._salt = origin.token.encode()
        self._directories = inputs.directories
        self._environment = context.environment
        self._clean: dict[str, CleanFiles | None] = {}

    def prepare(self) -> None:
        from router.providers.git_clean import clean_files

        for path in map(os.path.realpath, self._directories.values()):
            if path not in self._clean:
                self._clean[path] = clean_files(os.fsencode(path), self._environment)

    def manner(self, name: str) -> Manner:
        from router.fstransfer.times import ContentTimes

        clean = self._clean.get(os.path.realpath(self._directories[name]))
        return Manner(times=ContentTimes(clean, self._salt))

    def close(self) -> None:
        """Do nothing: what such a copy has is always what its times say."""


def open_copies(request: BuildRequest, inputs: Inputs, context: BackendContext) -> Copies:
    """Return the copies that a build may use; what can't be kept for the next one is told."""
    lasting = {name: path for name, path in inputs.directories.items() if name not in inputs.fresh}
    origin = find_origin(lasting, context.environment)
    if origin.problem and lasting:
        text = f"the next build will send all files again: {origin.problem}"
        context.on_event(Notice(level="verbose", text=text))
    build = context.key, context.context_id, inputs.dockerfile_name
    if request.context_times == "content":
        return _CommonCopies(_digest("content 1", *build), origin, inputs, context)
    return _OwnCopies(_digest("file", origin.token, *build), origin, inputs.fresh)


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
