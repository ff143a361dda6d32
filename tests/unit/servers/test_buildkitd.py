"""buildkitd's config file."""

from __future__ import annotations

import tomllib

import pytest

from tests.servers.buildkitd import with_cgroup


@pytest.mark.parametrize(
    "config",
    [
        "",
        "debug = true",
        "[worker.oci]\ngc = false\n",
        '[registry."10.0.0.1:5000"]\nhttp = true\n',
    ],
)
def test_a_daemon_gets_a_cgroup_of_its_own_and_keeps_its_config(config: str) -> None:
    merged = tomllib.loads(with_cgroup(config, "mine"))

    assert merged["worker"]["oci"].pop("defaultCgroupParent") == "mine"
    before = tomllib.loads(config)
    before.setdefault("worker", {}).setdefault("oci", {})
    assert merged == before


def test_a_config_that_names_a_cgroup_keeps_it() -> None:
    config = '[worker.oci]\ndefaultCgroupParent = "theirs"\n'

    assert with_cgroup(config, "mine") == config
