"""``--identity``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.identity import format_identity, parse_identity
from router.model.identity import Identity
from tests.unit.specs.refused import refused

_KEYED = st.builds(Identity, kind=st.sampled_from(["label", "annotation"]), key=st.text(min_size=1))


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("name", Identity()),
        ("node", Identity(kind="node")),
        ("label:example.com/slot", Identity(kind="label", key="example.com/slot")),
        ("annotation:slot", Identity(kind="annotation", key="slot")),
    ],
)
def test_an_identity_names_what_is_hashed(text: str, identity: Identity) -> None:
    assert parse_identity(text) == identity


@given(_KEYED | st.sampled_from([Identity(), Identity(kind="node")]))
def test_an_identity_survives_formatting_and_parsing(identity: Identity) -> None:
    assert parse_identity(format_identity(identity)) == identity


@pytest.mark.parametrize("text", ["", "names", "name:x", "node:", "label", "label:", "annotation", "Label:x"])
def test_what_is_no_identity_is_refused(text: str) -> None:
    assert "--identity" in str(refused(lambda: parse_identity(text)))
