"""Kubernetes label selectors: whether labels match one (``app=b,tier!=test,zone in (a, b),!old``). Pure.

The API server evaluates them; here it is only asked whether a pod that is not there would match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["matches"]

_SET = r"(?P<key>[^\s,()=!<>]+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)"
_EQUALITY = r"(?P<name>[^\s,()=!<>]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[^\s,()=!<>]*)"
_EXISTENCE = r"(?P<no>!?)\s*(?P<label>[^\s,()=!<>]+)"


def matches(selector: str, labels: Mapping[str, str]) -> bool | None:
    """Return whether ``labels`` match, None where the selector says what isn't known here."""
    requirement = re.compile(rf"\s*(?:{_SET}|{_EQUALITY}|{_EXISTENCE})\s*(?:,|$)")
    position, met = 0, True
    while position < len(selector):
        found = requirement.match(selector, position)
        if found is None:
            return None
        met = met and _is_met(found, labels)
        position = found.end()
    return met


def _is_met(requirement: re.Match[str], labels: Mapping[str, str]) -> bool:
    part = requirement.groupdict()
    if part["word"]:
        listed = {value.strip() for value in part["values"].split(",")}
        # As in Kubernetes: a label that is not there is in no set.
        return (labels.get(part["key"]) in listed) is (part["word"] == "in")
    if part["sign"]:
        return (labels.get(part["name"]) == part["value"]) is (part["sign"] != "!=")
    return (part["label"] in labels) is (not part["no"])
