"""Paths in the git repository that a definition comes from, as URLs that the daemon clones."""

from __future__ import annotations

import posixpath
import re

from router.bake.go_names import clean_path
from router.notation.git import parse_git_context

__all__ = ["within_remote"]


def within_remote(url: str, path: str) -> str:
    """Return the URL of a directory by its path from the one that ``url`` names.

    Where the URL has its directory in the query, it is changed there, else in the fragment.
    """
    path = clean_path(path)
    git = parse_git_context(url)
    if path == "." or git is None:
        return url
    path = posixpath.normpath(posixpath.join(git.subdir, path))
    base, hash_sign, fragment = url.partition("#")
    if not hash_sign and re.search(r"[?&]subdir=", base):
        return re.sub(r"([?&]subdir=)[^&]*", lambda match: f"{match[1]}{path}", base)
    return f"{base}#{fragment.partition(':')[0]}:{path}"
