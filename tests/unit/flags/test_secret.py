"""``--secret``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.secret import format_secret, parse_secret, parse_secrets
from router.model.request import Secret
from tests.unit.specs.refused import refused

_TEXT = st.text(min_size=1)


@given(st.builds(Secret, id=_TEXT, path=_TEXT) | st.builds(Secret, id=_TEXT, env=_TEXT))
def test_a_secret_survives_formatting_and_parsing(secret: Secret) -> None:
    assert parse_secret(format_secret(secret), {}) == secret


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("id=token,src=token.txt", Secret(id="token", path="token.txt")),
        ("id=token,source=token.txt", Secret(id="token", path="token.txt")),
        ("type=file,id=token,src=token.txt", Secret(id="token", path="token.txt")),
        ("id=token,env=TOKEN", Secret(id="token", env="TOKEN")),
        ("type=env,id=token,env=TOKEN", Secret(id="token", env="TOKEN")),
        ("type=env,id=token,src=TOKEN", Secret(id="token", env="TOKEN")),
        ("id=SET", Secret(id="SET", env="SET")),
        ("type=env,id=SET", Secret(id="SET", env="SET")),
        ("id=unset", Secret(id="unset", path="unset")),
        ('id=token,"src=a,b"', Secret(id="token", path="a,b")),
    ],
)
def test_a_secret_is_read_as_buildx_reads_it(text: str, secret: Secret) -> None:
    assert parse_secret(text, {"SET": "value"}) == secret


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("id=token,value=hunter2", "unknown key (the keys are id, src, source, env, type)"),
        ("hunter2", "field 1 is not of the form key=value"),
        ("src=hunter2", "the key id is missing"),
        ("id=token,type=hunter2", "type must be file or env"),
        ("id=token,src=hunter2,env=hunter2", "the secret token has both src and env"),
    ],
)
def test_a_wrong_secret_is_refused_without_repeating_it(text: str, why: str) -> None:
    error = refused(lambda: parse_secret(text, {}))

    assert str(error) == f"invalid --secret: {why}"


def test_the_last_secret_of_an_id_counts() -> None:
    secrets = parse_secrets(["id=a,src=1", "id=b,src=2", "id=a,src=3"], {})

    assert secrets == (Secret(id="a", path="3"), Secret(id="b", path="2"))
