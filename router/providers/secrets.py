"""Values of secrets, read from files and variables when the daemon asks for them.

What ``id=`` alone means was resolved when the option was parsed. Values pass through here and are never
shown or put into an error; only what can be read once is kept, by ``OneTimeFiles``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from router.errors import UsageError, os_reason
from router.model.request import Secret
from router.once import OneTimeFiles

__all__ = ["MAX_SECRET_SIZE", "SecretStore"]

# BuildKit's own limit; a larger answer would be refused by its clients and daemons alike.
MAX_SECRET_SIZE = 500 * 1024


class SecretStore:
    """The secrets named for one build, and no others. The last of two with one id counts, as in BuildKit."""

    def __init__(
        self, secrets: Sequence[Secret], environment: Mapping[str, str], files: OneTimeFiles | None = None
    ) -> None:
        self._secrets = {secret.id: secret for secret in secrets}
        self._environment = environment
        self._files = files or OneTimeFiles()

    def check(self) -> None:
        """Raise ``UsageError`` for the first secret that can't be read, before anything is built."""
        for secret in self._secrets.values():
            self._read(secret)

    def get(self, secret_id: str) -> bytes | None:
        """Return the value as it is now, None for an id that this build was not given.

        Raises ``UsageError`` when the file or variable has gone away or has grown too large.
        """
        secret = self._secrets.get(secret_id)
        return None if secret is None else self._read(secret)

    def _read(self, secret: Secret) -> bytes:
        if secret.path is not None:
            value = self._file(secret.id, secret.path)
        else:
            value = self._variable(secret.id, secret.env or secret.id)
        if len(value) > MAX_SECRET_SIZE:
            raise UsageError(
                f"secret {secret.id} is larger than {MAX_SECRET_SIZE // 1024} KiB",
                hint="BuildKit takes no larger secrets; copy such data in through a build context",
            )
        return value

    def _variable(self, secret_id: str, name: str) -> bytes:
        value = self._environment.get(name)
        if value is None:
            raise UsageError(
                f"secret {secret_id}: variable {name} is not set",
                hint=f"export {name}, or name a file: --secret id={secret_id},src=PATH",
            )
        return os.fsencode(value)

    def _file(self, secret_id: str, path: str) -> bytes:
        try:
            return self._files.read(path, MAX_SECRET_SIZE)
        except OSError as exc:
            raise UsageError(
                f"secret {secret_id}: can't read {path}: {os_reason(exc)}",
                hint=f"--secret id={secret_id},src=PATH takes a path relative to the working directory",
            ) from exc
