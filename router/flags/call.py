"""``--call METHOD[,format=text|json][,ignorestatus=BOOL]``: what the frontend is asked for."""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen
from router.notation.boolean import parse_bool
from router.notation.csv import format_fields, parse_fields
from router.notation.flag import Flag

__all__ = ["AnswerFormat", "Call", "format_call", "parse_call"]

AnswerFormat = Literal["text", "json"]

_FLAG = Flag(name="--call", example="check,format=json")
# The name that the method has in the Dockerfile frontend.
_ALIASES = {"lint": "check"}


@frozen
class Call:
    """A method of the frontend, ``build`` for the image itself, and what becomes of its answer.

    ``ignore_status`` lets the command succeed whatever the answer says.
    """

    method: str = "build"
    format: AnswerFormat = "text"
    ignore_status: bool = False


def parse_call(text: str) -> Call:
    """Return the value of one ``--call``. Raises ``UsageError``.

    Any method is taken: each frontend has its own. An empty text is a build, as in buildx.
    """
    if not text:
        return Call()
    method = ""
    settings: dict[str, str] = {}
    for part in parse_fields(text, _FLAG):
        name, equals, value = part.partition("=")
        if equals and name in {"format", "ignorestatus"}:
            settings[name] = value
        elif equals or method:
            raise _FLAG.error(text, "it takes one method, then format= and ignorestatus=")
        else:
            method = part
    if not method:
        raise _FLAG.error(text, "the method is missing")
    _FLAG.refuse_path(method, "a method")
    ignore = parse_bool(settings.get("ignorestatus", "false"))
    if ignore is None:
        raise _FLAG.error(text, "ignorestatus must be true or false")
    return Call(
        method=_ALIASES.get(method, method),
        format=_format(settings.get("format", "text"), text),
        ignore_status=ignore,
    )


def format_call(call: Call) -> str:
    """Return a call as ``--call`` takes it."""
    settings = {"format=json": call.format == "json", "ignorestatus=true": call.ignore_status}
    return format_fields([call.method, *(setting for setting, given in settings.items() if given)])


def _format(word: str, text: str) -> AnswerFormat:
    match word:
        case "json" | "text":
            return word
        case _:
            raise _FLAG.error(text, "format must be text or json")
