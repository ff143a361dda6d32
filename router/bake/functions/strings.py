"""Functions of strings."""

from __future__ import annotations

import re

from router.bake.clusters import clusters
from router.bake.functions.signature import NUMBERS, TEXT, Builtin, Parameter, of, whole
from router.bake.go_names import clean_path
from router.bake.places import DefinitionFault
from router.bake.values import STRING, ListValue, Null, Number, Value, list_of, normal_text

__all__ = ["FUNCTIONS"]

_TEXTS = list_of(STRING)
_MOST_SPACES = 1 << 16
_MOST_CHARACTERS = 1 << 24
# What Go's unicode.IsSpace takes for a space; Python's strip takes more.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def _basename(path: str) -> str:
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def _dirname(path: str) -> str:
    return clean_path(path[: path.rfind("/") + 1])


def _sanitize(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def _join(separator: str, *lists: ListValue) -> str:
    if not lists:
        raise DefinitionFault("at least one list is required")
    items = [each for one in lists for each in one.items]
    for number, each in enumerate(items):
        if isinstance(each, Null):
            raise DefinitionFault(f"element {number} is null: null can't be part of a string")
    texts = [str(each) for each in items]
    _check_size(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _split(separator: str, text: str) -> Value:
    parts = text.split(separator) if separator else list(text)
    return ListValue(STRING, tuple(parts))


def _sort(texts: ListValue) -> Value:
    if any(isinstance(each, Null) for each in texts.items):
        raise DefinitionFault("null can't be sorted")
    texts_in_order = sorted([str(each) for each in texts.items], key=_bytes_of)
    return ListValue(STRING, tuple(texts_in_order))


def _bytes_of(text: str) -> bytes:
    return text.encode()


def _replace(text: str, part: str, by: str) -> str:
    count = text.count(part)
    _check_size(len(text) + count * len(by))
    return normal_text(text.replace(part, by))


def _indent(spaces: Number, text: str) -> str:
    count = whole(spaces, "the number of spaces")
    if not 0 <= count <= _MOST_SPACES:
        raise DefinitionFault(f"the number of spaces must be between 0 and {_MOST_SPACES}")
    _check_size(len(text) + text.count("\n") * count)
    return text.replace("\n", "\n" + " " * count)


def _check_size(characters: int) -> None:
    if characters > _MOST_CHARACTERS:
        raise DefinitionFault(f"the string would have more than {_MOST_CHARACTERS} characters")


def _title(text: str) -> str:
    """Put the first letter of each word in upper case. A word begins after what is no letter or digit."""
    made: list[str] = []
    before = " "
    for character in text:
        made.append(_one(character.title(), character) if _separates(before) else character)
        before = character
    return normal_text("".join(made))


def _separates(character: str) -> bool:
    if character.isascii():
        return not (character.isalnum() or character == "_")
    return False if character.isalnum() else character.isspace()


def _substr(text: str, offset: Number, length: Number) -> str:
    begin, count = whole(offset, "the offset"), whole(length, "the length")
    parts = clusters(text)
    if begin < 0:
        begin += len(parts)
    elif count == 0:
        return ""
    kept = parts[max(0, begin) :]
    if begin > len(parts):
        kept = []
    # A length of zero behind a negative offset is no bound.
    return "".join(kept if count <= 0 else kept[:count])


FUNCTIONS: dict[str, Builtin] = {
    "basename": of(_basename, ("path", TEXT)),
    "dirname": of(_dirname, ("path", TEXT)),
    "sanitize": of(_sanitize, ("name", TEXT)),
    "upper": of(lambda text: normal_text("".join(_upper(each) for each in text)), ("str", TEXT)),
    "lower": of(lambda text: normal_text("".join(_lower(each) for each in text)), ("str", TEXT)),
    "title": of(_title, ("str", TEXT)),
    "reverse": of(lambda text: "".join(reversed(clusters(text))), ("str", TEXT)),
    "strlen": of(lambda text: len(clusters(text)), ("str", TEXT)),
    "substr": of(_substr, ("str", TEXT), ("offset", NUMBERS), ("length", NUMBERS)),
    "join": of(_join, ("separator", TEXT), rest=Parameter("lists", _TEXTS)),
    "split": of(_split, ("separator", TEXT), ("str", TEXT)),
    "sort": of(_sort, ("list", _TEXTS)),
    "replace": of(_replace, ("str", TEXT), ("substr", TEXT), ("replace", TEXT)),
    "indent": of(_indent, ("spaces", NUMBERS), ("str", TEXT)),
    "chomp": of(lambda text: text.rstrip("\r\n"), ("str", TEXT)),
    "trim": of(lambda text, cutset: text.strip(cutset) if cutset else text, ("str", TEXT), ("cutset", TEXT)),
    "trimspace": of(lambda text: text.strip(_SPACE), ("str", TEXT)),
    "trimprefix": of(lambda text, prefix: text.removeprefix(prefix), ("str", TEXT), ("prefix", TEXT)),
    "trimsuffix": of(lambda text, suffix: text.removesuffix(suffix), ("str", TEXT), ("suffix", TEXT)),
}


def _upper(character: str) -> str:
    return _one(character.upper(), character)


def _one(found: str, character: str) -> str:
    """Return what a character becomes. Go maps one to one; where Python makes several, it stays as it is."""
    return found if len(found) == 1 else character


def _lower(character: str) -> str:
    found = character.lower()
    return found if len(found) == 1 else found[0]
