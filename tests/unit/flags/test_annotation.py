"""``--annotation``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.annotation import Annotation, format_annotation, parse_annotations
from tests.unit.specs.refused import refused

_KEYS = st.text(min_size=1).filter(lambda text: not set(text) & set("=:"))


def _parse(text: str) -> list[Annotation]:
    return list(parse_annotations([text], local="linux/amd64"))


@given(
    st.builds(Annotation, key=_KEYS, value=st.text())
    | st.builds(
        Annotation,
        key=_KEYS,
        value=st.text(),
        type=st.sampled_from(["manifest", "index", "manifest-descriptor", "index-descriptor"]),
        platform=st.sampled_from(["", "linux/amd64", "linux/arm/v7"]),
    )
)
def test_an_annotation_survives_formatting_and_parsing(annotation: Annotation) -> None:
    assert _parse(format_annotation(annotation)) == [annotation]


def test_several_types_are_several_annotations() -> None:
    assert _parse("index,manifest[linux/aarch64]:a.b=c=d") == [
        Annotation(key="a.b", value="c=d", type="index"),
        Annotation(key="a.b", value="c=d", type="manifest", platform="linux/arm64"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a", "it is not of the form KEY=VALUE"),
        ("=a", "the key before the equals sign is missing"),
        ("index:=a", "the key before the equals sign is missing"),
    ],
)
def test_a_wrong_annotation_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: _parse(text))) == f'invalid --annotation "{text}": {why}'


@pytest.mark.parametrize("target", ["layer", "", "index[", "index[vax]"])
def test_an_unknown_type_or_platform_is_refused(target: str) -> None:
    error = refused(lambda: _parse(f"{target}:a=b"))

    assert str(error).startswith("invalid --annotation ")
