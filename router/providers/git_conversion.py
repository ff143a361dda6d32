"""Which files of a checkout are not what their blobs are, because git converts them on the way.

A filter, ``ident`` or an encoding can make anything of a blob: files with these are left out. Line endings
can only add bytes to a blob on its way out, and take them from a file on its way in: a file as large as its
blob is its blob, whatever the settings say or said, and the others are left out. So nothing depends on
settings that two machines may have differently, and ``* text=auto`` costs one look at the sizes of all blobs.
A file that is older than the attributes was perhaps converted by others: it is left out too.

Whether any of that is there is decided by words in git's settings and attributes, read too widely rather
than too narrowly. Only if one is found is git itself asked, once for all files. The settings of an untrusted
checkout can't make it run anything: these questions use no hooks, filters, pagers or aliases, fsmonitor is
switched off, and a blob that a partial clone doesn't have is not fetched, because every protocol is
forbidden. git's own check of who owns the checkout applies; a refusal is no answer.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from router.errors import ToolError
from router.model.frozen import frozen, replace
from router.program import Command
from router.providers.git_checkout import Checkout, Place, read_file, read_with_status
from router.providers.git_index import SHA1, SHA256, STAT, Index
from router.running import Watch, run

__all__ = ["Settings", "read_settings", "unconverted"]

_MAX_TEXT = 1 << 20
# It takes some 0.2 s on a large checkout; one whose settings include a named pipe holds it up for ever.
_DEADLINE = 3.0
_PREFIXES = (b"/etc", b"/usr/local/etc", b"/opt/homebrew/etc", b"/opt/local/etc")

# What a line of attributes sets, not what it unsets. Attributes follow a blank, or the quote of a pattern.
_FILTERS = re.compile(rb'[ \t\r"](?:filter|ident|working-tree-encoding)\b')
_LINE_ENDINGS = re.compile(rb'[ \t\r"](?:text|eol|crlf)\b')
# The names of settings are never written otherwise, but for the case; one in a comment does no harm.
_SETTINGS = re.compile(rb"autocrlf|attributesfile|include|extensions|worktree|\[\s*attr\b", re.IGNORECASE)
_FORMAT = re.compile(rb"repositoryformatversion[ \t]*=[ \t]*[01][ \t]*$", re.IGNORECASE | re.MULTILINE)
_ASKED = r"^(core\.(autocrlf|attributesfile|worktree|repositoryformatversion)|attr\..*|extensions\..*)$"
_HARMLESS_EXTENSIONS = frozenset(
    {
        b"extensions.noop",
        b"extensions.partialclone",
        b"extensions.preciousobjects",
        b"extensions.refstorage",
        b"extensions.relativeworktrees",
        b"extensions.worktreeconfig",
    }
)
_CONVERTING = ("filter", "ident", "working-tree-encoding")
_NEVER = b"\xff" * 8
_NOT_CONVERTING = frozenset({b"unspecified", b"unset"})


@frozen
class Settings:
    """What git's settings say: the width of object names, and what may convert files."""

    width: int = SHA1
    line_endings: bool = False
    more_attributes: bool = False


def read_settings(place: Place) -> Settings | None:
    """Return what the settings say, None if that can't be known, or is of a git newer than this."""
    checkout = place.checkout
    own = read_file(os.path.join(checkout.common_directory, b"config"), _MAX_TEXT)
    paths = [path for path in _settings_files(place.environment) if os.path.lexists(path)]
    texts = [own, *(read_file(path, _MAX_TEXT) for path in paths)]
    if own and _FORMAT.search(own) and not any(text is None or _SETTINGS.search(text) for text in texts):
        return Settings()
    answer = _Git(place).ask("config", "--null", "--get-regexp", _ASKED)
    if answer is None:
        return None
    return _settings([entry.partition(b"\n")[::2] for entry in answer.split(b"\0")[:-1]], checkout)


def unconverted(index: Index, settings: Settings, place: Place) -> Index:
    """Return the index with only those files of ``place`` that are their blobs if they are clean.

    Their paths are then relative to it, those of submodules too.
    """
    prefix, files, submodules = place.prefix, index.files, index.submodules
    if prefix:
        files = {path: at for path, at in files.items() if path.startswith(prefix)}
        submodules = frozenset(path[len(prefix) :] for path in submodules if path.startswith(prefix))
    texts, since = _attributes(index, files, place)
    if any(since.values()):
        data = index.data
        files = {p: at for p, at in files.items() if data[at : at + 8] >= since[p.rpartition(b"/")[0]]}
    git = _Git(place)
    if settings.more_attributes or any(map(_FILTERS.search, texts)):
        files = _without_filters(files, git)
    if settings.more_attributes or settings.line_endings or any(map(_LINE_ENDINGS.search, texts)):
        files = _of_equal_size(files, index, git)
    if prefix:
        files = {path[len(prefix) :]: at for path, at in files.items()}
    return replace(index, files=files, submodules=submodules)


def _settings_files(environment: Mapping[str, str]) -> Iterator[bytes]:
    given = [environment.get("GIT_CONFIG_GLOBAL"), environment.get("GIT_CONFIG_SYSTEM")]
    yield from (os.fsencode(path) for path in given if path and path != os.devnull)
    home = environment.get("HOME")
    if home:
        yield os.path.join(os.fsencode(home), b".gitconfig")
    yield from (os.path.join(directory, b"config") for directory in _user_directories(environment))
    yield from (os.path.join(directory, b"gitconfig") for directory in _PREFIXES)


def _user_directories(environment: Mapping[str, str]) -> Iterator[bytes]:
    if environment.get("XDG_CONFIG_HOME"):
        yield os.path.join(os.fsencode(environment["XDG_CONFIG_HOME"]), b"git")
    if environment.get("HOME"):
        yield os.path.join(os.fsencode(environment["HOME"]), b".config/git")


def _settings(pairs: Iterable[tuple[bytes, bytes]], checkout: Checkout) -> Settings | None:
    width, endings, more = SHA1, False, False
    understood = False
    for name, value in pairs:
        match name:
            case b"core.repositoryformatversion":
                understood = value in (b"0", b"1")
            case b"core.worktree":
                # A submodule's names its own working tree; any other is not the one that was looked at.
                named = os.path.join(checkout.git_directory, value)
                if os.path.realpath(named) != os.path.realpath(checkout.top):
                    return None
            case b"core.autocrlf":
                endings = endings or value.lower() not in (b"false", b"no", b"off", b"0")
            case b"extensions.objectformat":
                width = SHA256 if value == b"sha256" else SHA1
            case b"core.attributesfile" | b"attr.tree":
                more = True
            case _ if name.startswith(b"extensions.") and name not in _HARMLESS_EXTENSIONS:
                return None
    return Settings(width=width, line_endings=endings, more_attributes=more) if understood else None


def _attributes(
    index: Index, files: Iterable[bytes], place: Place
) -> tuple[list[bytes], Mapping[bytes, bytes]]:
    """Return every text of attributes that may speak of these files, and since when they hold in a directory.

    A file that is older was perhaps converted as others said. ``_NEVER`` is for attributes that can't be
    read, and for those that git has and the checkout doesn't. Moments are written as those of entries.
    """
    elsewhere = [found for path in _attributes_elsewhere(place) if (found := _changed(path))]
    texts = [text for text, _ in elsewhere]
    outside = max((moment for _, moment in elsewhere), default=b"")
    since: dict[bytes, bytes] = {}
    for directory in sorted(_directories(files)):
        path = directory + b"/.gitattributes" if directory else b".gitattributes"
        since[directory] = since[directory.rpartition(b"/")[0]] if directory else outside
        found = _changed(os.path.join(place.checkout.top, path))
        if found:
            texts.append(found[0])
            since[directory] = max(since[directory], found[1])
        elif path in index.files or path in index.others:
            since[directory] = _NEVER
    return texts, since


def _changed(path: bytes) -> tuple[bytes, bytes] | None:
    """Return a text and when it changed, None where there is none."""
    found = read_with_status(path, _MAX_TEXT)
    if found is None:
        return (b"", _NEVER) if os.path.lexists(path) else None
    return found[0], struct.pack(">II", *divmod(found[1].st_ctime_ns, 1_000_000_000))


def _attributes_elsewhere(place: Place) -> Iterator[bytes]:
    checkout = place.checkout
    for directory in {checkout.common_directory, checkout.git_directory}:
        yield os.path.join(directory, b"info/attributes")
    yield from (os.path.join(directory, b"attributes") for directory in _user_directories(place.environment))
    yield from (os.path.join(directory, b"gitattributes") for directory in _PREFIXES)


def _directories(files: Iterable[bytes]) -> set[bytes]:
    """Return the directories that the files are in, and those around them, the top as an empty path."""
    found = {path.rpartition(b"/")[0] for path in files}
    for directory in list(found):
        parent = directory
        while parent and (parent := parent.rpartition(b"/")[0]) not in found:
            found.add(parent)
    return found


def _without_filters(files: Mapping[bytes, int], git: _Git) -> Mapping[bytes, int]:
    paths = b"".join(path + b"\0" for path in files)
    answer = git.ask("check-attr", "--stdin", "-z", *_CONVERTING, stdin=paths)
    if answer is None:
        return {}
    # Three fields for each attribute of each path: the path, the attribute's name, its value.
    fields = answer.split(b"\0")
    values = zip(fields[0:-1:9], fields[2::9], fields[5::9], fields[8::9], strict=True)
    kept = {path for path, *found in values if _NOT_CONVERTING.issuperset(found)}
    return {path: at for path, at in files.items() if path in kept}


def _of_equal_size(files: Mapping[bytes, int], index: Index, git: _Git) -> Mapping[bytes, int]:
    data, end = index.data, STAT + index.width
    names = b"".join(b"%b\n" % data[at + STAT : at + end].hex().encode() for at in files.values())
    answer = git.ask("cat-file", "--batch-check=%(objectsize)", "--buffer", stdin=names)
    sizes = answer.split(b"\n")[:-1] if answer is not None else []
    if len(sizes) != len(files):
        return {}
    # The file's size is the last number before the blob's name. A blob that is missing has no size.
    return {
        path: at
        for (path, at), size in zip(files.items(), sizes, strict=True)
        if size == b"%d" % int.from_bytes(data[at + STAT - 4 : at + STAT])
    }


class _Git:
    """git, to be asked about a checkout without changing it or running what it names."""

    def __init__(self, place: Place) -> None:
        self._top = os.fsdecode(place.checkout.top)
        environment = place.environment
        # What else is named so may lead git to another repository than the one that was read.
        kept = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
        self._environment = {
            **{name: value for name, value in environment.items() if name in kept or name[:4] != "GIT_"},
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
        }

    def ask(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """Return what git prints, None where it is missing, refuses or fails."""
        argv = ("git", "-C", self._top, "-c", "core.fsmonitor=false", *arguments)
        command = Command(argv=argv, environment=self._environment, stdin=stdin)
        with suppress(ToolError):
            ended = run(command, Watch(deadline=_DEADLINE))
            if ended.returncode == 0:
                return ended.stdout
        return None
