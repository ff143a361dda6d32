"""``--registry-auth-tlscontext``."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.flags.registry_tls import format_registry_tls, parse_registry_tls, parse_registry_tlss
from router.model.build_options import RegistryTLS
from tests.unit.specs.refused import refused

_TEXTS = st.text(min_size=1, max_size=9)


@given(
    st.builds(RegistryTLS, host=_TEXTS, ca=_TEXTS, insecure=st.booleans())
    | st.builds(RegistryTLS, host=_TEXTS, cert=_TEXTS, key=_TEXTS)
    | st.builds(RegistryTLS, host=_TEXTS, insecure=st.just(value=True))
)
def test_a_value_survives_formatting_and_parsing(tls: RegistryTLS) -> None:
    assert parse_registry_tls(format_registry_tls(tls)) == tls


def test_several_are_kept_in_their_order() -> None:
    parsed = parse_registry_tlss(["host=a,ca=1", "", "host=a,ca=2"])

    assert [tls.ca for tls in parsed] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ca=a", "the key host is missing"),
        ("host=a", "it needs ca, cert and key, or insecure=true"),
        ("host=a,insecure=false", "it needs ca, cert and key, or insecure=true"),
        ("host=a,insecure=maybe", "insecure must be true or false"),
        ("host=a,cert=b", "cert and key belong together"),
        ("host=a,ca=b,key=c", "cert and key belong together"),
        ("host=a,cafile=b", "unknown key cafile (the keys are host, ca, cert, key, insecure)"),
    ],
)
def test_a_wrong_value_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_registry_tls(text))) == (
        f'invalid --registry-auth-tlscontext "{text}": {why}'
    )


@given(st.text(max_size=30) | st.text(alphabet='host=,cakeyr"1', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UsageError):
        parse_registry_tls(text)
