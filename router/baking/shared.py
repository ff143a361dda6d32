"""Which directories the targets of a definition have in common, and select the same files of.

Which files a build reads of a directory its Dockerfile says. A daemon keeps one copy for each session's key:
for another selection it would throw files away and ask for them again, so only targets share that have the
same Dockerfile and stage, and the same arguments where sources are named by them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from router.backends.sharing import Share
from router.baking.requests import BakeBuild, is_remote
from router.flags.build_context import context_kind
from router.hashes import sha256
from router.model.request import BuildRequest
from router.named_file import read_named

__all__ = ["shared_directories"]

# An instruction that may name files of a context by a variable, lines that are continued included.
_BY_VARIABLE = rb"(?im)^[ \t]*(?:COPY|ADD|RUN[ \t]+--mount)\b(?:[^\n]*\\\n)*[^\n]*\$"


def shared_directories(builds: Iterable[BakeBuild]) -> Mapping[str, frozenset[Share]]:
    """Return the directories that several builds read in the same way, by the names of the builds."""
    shares = {build.name: frozenset(_shares(build.request)) for build in builds}
    counts = Counter(share for each in shares.values() for share in each)
    return {name: frozenset(share for share in each if counts[share] > 1) for name, each in shares.items()}


def _shares(request: BuildRequest) -> Iterator[Share]:
    selection = _selection(request)
    if not selection:
        return
    for name, path in _read(request):
        yield Share(name=name, path=os.path.realpath(path), selection=selection)


def _read(request: BuildRequest) -> Iterator[tuple[str, str]]:
    if not is_remote(request.context):
        yield "context", request.context
        if request.dockerfile is not None:
            yield "dockerfile", os.path.dirname(request.dockerfile) or "."
    for name, value in request.build_contexts.items():
        if context_kind(value) == "directory":
            # Names that the frontend has for itself are other names at the daemon; those are not shared.
            yield name, value


def _selection(request: BuildRequest) -> str:
    """Return what decides on the files that are read, as a word; empty where it isn't known."""
    text = request.dockerfile_text
    if text is None:
        try:
            text = read_named(request.dockerfile or os.path.join(request.context, "Dockerfile"))
        except OSError:
            return ""  # a URL, or missing: the build says so
    decides = [request.target, *sorted(request.build_contexts), *request.platforms]
    if re.search(_BY_VARIABLE, text):
        decides += [f"{name}={value}" for name, value in sorted(request.build_args.items())]
    parts = [text, *(each.encode("utf-8", "surrogateescape") for each in decides)]
    return sha256(b"\0".join(parts)).hexdigest()[:16]
