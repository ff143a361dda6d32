"""Follow the links on the way to the paths that a build needs: BuildKit's ``followpaths``.

``COPY app /app`` makes the daemon ask for ``app``; where that is a link, what it leads to has to come along.
Links are read as if the directory were the root of the file system, so nothing outside of it is looked at.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Sequence

from router.fstransfer.beneath import Root
from router.fstransfer.globs import clean, glob_to_regexp, has_wildcard

__all__ = ["follow_links", "without_covered"]

# As many as the kernel follows: a link that leads to itself with something added would never end.
_MOST_LINKS = 40


def follow_links(root: Root, paths: Sequence[str]) -> tuple[str, ...] | None:
    """Return include patterns for ``paths`` and all links on their way; None where that is everything.

    A path may have wildcards in its last part or, where those match links, further up. Raises OSError.
    """
    resolver = _Resolver(root)
    for path in paths:
        resolver.add(path, 0)
    return without_covered(sorted(resolver.found))


def without_covered(paths: Sequence[str]) -> tuple[str, ...] | None:
    """Leave out each path below the one before it; None where the root itself is among them."""
    kept: list[str] = []
    for path in paths:
        if path == ".":
            return None
        if not path.startswith((kept[-1] if kept else "") + "/"):
            kept.append(path)
    return tuple(kept)


class _Resolver:
    def __init__(self, root: Root) -> None:
        self.found: set[str] = set()
        self._root = root
        self._seen: set[tuple[str, str]] = set()

    def add(self, path: str, links: int) -> None:
        """Note a path, or the first link on its way and what that leads to."""
        current = ""
        rest = clean("./" + path)
        if rest == ".." or rest.startswith("../"):
            self.found.add(rest)  # it matches nothing, and must not be looked at
            return
        while rest:
            name, _, rest = rest.partition("/")
            current = posixpath.join(current, name)
            targets = self._targets(current)
            if not targets:
                continue
            self.found.add(current)
            if (current, rest) not in self._seen and links < _MOST_LINKS:
                self._seen.add((current, rest))
                for target in targets:
                    self.add(posixpath.join(target, rest), links + 1)
            return
        self.found.add(current)

    def _targets(self, path: str) -> list[str]:
        """Return where a link leads to, or the links that match where the last part has wildcards."""
        parent, name = posixpath.split(path)
        if not has_wildcard(name):
            return self._target(path)
        try:
            expression = re.compile(glob_to_regexp(name))
            names = sorted(map(os.fsencode, os.listdir(self._root.directory(_bytes(parent)))))
        except (ValueError, FileNotFoundError, NotADirectoryError):
            return []
        texts = (_text(entry) for entry in names)
        return [
            target
            for text in texts
            if expression.fullmatch(text)
            for target in self._target(posixpath.join(parent, text))
        ]

    def _target(self, path: str) -> list[str]:
        try:
            parent, name = os.path.split(_bytes(path))
            target = _text(os.readlink(name, dir_fd=self._root.directory(parent)))
        except (ValueError, FileNotFoundError, NotADirectoryError):
            return []  # it isn't there, or can't be a file's name at all
        except OSError as exc:
            if exc.errno == errno.EINVAL:  # it exists and is no link
                return []
            exc.filename = self._root.full(_bytes(path))
            raise
        return [clean(posixpath.join("/", posixpath.dirname(path), target))]


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
