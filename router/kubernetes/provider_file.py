"""An auth-provider where it stands: read again from its kubeconfig, and written back there.

The file is whole at any time, and one process of ours at a time renews what is in it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import yaml

from router.files import create_aside
from router.kubernetes.auth_provider import AuthProvider
from router.kubernetes.config_file import FileMapping, entries, mapping, read_kubeconfig, string, unreadable
from router.model.frozen import replace
from router.net.deadline import Deadline
from router.once import OneTimeFiles

__all__ = ["can_keep", "keep", "locked", "stored"]

_POLL = 0.05


def stored(provider: AuthProvider) -> AuthProvider:
    """Return what the kubeconfig has by now, or what was read before where it can be read once only."""
    if not os.path.isfile(provider.path):
        return provider
    try:
        content = read_kubeconfig(provider.path, OneTimeFiles())
    except OSError as exc:
        raise unreadable(provider.path, exc) from exc
    for entry in entries(content, "users"):
        if string(entry, "name") == provider.user:
            config = _config(entry)
            return replace(provider, config=tuple(sorted((name, string(config, name)) for name in config)))
    return provider


def can_keep(path: str) -> bool:
    """Say whether the kubeconfig can be replaced by one that is the same file to everybody."""
    path = os.path.realpath(path)
    if not os.path.isfile(path) or os.path.ismount(path):
        return False
    ours = os.geteuid() in {0, os.stat(path).st_uid}
    return ours and os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK)


def keep(provider: AuthProvider, changed: Mapping[str, str]) -> None:
    """Write new values into the kubeconfig; comments go, as with kubectl. Raises OSError."""
    path = os.path.realpath(provider.path)
    content = dict(read_kubeconfig(path, OneTimeFiles()))
    for entry in entries(content, "users"):
        if string(entry, "name") == provider.user:
            entry["user"]["auth-provider"]["config"] = {**_config(entry), **changed}
    found = os.stat(path)
    descriptor, aside = create_aside(os.path.dirname(path), 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            mode = stat.S_IMODE(found.st_mode)
            try:
                os.fchown(descriptor, found.st_uid, found.st_gid)
            except PermissionError:  # a group that we aren't in: what it could read, ours must not
                mode &= ~0o070
            os.fchmod(descriptor, mode)
            yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True)
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


@contextmanager
def locked(path: str, deadline: Deadline) -> Iterator[None]:
    """Keep other processes of ours from renewing what is in a kubeconfig. Raises TimeoutError.

    What is locked is its directory: a lock on the file would go when the file is replaced.
    """
    try:
        descriptor = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # a file that can't be kept, so there is nothing to lose
        yield
        return
    try:
        while not _try_lock(descriptor):
            deadline.remaining()
            time.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _config(entry: FileMapping) -> FileMapping:
    return mapping(mapping(mapping(entry, "user"), "auth-provider"), "config")
