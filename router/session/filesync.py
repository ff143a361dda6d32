"""moby.filesync.v1.FileSync: gives the daemon the directories that this build names."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from router.fstransfer.manner import Manner
from router.rpc.grpc import Status
from router.session.server import CallMetadata, CallRefused, StreamHandler, StreamMethod

if TYPE_CHECKING:
    from router.fstransfer.sender import Sender

__all__ = ["filesync", "prepare", "wants_everything"]


def prepare() -> None:
    """Load the modules for a transfer; call it while the daemon is busy too."""
    import router.fstransfer.sender  # noqa: F401


def filesync(
    directories: Mapping[str, str], manner: Callable[[str], Manner] | None = None
) -> dict[str, StreamMethod]:
    """Return the methods of the service; ``directories`` go by the names that the frontend knows.

    ``manner`` is called with the name when a transfer begins; without it files are described unchanged.
    """

    def diff_copy(metadata: CallMetadata) -> StreamHandler:
        name = "".join(_values(metadata, "dir-name")[:1])
        if name not in directories:
            raise CallRefused(Status.NOT_FOUND, f'no access allowed to dir "{name}"')
        return _sender(directories[name], metadata, manner(name) if manner else Manner())

    return {"/moby.filesync.v1.FileSync/DiffCopy": diff_copy}


def wants_everything(metadata: CallMetadata) -> bool:
    """Say whether a call asks for a whole directory, apart from exclusions. Then it comes from a build step:
    a frontend reads files by their names."""
    return not any(_values(metadata, name) for name in ("include-patterns", "followpaths"))


def _sender(directory: str, metadata: CallMetadata, manner: Manner) -> Sender:
    from router.fstransfer.sender import Filter, Sender

    wanted = Filter(
        include=_values(metadata, "include-patterns"),
        exclude=_values(metadata, "exclude-patterns"),
        follow_paths=_values(metadata, "followpaths"),
    )
    return Sender(os.fsencode(directory), filter=wanted, manner=manner)


def _values(metadata: CallMetadata, name: str) -> tuple[str, ...]:
    values = metadata.get(name, ())
    # Headers are ASCII: the daemon escapes the values if one of them isn't, and sets a flag.
    if metadata.get(f"{name}-encoded", ["0"])[0] in {"1", "true"}:
        from urllib.parse import unquote_plus

        return tuple(unquote_plus(value, errors="surrogateescape") for value in values)
    return tuple(values)
