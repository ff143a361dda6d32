"""The content of files that options name and that the program reads itself.

The one way to it. A pipe that nobody writes to is waited for, and that is told; a signal, or the build's time
limit, ends the wait. Files that the library reads stand in its requests as paths.
"""

from __future__ import annotations

from collections.abc import Callable

from cli.render.output import say
from router import Cancellation, OneTimeFiles, UsageError, os_reason

__all__ = ["GivenFiles"]

# As much as a message to a daemon may have.
_MOST_MIB = 16


class GivenFiles:
    """Reads them, those that can be read once as well: a path has the same content each time.

    ``tell`` hears of what is waited for, until ``cancellation`` if there is one.
    """

    def __init__(self, cancellation: Cancellation | None = None, tell: Callable[[str], None] = say) -> None:
        self._cancellation = cancellation
        self._tell = tell
        self._files = OneTimeFiles()

    def content(self, path: str, name: str, hint: str) -> bytes:
        """Return the content of the file that the option ``name`` was given. Raises ``UsageError``."""
        try:
            self._files.take([path], self._cancellation, self._tell)
            data = self._files.read(path, _MOST_MIB << 20)
        except OSError as exc:
            raise UsageError(f"can't read {name} {path}: {os_reason(exc)}", hint=hint) from exc
        except ValueError as exc:
            raise UsageError(f"can't read {name} {path!r}: it has a null character", hint=hint) from exc
        if len(data) > _MOST_MIB << 20:
            raise UsageError(f"can't read {name} {path}: it is larger than {_MOST_MIB} MiB", hint=hint)
        return data

    def text(self, path: str, name: str, hint: str) -> str:
        """Return the content of a file of text. Raises as ``content`` does."""
        try:
            return self.content(path, name, hint).decode()
        except UnicodeDecodeError as exc:
            raise UsageError(f"can't read {name} {path}: it is not text in UTF-8", hint=hint) from exc
