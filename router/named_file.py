"""Files that other files name: a kubeconfig its certificates, a docker context its metadata.

Nobody is asked about these before they are read, as about what an option names. So a read has bounds of its
own: what is larger is refused, and so is a pipe that nobody writes to.
"""

from __future__ import annotations

import errno

from router.once import MOST, OneTimeFiles

__all__ = ["read_named"]

# Seconds for all of what a pipe has.
_PATIENCE = 10.0


def read_named(path: str, files: OneTimeFiles | None = None) -> bytes:
    """Return the content of a file, at most 16 MiB; what can be read only once is kept in ``files``.

    Raises OSError, whose ``strerror`` says why, also for a pipe that has not ended after ten seconds.
    """
    try:
        content = (files or OneTimeFiles()).read(path, within=_PATIENCE)
    except ValueError as exc:
        raise OSError(errno.EINVAL, "its name has a null character") from exc
    if len(content) > MOST:
        raise OSError(errno.EFBIG, f"it is larger than {MOST >> 20} MiB")
    return content
