"""The daemon's copies of the directories of a build: which it may use, and what it must not believe."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from router.backends import BackendContext
from router.model.events import Notice
from router.providers.origin import Origin, find_origin
from router.solve.inputs import Inputs

if TYPE_CHECKING:
    from router.fstransfer.doubts import Doubts

__all__ = ["Copies", "open_copies"]


class Copies:
    """Copies that only this machine and these directories have filled.

    A daemon finds them by ``shared_key``. Close it when the build has ended, however it did.
    """

    def __init__(self, shared_key: str, origin: Origin, fresh: frozenset[str]) -> None:
        self.shared_key = shared_key
        self._origin = origin
        self._fresh = fresh
        self._doubts: Doubts | None = None

    def doubts(self, name: str) -> Doubts:
        """Return the doubts for the directory that the daemon knows by this name."""
        from router.fstransfer.doubts import Doubts  # loaded while the daemon reads the request

        if name in self._fresh:
            return Doubts()
        if self._doubts is None:
            self._doubts = Doubts(self._origin.since)
        return self._doubts

    def close(self) -> None:
        """Give up copies of which too much is in doubt."""
        if self._doubts is not None and self._doubts.excessive:
            self._origin.forget()


def open_copies(inputs: Inputs, context: BackendContext) -> Copies:
    """Return the copies that a build may use; what can't be kept for the next one is told."""
    lasting = {name: path for name, path in inputs.directories.items() if name not in inputs.fresh}
    origin = find_origin(lasting, context.environment)
    if origin.problem and lasting:
        text = f"the next build will send all files again: {origin.problem}"
        context.on_event(Notice(level="verbose", text=text))
    parts = ("file", origin.token, context.key, context.context_id, inputs.dockerfile_name)
    shared_key = sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return Copies(shared_key, origin, inputs.fresh)
