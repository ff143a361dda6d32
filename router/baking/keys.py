"""The key of each target: its image's, else the definition's place with the target's name."""

from __future__ import annotations

import os

from router.placement.key import GitCheckout, Key, KeyInputs, target_key
from router.providers.git_remote import find_git_location

__all__ = ["BakeKeys"]


class BakeKeys:
    """Keys of the targets of a definition in a directory, or in the repository at the URL ``remote``. ``own``
    is the user's, for all of them."""

    def __init__(self, directory: str, own: str = "", *, remote: str = "") -> None:
        self._own = own
        self._place = remote or os.path.abspath(directory)
        location = find_git_location(self._place) if os.path.isdir(self._place) and not remote else None
        self._git = GitCheckout(remote=location.remote, path=location.path) if location else None

    def key(self, target: str, tags: tuple[str, ...]) -> Key:
        """Return the key of a target."""
        inputs = KeyInputs(key=self._own, tags=tags, git=self._git, context=self._place)
        return target_key(inputs, target)
