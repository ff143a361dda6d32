"""What a build leaves behind for programs: --metadata-file, --iidfile, the digest on stdout."""

from __future__ import annotations

import base64
import binascii
import json
import os
import shlex
import tempfile

from router.errors import OutputError, UsageError
from router.model.result import BuildResult

__all__ = ["check_file", "metadata", "write_whole"]


def metadata(result: BuildResult) -> dict[str, object]:
    """Return the metadata as buildx writes it: values that hold JSON in base64 are unpacked."""
    unpacked: dict[str, object] = {key: _unpacked(value) for key, value in sorted(result.metadata.items())}
    # buildx writes builder/node/ref here; the daemon is our node.
    unpacked["buildx.build.ref"] = f"warmroute/{result.daemon}/{result.ref}"
    return unpacked


def _unpacked(value: str) -> object:
    try:
        decoded = json.loads(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return value
    return decoded if isinstance(decoded, dict) else value


def check_file(flag: str, path: str | None) -> None:
    """Refuse, before anything is built, a file that can't be written afterwards. Raises ``UsageError``."""
    if not path:
        return
    directory = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise UsageError(f"{flag} {path} is a directory", hint=f"name a file: {flag} {path}/FILE")
    if not os.path.isdir(directory):
        raise UsageError(
            f"{flag} {path}: there is no directory {directory}", hint=f"mkdir -p {shlex.quote(directory)}"
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UsageError(f"{flag} {path}: the directory {directory} can't be written to")


def write_whole(path: str, text: str) -> None:
    """Write a file that appears whole or not at all. Raises ``OutputError``."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".warmroute-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as exc:
        raise OutputError(f"can't write {path}: {exc.strerror}") from exc
