"""``--toleration``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.flags.toleration import Toleration, format_toleration, parse_tolerations

_TEXTS = st.from_regex(r"[a-z][a-z0-9./-]{0,20}", fullmatch=True)


@given(
    st.builds(
        Toleration,
        key=_TEXTS,
        operator=st.sampled_from(["", "Exists", "Equal"]),
        value=st.just("") | _TEXTS,
        effect=st.sampled_from(["", "NoSchedule", "PreferNoSchedule", "NoExecute"]),
        seconds=st.none() | st.integers(0, 10**6),
    )
)
def test_a_toleration_survives_formatting_and_parsing(toleration: Toleration) -> None:
    assert parse_tolerations([format_toleration(toleration)]) == (toleration,)


def test_several_stand_in_one_text_as_for_buildx() -> None:
    text = "key=a,operator=Equal,value=b,effect=NoSchedule;key=c,operator=Exists,tolerationSeconds=60"

    assert parse_tolerations([text]) == (
        Toleration(key="a", operator="Equal", value="b", effect="NoSchedule"),
        Toleration(key="c", operator="Exists", seconds=60),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dedicated", '"dedicated" is not a field: key='),
        ("keys=a", '"keys=a" is not a field: key='),
        ("key=a,key=b", "key is given twice"),
        ("key=a,operator=exists", "operator must be one of Exists, Equal"),
        ("key=a,effect=Never", "effect must be one of NoSchedule"),
        ("key=a,tolerationSeconds=1m", "must be a number"),
        ("effect=NoSchedule", "without a key the operator must be Exists"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_tolerations([text])
