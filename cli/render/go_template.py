"""What ``--format`` of docker's commands is given, as far as it is read here: fields, and json of them. Pure.

``{{.Name}}``, ``{{.Manifest.Digest}}``, ``{{json .Manifest}}``, with any text around them. Go's templates
can do more; what else stands between the braces is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from router import UsageError, go_json

__all__ = ["check", "fill"]

_ACTION = r"\{\{-?\s*(.*?)\s*-?\}\}"
_FIELDS = r"(json\s+)?((?:\.\w+)+)"


def check(template: str) -> None:
    """Raise ``UsageError`` for what isn't read here, whatever the values."""
    if "{{-" in template or "-}}" in template:
        raise _refused(template, "dashes that trim space are not read")
    for action in re.findall(_ACTION, template):
        _parsed(template, action)
    if "{{" in re.sub(_ACTION, "", template):
        raise _refused(template, "a brace is not closed")


def fill(template: str, values: Mapping[str, object]) -> str:
    """Return the template with its actions replaced; ``values`` stand under Go's names of the fields.

    Raises ``UsageError`` as ``check`` does, and for a field that isn't there.
    """
    check(template)
    return re.sub(_ACTION, lambda found: _value(template, found[1], values), template)


def _parsed(template: str, action: str) -> re.Match[str]:
    found = re.fullmatch(_FIELDS, action)
    if found is None:
        raise _refused(template, f'"{action}" is neither a field nor json of one')
    return found


def _value(template: str, action: str, values: Mapping[str, object]) -> str:
    found = _parsed(template, action)
    value: object = values
    for name in found[2].split(".")[1:]:
        if not isinstance(value, Mapping) or name not in value:
            known = ", ".join(f".{each}" for each in value) if isinstance(value, Mapping) else "none"
            raise _refused(template, f"there is no field .{name} there; the fields are: {known}")
        value = value[name]
    plain = value.get("", value) if isinstance(value, Mapping) else value
    if found[1]:
        return go_json(plain)
    if not isinstance(plain, str | int):
        raise _refused(template, f'"{action}" is not a single value; write json {found[2]}')
    return str(plain)


def _refused(template: str, why: str) -> UsageError:
    return UsageError(
        f'can\'t read --format "{template}": {why}',
        hint="for example: --format '{{json .Manifest}}', --format '{{.Manifest.Digest}}'",
    )
