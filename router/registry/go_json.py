"""JSON written as Go's ``json.MarshalIndent`` writes it: the digest of an index hangs on every byte. Pure."""

from __future__ import annotations

import json

__all__ = ["go_json"]

# Go escapes what HTML and JavaScript would take for something else; all of them stand in strings only.
_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def go_json(value: object) -> str:
    """Return the text, with two spaces a level."""
    return json.dumps(value, indent=2, ensure_ascii=False).translate(_ESCAPED)
