"""Follow the links on the way to the paths that a build needs: BuildKit's ``followpaths``.

``COPY app /app`` makes the daemon ask for ``app``; if that is a link, its target has to come along. Links are
resolved as if the directory were the root of the file system, so nothing outside of it is looked at.
"""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Sequence

from router.errors import UsageError
from router.fstransfer.beneath import Root
from router.fstransfer.pattern_text import clean, has_wildcard
from router.notation.quoting import quoted

__all__ = ["follow_links", "without_covered"]

# As many as the kernel follows: a link to a path below itself would never end.
_MOST_LINKS = 40
# The limit for each path and link in total: links that lead to each other by wildcards double at each step.
_MOST_STEPS = 1000
_MOST_STEPS_EACH = 10


def follow_links(root: Root, paths: Sequence[str]) -> tuple[str, ...] | None:
    """Return include patterns for ``paths`` and all links on their way; None if everything is included.

    A path may have wildcards in its last part or, where those match links, further up. Raises OSError, and
    UsageError if links lead to too many others.
    """
    resolver = _Resolver(root)
    for path in paths:
        resolver.start(path)
    return without_covered(sorted(resolver.found))


def without_covered(paths: Sequence[str]) -> tuple[str, ...] | None:
    """Leave out each path below the one before it; None if the root itself is among them."""
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
        self._links: set[str] = set()
        self._paths = 0

    def start(self, path: str) -> None:
        """Note a path that was asked for."""
        self._paths += 1
        self.add(path, 0)

    def add(self, path: str, links: int) -> None:
        """Note a path, or the first link on its way and the target of that link."""
        current = ""
        rest = clean("./" + path)
        if rest == ".." or rest.startswith("../"):
            self.found.add(rest)  # it matches nothing, and must not be resolved
            return
        while rest:
            name, _, rest = rest.partition("/")
            current = posixpath.join(current, name)
            targets = self._targets(current)
            if targets is None:
                current = posixpath.normpath(posixpath.join(current, rest))  # nothing to resolve
                break
            if not targets:
                continue
            self.found.add(current)
            if (current, rest) not in self._seen and links < _MOST_LINKS:
                self._seen.add((current, rest))
                if len(self._seen) > _MOST_STEPS + _MOST_STEPS_EACH * (self._paths + len(self._links)):
                    raise UsageError(
                        f"too many links on the way to {quoted(current)}",
                        hint="in the Dockerfile, name the file that the links lead to",
                        reason="context",
                    )
                for target in targets:
                    self.add(posixpath.join(target, rest), links + 1)
            return
        self.found.add(current)

    def _targets(self, path: str) -> list[str] | None:
        """Return the target of a link, or the links that match if the last part has wildcards.

        None if there is no such file or link.
        """
        parent, name = posixpath.split(path)
        if not has_wildcard(name):
            return self._target(path)
        from router.fstransfer.globs import parse_glob
        from router.fstransfer.matching import Matcher

        try:
            glob = Matcher([[parse_glob(name)]])
            names = sorted(map(os.fsencode, os.listdir(self._root.directory(_bytes(parent)))))
        except (ValueError, FileNotFoundError, NotADirectoryError):
            return None
        texts = (_text(entry) for entry in names)
        return [
            target
            for text in texts
            if glob.matches(text)
            for target in self._target(posixpath.join(parent, text)) or ()
        ]

    def _target(self, path: str) -> list[str] | None:
        try:
            parent, name = os.path.split(_bytes(path))
            target = _text(os.readlink(name, dir_fd=self._root.directory(parent)))
        except (ValueError, FileNotFoundError, NotADirectoryError):
            return None  # it isn't there, or can't be a file's name at all
        except OSError as exc:
            if exc.errno == errno.EINVAL:  # it exists and is no link
                return []
            exc.filename = self._root.full(_bytes(path))
            raise
        self._links.add(path)
        return [clean(posixpath.join("/", posixpath.dirname(path), target))]


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
