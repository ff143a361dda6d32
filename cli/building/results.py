"""What a build leaves behind for programs: --metadata-file and --iidfile."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Generic, TypeVar

from router import (
    BuildResult,
    ColdError,
    FileSink,
    Miss,
    OutputError,
    check_file,
    os_reason,
    read_json,
    without_passwords,
)

__all__ = [
    "ResultFile",
    "append_metrics",
    "image_id",
    "metadata",
    "metadata_fields",
    "reference",
    "require_warm",
]


def metadata(result: BuildResult) -> str:
    """Return the metadata as buildx writes it."""
    return json.dumps(metadata_fields(result), indent=2) + "\n"


def metadata_fields(result: BuildResult) -> dict[str, object]:
    """Return what the metadata holds, by name; values that hold JSON in base64 are unpacked."""
    unpacked: dict[str, object] = {key: _unpacked(key, value) for key, value in result.metadata.items()}
    if "result.json" not in unpacked and result.ref:
        # buildx writes builder/node/ref here; the daemon is our node. A question to the frontend leaves none.
        unpacked["buildx.build.ref"] = f"warmroute/{_node(result.daemon)}/{result.ref}"
        unpacked["warmroute.build"] = _whereabouts(result)
    return dict(sorted(unpacked.items()))


def image_id(result: BuildResult) -> str:
    """Return the image's id, as buildx writes it: without a line end."""
    return result.image_id


def reference(result: BuildResult) -> str:
    """Return the build's reference on its daemon, as buildctl writes it: without a line end."""
    return result.ref


def _whereabouts(result: BuildResult) -> dict[str, object]:
    """Return where the build was and why, and how warm that daemon was for it."""
    return {
        "daemon": result.daemon,
        "place": result.place.number,
        "home": result.place.home,
        "reason": result.place.reason,
        "key": without_passwords(result.key),
        "rule": result.rule,
        "steps": result.steps,
        "cached": result.cached,
        "miss": None if result.miss is None else _miss(result.miss),
        "sent": result.sent,
        "seconds": round(result.seconds, 3),
        "waited": round(result.waited, 3),
    }


def _miss(miss: Miss) -> dict[str, str]:
    moved = {"movedFrom": miss.moved_from, "fleet": miss.fleet} if miss.moved_from else {}
    return {"step": miss.step, "reason": miss.reason, **moved}


def append_metrics(path: str, result: BuildResult) -> None:
    """Append a line of JSON: the same as in the metadata, with the build's reference. Raises ``OutputError``.

    One write, so that the lines of builds that end at the same moment don't mix.
    """
    line = json.dumps({"ref": result.ref, **_whereabouts(result)}) + "\n"
    try:
        with open(path, "ab", buffering=0) as file:
            file.write(line.encode())
    except OSError as exc:
        raise OutputError(f"can't write to {path} (--metrics-file): {os_reason(exc)}") from exc


def require_warm(result: BuildResult, percent: float) -> None:
    """Raise ``ColdError`` where less of a build came from the cache."""
    share = 100 * result.cached / result.steps if result.steps else 100.0
    if share < percent:
        missed = f"; the first that was not: {result.miss.step}" if result.miss is not None else ""
        raise ColdError(
            f"{result.cached} of {result.steps} steps were cached on {result.daemon}, {share:.0f} %,"
            f" and --require-warm wants {percent:g} %{missed}",
            hint="the build itself succeeded",
        )


def _node(daemon: str) -> str:
    """Return a daemon's name as that of a node: whoever reads the reference splits it at its slashes, and an
    address has some."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", daemon).strip("-") or "daemon"


def _unpacked(name: str, value: str) -> object:
    """Return an object, or a list of them, where that is what the value holds."""
    try:
        # What a frontend answers to a question is JSON as it stands.
        decoded = read_json(value if name == "result.json" else base64.b64decode(value, validate=True))
    except ValueError:  # of either
        return value
    objects = decoded if isinstance(decoded, list) else [decoded]
    return decoded if objects and all(isinstance(each, dict) and each for each in objects) else value


_T = TypeVar("_T")


class ResultFile(Generic[_T]):
    """A file that a build is to leave behind. Raises ``UsageError``, before the build, if it can't."""

    def __init__(self, flag: str, path: str, text: Callable[[_T], str]) -> None:
        check_file(path, flag)
        self._path = path
        self._text = text

    def write(self, result: _T) -> None:
        """Write what came of the build. Raises ``OutputError``."""
        sink = FileSink(self._path)
        try:
            sink.write(memoryview(self._text(result).encode("utf-8", "replace")))
            sink.commit()
        finally:
            sink.abort()
