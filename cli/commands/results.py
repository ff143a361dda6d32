"""What a build leaves behind for programs: --metadata-file and --iidfile."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable

from router.files import FileSink, check_file
from router.model.result import BuildResult

__all__ = ["ResultFile", "image_id", "metadata", "reference"]


def metadata(result: BuildResult) -> str:
    """Return the metadata as buildx writes it: values that hold JSON in base64 are unpacked."""
    unpacked: dict[str, object] = {key: _unpacked(value) for key, value in sorted(result.metadata.items())}
    # buildx writes builder/node/ref here; the daemon is our node.
    unpacked["buildx.build.ref"] = f"warmroute/{result.daemon}/{result.ref}"
    return json.dumps(unpacked, indent=2) + "\n"


def image_id(result: BuildResult) -> str:
    """Return the image's id, as buildx writes it: without a line end."""
    return result.image_id


def reference(result: BuildResult) -> str:
    """Return the build's reference on its daemon, as buildctl writes it: without a line end."""
    return result.ref


def _unpacked(value: str) -> object:
    try:
        decoded = json.loads(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return value
    return decoded if isinstance(decoded, dict) else value


class ResultFile:
    """A file that a build is to leave behind. Raises ``UsageError``, before the build, if it can't."""

    def __init__(self, flag: str, path: str, text: Callable[[BuildResult], str]) -> None:
        check_file(path, flag)
        self._path = path
        self._text = text

    def write(self, result: BuildResult) -> None:
        """Write what came of the build. Raises ``OutputError``."""
        sink = FileSink(self._path)
        try:
            sink.write(memoryview(self._text(result).encode()))
            sink.commit()
        finally:
            sink.abort()
