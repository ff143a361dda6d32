"""Command lines, and the names of steps, made fit for printing.

Pure. It masks what looks like a secret by its name or its place; it can't know a secret under a harmless
name, which is why values of secrets never stand in argv in the first place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from router.untrusted_json import NotJSONError, read_json

__all__ = ["redacted", "shown_options", "without_passwords"]

_MASK = "****"
_SENSITIVE = r"secret|passw|passphrase|pwd|token|credential|auth(?!or)|private|key\b|_pat\b"
# A field whose name has such a word, first in its argument (after --flag=) or first in a CSV field within it.
# The name is looked through once and never gone back into: a daemon chooses some of these texts.
_SECRET_FIELD = re.compile(rf'(?is)((?:^|,|")(?:--[\w-]+=)?(?!-)(?=[\w.:-]*(?:{_SENSITIVE}))[\w.:-]*+=).+')
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://)([^/?#\s]+)@")


def redacted(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` fit for printing.

    Masked are passwords within URLs, and values whose name suggests a secret (build arguments, keys of
    outputs and caches), each to the end of its argument: a value may hold any separator.
    """
    return [_redact(argument) for argument in argv]


def without_passwords(text: str) -> str:
    """Return ``text`` with the passwords within its URLs masked: a daemon calls a step by what it loads."""
    return _USERINFO.sub(_mask_userinfo, text)


def shown_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return options of a build fit for printing: values whose name suggests a secret, and passwords within
    URLs, are masked; also within a value that is JSON, as that of ``cache-imports`` is."""
    return {name: _shown_value(name, value) for name, value in options.items()}


def _shown_value(name: str, value: str) -> str:
    if value[:1] in {"[", "{"}:
        try:
            return json.dumps(_shown_json(name, read_json(value)), separators=(",", ":"))
        except NotJSONError:
            pass  # a value like any other
    return _redact(f"{name}={value}")[len(name) + 1 :]


def _shown_json(name: str, value: object) -> object:
    match value:
        case dict():
            return {key: _shown_json(key, member) for key, member in value.items()}
        case list():
            return [_shown_json(name, element) for element in value]
        case str():
            return _shown_value(name, value) if value[:1] not in {"[", "{"} else _MASK
        case _:
            return value


def _redact(argument: str) -> str:
    masked = _SECRET_FIELD.sub(rf"\1{_MASK}", argument)
    return without_passwords(masked)


def _mask_userinfo(match: re.Match[str]) -> str:
    scheme, userinfo = match.groups()
    user, colon, _ = userinfo.partition(":")
    if colon:
        return f"{scheme}{user}:{_MASK}@"
    # Over http a lone user is usually a token; over ssh it is a login name.
    return f"{scheme}{_MASK if scheme.lower().startswith('http') else user}@"
