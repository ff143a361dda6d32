"""What ``--metadata-file`` holds beside the exporter's answer: provenance and warnings, as in buildx.

BUILDX_METADATA_PROVENANCE is ``min`` (what it is where it is not set), ``max``, or ``disabled``;
BUILDX_METADATA_WARNINGS a truth value.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import router as library
from cli.render.rawjson import encode_warnings
from cli.render.warnings import Shortener
from router import (
    MOST_WARNINGS,
    BuildResult,
    Event,
    Notice,
    RouterError,
    SolveStatus,
    VertexWarning,
    parse_bool,
    replace,
)

if TYPE_CHECKING:
    from router import DialOptions

__all__ = ["MetadataDetails"]


class MetadataDetails:
    """Hears a build's warnings, and asks for its provenance when it is done."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._mode = _mode(environment.get("BUILDX_METADATA_PROVENANCE", ""))
        self._wants_warnings = bool(parse_bool(environment.get("BUILDX_METADATA_WARNINGS", "")))
        self._warnings: list[VertexWarning] = []

    def hearing(self, on_event: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return what hears of the progress: we do, then ``on_event``."""

        if not self._wants_warnings:
            return on_event
        shortened = Shortener().shortened

        def both(event: Event) -> None:
            if isinstance(event, SolveStatus):
                self._warnings += map(shortened, event.warnings[: MOST_WARNINGS - len(self._warnings)])
            on_event(event)

        return both

    def complete(
        self, result: BuildResult, options: DialOptions, on_event: Callable[[Event], None]
    ) -> BuildResult:
        """Return the result with the metadata added; what can't be had is told as a warning."""
        found: dict[str, object] = {}
        if self._mode != "disabled" and not any(map(_is_provenance, result.metadata)):
            predicates, unread = _provenance(result, options, self._mode)
            found |= predicates
            for why in unread:
                on_event(Notice(level="warning", text=f"the metadata file is without provenance: {why}"))
        if self._warnings:
            found["buildx.build.warnings"] = encode_warnings(self._warnings)
        packed = {name: b64encode(json.dumps(value).encode()).decode() for name, value in found.items()}
        return replace(result, metadata={**result.metadata, **packed})


def _mode(text: str) -> Literal["min", "max", "disabled"]:
    match text:
        case "max" | "disabled":
            return text
        case _:
            return "disabled" if parse_bool(text) is False else "min"


def _is_provenance(name: str) -> bool:
    return name.partition("/")[0] == "buildx.build.provenance"


def _provenance(
    result: BuildResult, options: DialOptions, mode: Literal["min", "max"]
) -> tuple[dict[str, object], Sequence[str]]:
    """Return what the daemon keeps, and why the rest is not there: the build has succeeded whatever it is."""
    try:
        found = library.build_provenance(result.address, result.ref, options, mode)
    except RouterError as exc:
        return {}, [str(exc)]
    by_name: dict[str, object] = {
        f"buildx.build.provenance{'/' if platform else ''}{platform}": predicate
        for platform, predicate in found.predicates.items()
    }
    return by_name, found.unread
