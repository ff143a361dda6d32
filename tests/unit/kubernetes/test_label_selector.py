"""Whether labels match a selector, as Kubernetes says it."""

from __future__ import annotations

import pytest

from router.kubernetes.label_selector import matches

_LABELS = {"app": "b", "tier": "prod", "example.com/zone": "z1", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matching"),
    [
        ("app=b", True),
        ("app==b", True),
        ("app = b , tier != test", True),
        ("app=c", False),
        ("app!=b", False),
        ("other!=b", True),
        ("other=b", False),
        ("empty=", True),
        ("app=", False),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("other", False),
        ("app in (a, b)", True),
        ("app in (a)", False),
        ("app notin (a,c)", True),
        ("app notin (b)", False),
        ("other in (a)", False),
        ("other notin (a)", True),
        ("app=b,example.com/zone in (z1,z2),!old", True),
        ("app=b,tier", True),
        ("in=b", False),
        ("", True),
        ("app>1", None),
        ("app in b", None),
        ("app=b,,", None),
        ("(", None),
    ],
)
def test_labels_match_as_in_kubernetes(selector: str, matching: bool | None) -> None:
    assert matches(selector, _LABELS) is matching
