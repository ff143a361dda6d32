"""The gc policy that is made from a volume's size."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.notation.flag import Flag
from router.notation.gc_policy import WorkerName, gc_policy
from router.notation.quantity import parse_quantity
from router.provision.config_file import whole_config
from router.provision.spec import FleetSpec, PodSpec, StateSpec

SOURCES = ["type==source.local", "type==exec.cachemount", "type==source.git.checkout"]


def rules(text: str, worker: WorkerName = "oci") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text)["worker"][worker]["gcpolicy"]
    return found


def test_contexts_and_cache_mounts_live_for_two_weeks_and_in_a_volume_that_is_not_full_forever() -> None:
    first = rules(gc_policy(50 << 30))[0]

    assert first == {"filters": SOURCES, "keepDuration": "336h", "maxUsedSpace": (50 << 30) * 60 // 100}


@given(st.integers(1 << 30, 1 << 50))
def test_what_is_kept_fits_the_volume_beside_what_is_left_free(size: int) -> None:
    for rule in rules(gc_policy(size)):
        assert rule["maxUsedSpace"] + rule.get("minFreeSpace", 0) <= size
        assert rule.get("reservedSpace", 0) <= rule["maxUsedSpace"]
        # The daemon's own bound of 100 GB would waste a large volume.
        assert rule["maxUsedSpace"] >= size // 2


def test_the_last_rule_takes_everything_as_the_daemons_own_does() -> None:
    found = rules(gc_policy(None))

    assert [rule.get("all", False) for rule in found] == [False, False, False, True]
    assert found[-1]["minFreeSpace"] == "20%"


def test_the_policy_is_that_workers_which_runs() -> None:
    assert len(rules(gc_policy(None, "containerd"), "containerd")) == 4


def fleet(config: str) -> FleetSpec:
    storage = parse_quantity("50Gi", Flag(name="--storage", example="50Gi"))
    return FleetSpec(name="ci", namespace="ci", pod=PodSpec(config=config), state=StateSpec(storage=storage))


def test_a_configuration_without_a_policy_gets_one_and_keeps_its_own_lines() -> None:
    given = '[worker.oci]\n  max-parallelism = 4\n[registry."docker.io"]\n'
    whole = tomllib.loads(whole_config(fleet(given)))

    assert whole["worker"]["oci"]["max-parallelism"] == 4
    assert whole["registry"] == {"docker.io": {}}
    assert whole["worker"]["oci"]["gcpolicy"][0]["keepDuration"] == "336h"


@pytest.mark.parametrize(
    "line", ["gc = false", 'maxUsedSpace = "1GB"', "gckeepstorage = 1", "[[worker.oci.gcpolicy]]\nall = true"]
)
def test_a_configuration_with_a_policy_of_its_own_stays_as_it_is(line: str) -> None:
    config = f"[worker.oci]\n{line}\n"

    assert whole_config(fleet(config)) == config


def test_a_configuration_that_is_no_toml_is_refused() -> None:
    with pytest.raises(UsageError, match="--config: not valid TOML"):
        whole_config(fleet("[worker"))


def test_a_worker_that_nothing_can_be_added_to_is_refused() -> None:
    with pytest.raises(UsageError, match="no gc policy can be added") as caught:
        whole_config(fleet("worker = { oci = { max-parallelism = 4 } }\n"))

    assert "[worker.oci]" in str(caught.value.hint)
