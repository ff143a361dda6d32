"""``--network``."""

from __future__ import annotations

import pytest

from router.flags.network import parse_network
from tests.unit.specs.refused import refused


@pytest.mark.parametrize(
    ("text", "mode"), [("", "default"), ("default", "default"), ("none", "none"), ("host", "host")]
)
def test_buildkits_modes_are_known(text: str, mode: str) -> None:
    assert parse_network(text) == mode


def test_a_network_of_docker_is_refused() -> None:
    error = refused(lambda: parse_network("bridge"))

    assert str(error) == 'invalid --network "bridge": choose default, none or host'
