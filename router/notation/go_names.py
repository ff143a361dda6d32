"""Keys of JSON objects as Go reads them into a struct: in whatever case they are written. Pure.

What Go programs wrote by hand or read leniently has such keys: docker's config.json, the files of its
contexts, the answers of credential helpers. Keys of a map (hosts, names of contexts) are exact, there and
here. https://pkg.go.dev/encoding/json#Unmarshal
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

__all__ = ["go_fields", "near_misses"]


def go_fields(found: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    """Return the members that belong to the fields ``names``, under those names.

    Of several that differ in case the last one counts; objects add up, as they do in Go's maps, and null
    changes nothing but an object.
    """
    folded = {_folded(name): name for name in names}
    fields: dict[str, object] = {}
    for key, value in found.items():
        name = folded.get(_folded(key))
        if name is None:
            continue
        before = fields.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            fields[name] = {**before, **value}
        elif value is not None or not isinstance(before, str):
            fields[name] = value
    return fields


def near_misses(found: Iterable[str], names: Collection[str]) -> list[tuple[str, str]]:
    """Return the keys that are none of ``names`` but look like a slip, each with what was meant."""
    known = {_folded(name): name for name in names}
    strange = [key for key in found if _folded(key) not in known]
    if not strange:
        return []
    from difflib import get_close_matches

    misses = []
    for key in strange:
        close = get_close_matches(_folded(key[:64]), known, n=1, cutoff=0.8)
        if close:
            misses.append((key, known[close[0]]))
    return misses


def _folded(key: str) -> str:
    # One character for one, as in Go: the long s is an s, but a sharp s is not two.
    if key.isascii():
        return key.lower()
    return "".join(each.casefold() if len(each.casefold()) == 1 else each for each in key)
