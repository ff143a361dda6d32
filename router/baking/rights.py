"""What the targets of a definition may do to this machine, and what they would do: ``bake --allow``.

A definition may be anybody's, and it names the files that are read and written, where ``build`` takes them
from a command line. So what leads out of the working directory has to be allowed, and so do rights at the
daemon. buildx's rules; two things are stricter: rights are asked for whatever the display is, and each target
counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from router.baking.requests import BakeBuild, is_remote
from router.flags.build_context import context_kind
from router.flags.entitlement import LOCAL_DELETE
from router.flags.output import STDOUT
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest
from router.notation.csv import parse_fields
from router.notation.flag import Flag
from router.notation.git import parse_git_context

__all__ = ["BakeRights", "MissingRight", "missing_rights", "parse_bake_rights", "with_rights"]

_FLAG = Flag(name="--allow", example="fs.read=../shared")
_PLAIN = ("network.host", "security.insecure", "ssh", LOCAL_DELETE)
_OF_IMAGES = ("image", "image.push", "image.load")
"""Known to buildx, which asks for none of them."""
_ANY = "*"
_FILES = {"read": "fs.read", "write": "fs.write", "read and write": "fs"}
_TOLD = {
    "network.host": "run steps in the network of the daemon's host",
    "security.insecure": "run steps with all privileges on the daemon's host",
}


@frozen
class BakeRights:
    """What is allowed. ``plain`` are rights by their names, ``devices`` names (``*``: all of them); below the
    paths in ``read`` and ``write`` files may be read and written, ``*`` is everywhere."""

    plain: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@frozen
class MissingRight:
    """Something that is asked for and not allowed: ``allow`` is what --allow would be given for it.

    ``of_files``: it is about files and agents of this machine, which BUILDX_BAKE_ENTITLEMENTS_FS can leave
    unasked.
    """

    allow: str
    what: str
    of_files: bool = False


def parse_bake_rights(texts: Iterable[str]) -> BakeRights:
    """Read the values of ``--allow``; the working directory is allowed anyway. Raises ``UsageError``."""
    plain: set[str] = set()
    devices: set[str] = set()
    read, write = [os.getcwd()], [os.getcwd()]
    for text in filter(None, texts):
        name, equals, value = text.partition("=")
        if text in _PLAIN:
            plain.add(text)
        elif name == "device":
            devices.add(parse_fields(value, _FLAG)[0] if value else _ANY)
        elif name in {"fs", "fs.read", "fs.write"} and equals and value:
            read += [value] if name != "fs.write" else []
            write += [value] if name != "fs.read" else []
        elif name not in _OF_IMAGES:
            known = ", ".join((*_PLAIN, "device", "fs", "fs.read=PATH", "fs.write=PATH"))
            raise _FLAG.error(text, f"it is not one of {known}")
    return BakeRights(
        plain=frozenset(plain), devices=frozenset(devices), read=tuple(read), write=tuple(write)
    )


def missing_rights(builds: Sequence[BakeBuild], allowed: BakeRights) -> tuple[MissingRight, ...]:
    """Return what the builds ask for and is not allowed, each once."""
    requests = [build.request for build in builds]
    missing = [right for request in requests for right in _plain(request, allowed)]
    reads = _outside((path for each in requests for path in _read(each)), allowed.read)
    writes = _outside((path for each in requests for path in _written(each)), allowed.write)
    for path in sorted({*reads, *writes}):
        way = "read and write" if path in reads and path in writes else "read" if path in reads else "write"
        missing.append(
            MissingRight(allow=f"{_FILES[way]}={_shown(path)}", what=f"{way} {_shown(path)}", of_files=True)
        )
    return tuple(dict.fromkeys(missing))


def with_rights(builds: Iterable[BakeBuild], allowed: BakeRights) -> tuple[BakeBuild, ...]:
    """Return the builds with what is allowed on this machine, which the daemon isn't asked for."""
    if LOCAL_DELETE not in allowed.plain:
        return tuple(builds)
    return tuple(
        replace(build, request=replace(build.request, allow=(*build.request.allow, LOCAL_DELETE)))
        for build in builds
    )


def _plain(request: BuildRequest, allowed: BakeRights) -> Iterator[MissingRight]:
    for right in request.allow:
        name, _, value = right.partition("=")
        if name == "device":
            device = parse_fields(value, _FLAG)[0] if value else _ANY
            if not allowed.devices & {device, _ANY}:
                told = "use devices of the daemon" if device == _ANY else f"use the daemon's device {device}"
                yield MissingRight(allow=name if device == _ANY else f"device={device}", what=told)
        elif right not in allowed.plain and right in _TOLD:
            yield MissingRight(allow=right, what=_TOLD[right])
    mirrors = (
        each for each in request.outputs if each.type == "local" and each.attrs.get("mode") == "delete"
    )
    if any(mirrors) and LOCAL_DELETE not in allowed.plain:
        yield MissingRight(allow=LOCAL_DELETE, what="delete what else is in the directories of local outputs")
    if _uses_agent(request) and "ssh" not in allowed.plain:
        yield MissingRight(allow="ssh", what="use your SSH agent", of_files=True)


def _uses_agent(request: BuildRequest) -> bool:
    context = parse_git_context(request.context)
    by_ssh = context is not None and context.by_ssh and not request.ssh
    return by_ssh or any(not agent.paths for agent in request.ssh)


def _read(request: BuildRequest) -> Iterator[str]:
    """Return the paths of what a build reads on this machine."""
    remote, dockerfile = is_remote(request.context), request.dockerfile or ""
    if not remote:
        yield request.context
    downloaded = dockerfile.startswith(("http://", "https://"))
    if dockerfile and not downloaded and (os.path.isabs(dockerfile) or not remote):
        yield dockerfile
    for value in request.build_contexts.values():
        if context_kind(value) == "directory":
            yield value
    for cache in request.cache_from:
        if cache.type == "local":
            yield cache.attrs.get("src", ".")
    for secret in request.secrets:
        yield secret.path or "."
    for agent in request.ssh:
        yield from agent.paths


def _written(request: BuildRequest) -> Iterator[str]:
    for output in request.outputs:
        if output.dest is not None and output.dest != STDOUT:
            yield output.dest
    for cache in request.cache_to:
        if cache.type == "local":
            yield cache.attrs.get("dest", ".")


def _outside(paths: Iterable[str], allowed: Sequence[str]) -> list[str]:
    """Return what of paths lies in no directory that is allowed; of one in another the outer."""
    if _ANY in allowed:
        return []
    inside = [os.path.realpath(each) for each in allowed]
    asked = sorted({_existing(path) for path in paths})
    found: list[str] = []
    for path in asked:
        if not any(_is_in(path, each) for each in (*inside, *found)):
            found.append(path)
    return found


def _existing(path: str) -> str:
    """Return the path without links, or its nearest directory that is there."""
    real = os.path.realpath(path)
    while not os.path.lexists(real):
        real = os.path.dirname(real)
    return real


def _is_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(os.path.join(directory, ""))


def _shown(path: str) -> str:
    """Return a path as it is best given: from the working directory, if that is at most one step up."""
    relative = os.path.relpath(path, os.path.realpath("."))
    return path if relative.startswith(os.path.join("..", "..")) else relative
