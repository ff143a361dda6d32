"""The published vectors of the two rings, all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.model.routing import Placement
from tests.unit.placement.rankings import RANKINGS

_VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


def _names(daemons: dict[str, Any]) -> list[str]:
    if "names" in daemons:
        return list(daemons["names"])
    return [f"{daemons['prefix']}{number}" for number in range(daemons["first"], daemons["last"] + 1)]


def _cases() -> Iterator[tuple[Placement, list[str], str, list[str]]]:
    for fleet in _VECTORS["fleets"]:
        names = _names(fleet["daemons"])
        for key, orders in fleet["keys"].items():
            for placement, first_three in orders.items():
                yield placement, names, key, first_three


_CASES = list(_cases())


def test_no_vector_is_missing() -> None:
    assert len(_CASES) == 2 * 45


@pytest.mark.parametrize(("placement", "names", "key", "first_three"), _CASES)
def test_the_order_is_the_published_one(
    placement: Placement, names: list[str], key: str, first_three: list[str]
) -> None:
    assert list(RANKINGS[placement](key, names))[:3] == first_three
