"""``--ssh``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.ssh import SSHAgent, format_ssh, parse_ssh, parse_sshs
from tests.unit.specs.refused import refused

_IDS = st.text(min_size=1).filter(lambda text: "=" not in text)
_PATHS = st.text(min_size=1).filter(lambda text: "," not in text and not text.startswith("raw="))


@given(
    st.builds(SSHAgent, id=_IDS, paths=st.lists(_PATHS).map(tuple))
    | st.builds(SSHAgent, id=_IDS, paths=st.tuples(_PATHS), raw=st.just(value=True))
)
def test_an_agent_survives_formatting_and_parsing(agent: SSHAgent) -> None:
    assert parse_ssh(format_ssh(agent)) == agent


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("default", SSHAgent(id="default")),
        ("default=", SSHAgent(id="default")),
        ("default=/a.sock", SSHAgent(id="default", paths=("/a.sock",))),
        ("keys=a,b=c", SSHAgent(id="keys", paths=("a", "b=c"))),
        ("plain=/a.sock,raw=true", SSHAgent(id="plain", paths=("/a.sock",), raw=True)),
        ("plain=/a.sock,raw=0", SSHAgent(id="plain", paths=("/a.sock",))),
    ],
)
def test_an_agent_is_read_as_buildctl_reads_it(text: str, agent: SSHAgent) -> None:
    assert parse_ssh(text) == agent


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("=/a", "the id before the equals sign is missing"),
        ("a=b,", "a path is empty"),
        ("a=b,raw=yes", "raw must be true or false"),
        ("a=b,c,raw=1", "raw takes exactly one path, a socket"),
    ],
)
def test_a_wrong_agent_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_ssh(text))) == f'invalid --ssh "{text}": {why}'


def test_the_last_agent_of_an_id_counts() -> None:
    assert parse_sshs(["a=1", "", "a=2"]) == (SSHAgent(id="a", paths=("2",)),)
