"""A readable name for a build of the history, by buildx's rule. Pure.

buildx also uses notes on its own machine about the builds that it started there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from router.model.record import BuildRecord
from router.redaction import without_passwords

__all__ = ["build_name"]


def build_name(record: BuildRecord) -> str:
    """Return the name that the build was given, else its sources: directory or URL, Dockerfile and target;
    else the repository, the image, or the balancing key. Empty if nothing is known. The passwords of URLs
    are masked."""
    return without_passwords(_name(record))


def _name(record: BuildRecord) -> str:
    attrs = record.attrs
    if chosen := attrs.get("build-arg:BUILDKIT_BUILD_NAME"):
        return chosen
    found = _context(attrs) or _from_dockerfile(attrs)
    if target := attrs.get("target"):
        found = f"{found} ({target})" if found else target
    # If none of these is known, the key is often a path, which is better than nothing.
    key = record.mark.key if record.mark else ""
    return found or attrs.get("vcs:source", "") or attrs.get("input:context", "") or _image(record) or key


def _context(attrs: Mapping[str, str]) -> str:
    if "context" in attrs:
        return attrs["context"]
    local = attrs.get("vcs:localdir:context", "")
    return "" if local == "." else local


def _from_dockerfile(attrs: Mapping[str, str]) -> str:
    """Return the last folder and name of a Dockerfile, if either differs from the default."""
    name = attrs.get("filename", "")
    if name == "Dockerfile":
        name = ""
    folder = attrs.get("vcs:localdir:dockerfile", "")
    path = posixpath.join("" if folder == "." else folder, name).removesuffix("/Dockerfile").rstrip("/")
    return "/".join(path.split("/")[-2:] if name else path.split("/")[-1:])


def _image(record: BuildRecord) -> str:
    return record.images[0] if record.images else ""
