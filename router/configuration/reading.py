"""The bytes of a configuration file, which may be anybody's."""

from __future__ import annotations

import os
from stat import S_ISREG

from router.errors import UsageError, os_reason

__all__ = ["read_config_file"]

_MOST = 64 * 1024


def read_config_file(path: str) -> bytes:
    """Return a configuration file's bytes. Raises ``UsageError`` where it can't be read, or is too long."""
    try:
        # A pipe in a checkout would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{path} is not a file")
            data = file.read(_MOST + 1)
    except OSError as exc:
        why = os_reason(exc)
        raise UsageError(f"can't read {path}: {why}", hint=f"ls -l {path}") from exc
    if len(data) > _MOST:
        raise UsageError(f"{path} is larger than {_MOST // 1024} KiB", hint="shorten it")
    return data
