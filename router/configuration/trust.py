"""Which projects' files count: those that the user has read and trusted, byte for byte.

A file comes with a checkout, and what it says decides who gets the files and the logins of a build. So it
counts only while its path and its digest stand in ``$XDG_STATE_HOME/warmroute/trusted``; one that changed has
to be trusted again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256

from router.config import home_directory
from router.errors import OutputError, UsageError, os_reason
from router.files import create_aside, make_private
from router.named_file import read_named

__all__ = ["is_trusted", "set_trust"]


def is_trusted(path: str, data: bytes, environment: Mapping[str, str]) -> bool:
    """Say whether the user trusts a file with this content at this place."""
    return _line(path, data) in _lines(_store(environment))


def set_trust(path: str, data: bytes | None, environment: Mapping[str, str]) -> None:
    """Trust a file with this content, with None no longer. Raises ``UsageError``, ``OutputError``."""
    store = _store(environment)
    if not store:
        raise UsageError("no place to remember whom you trust: this user has no home", hint="set HOME")
    kept = [line for line in _lines(store) if not line.endswith(_place(path))]
    text = "".join(f"{line}\n" for line in [*kept, *([] if data is None else [_line(path, data)])])
    try:
        make_private(os.path.dirname(store))
        descriptor, aside = create_aside(os.path.dirname(store), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        os.replace(aside, store)
    except OSError as exc:
        raise OutputError(
            f"can't write {store}: {os_reason(exc)}",
            hint="check permissions and free space",
        ) from exc


def _store(environment: Mapping[str, str]) -> str:
    base = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        home = home_directory(environment)
        base = os.path.join(home, ".local", "state") if home else ""
    return os.path.join(base, "warmroute", "trusted") if base else ""


def _lines(store: str) -> list[str]:
    try:
        return read_named(store).decode(errors="replace").splitlines()
    except OSError:
        return []


def _line(path: str, data: bytes) -> str:
    return sha256(data).hexdigest() + _place(path)


def _place(path: str) -> str:
    return f"  {json.dumps(os.path.realpath(path))}"  # one line, whatever a directory is called
