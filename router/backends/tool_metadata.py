"""The metadata file of buildctl or buildx, as the daemon gave it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

from router.model.events import Event, Notice
from router.untrusted_json import NotJSONError, read_json

__all__ = ["tool_metadata"]


def tool_metadata(written: str, tool: str, on_event: Callable[[Event], None]) -> dict[str, str]:
    """Return the exporter's response that a program wrote; it has decoded what was JSON in base64.

    The build has succeeded: what can't be read is told as a warning, and there is no metadata then.
    """
    if not written:
        return {}
    try:
        found = read_json(written)
    except NotJSONError as exc:
        on_event(Notice(level="warning", text=f"the metadata that {tool} wrote {exc}"))
        return {}
    if not isinstance(found, dict):
        on_event(Notice(level="warning", text=f"the metadata that {tool} wrote is not a JSON object"))
        return {}
    return {
        name: value if isinstance(value, str) else b64encode(json.dumps(value).encode()).decode()
        for name, value in found.items()
    }
