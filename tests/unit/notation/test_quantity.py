"""Quantities of Kubernetes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from router.errors import UsageError
from router.notation.flag import Flag
from router.notation.quantity import parse_quantity

FLAG = Flag(name="--storage", example="50Gi")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50Gi", 50 << 30),
        ("1.5Ti", 3 << 39),
        ("100G", 100 * 10**9),
        ("512Mi", 512 << 20),
        ("500m", Fraction(1, 2)),
        ("2", 2),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("1e3", 1000),
        ("1E3", 1000),
        ("2E", 2 * 10**18),
        ("12k", 12000),
    ],
)
def test_a_quantity_is_what_kubernetes_takes_it_for(text: str, value: int | Fraction) -> None:
    found = parse_quantity(text, FLAG)

    assert found.value == value
    assert str(found) == text


@pytest.mark.parametrize("text", ["", "Gi", "50gi", "50 Gi", "50GB", "-1", "1e", "1e999", "٣", "50Gi\n"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="invalid --storage") as caught:
        parse_quantity(text, FLAG)

    assert caught.value.hint == "for example: --storage 50Gi"


@pytest.mark.parametrize("text", ["0", "0Gi", "0.0"])
def test_nothing_is_no_quantity(text: str) -> None:
    with pytest.raises(UsageError, match="more than zero"):
        parse_quantity(text, FLAG)
