"""What `fleet up`, `scale` and `down` do with the objects that there are, on objects in memory; the
server's own part is in `tests.e2e.test_fleet_up` and `test_fleet_life`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from router import RouterConfig
from router.cancellation import Cancellation
from router.errors import CancelledError, FleetError, ToolError
from router.model.frozen import replace
from router.provision.cluster import find_cluster, open_cluster
from router.provision.down import take_down
from router.provision.kinds import Kind
from router.provision.outcome import FleetRemoved, FleetScaled, ObjectChange, PoolChange
from router.provision.rollout import FleetWait
from router.provision.scale import scale_fleet
from router.provision.spec import FLEET_LABEL, AccessSpec, FleetSpec
from router.provision.step import FleetStep
from router.provision.up import FleetWanted, bring_up

SPEC = FleetSpec(name="ci", namespace="builds", replicas=0)


class Memory:
    """Objects in memory, whose pods are as they should be at once."""

    namespace = "builds"

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], dict[str, Any]] = {}
        self.scaled: list[int] = []
        self.refused = ""
        self.before: Callable[[str], None] = lambda _kind: None

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        return self.there.get((kind.name, name))

    def list(self, kind: Kind, *, labels: str = "", fields: str = "") -> Sequence[dict[str, Any]]:
        del fields
        _, _, fleet = labels.partition("=")
        return [
            each
            for (name, _), each in self.there.items()
            if name == kind.name and each["metadata"].get("labels", {}).get(FLEET_LABEL) == fleet
        ]

    def apply(self, kind: Kind, wanted: dict[str, Any], *, force: bool = False) -> dict[str, Any]:
        del force
        self.before(kind.name)
        if kind.name == self.refused:
            raise FleetError(f"can't apply {kind.name}: no", reason="conflict")
        self.there[kind.name, wanted["metadata"]["name"]] = wanted
        return wanted

    def scale(self, kind: Kind, name: str, replicas: int) -> None:
        self.scaled.append(replicas)
        self.there[kind.name, name]["spec"]["replicas"] = replicas

    def delete(self, kind: Kind, name: str) -> bool:
        return self.there.pop((kind.name, name), None) is not None

    def allows(self, verb: str, kind: Kind, subresource: str = "") -> bool:
        del verb, kind, subresource
        return True

    def sizes(self) -> Mapping[str, int]:
        return {
            name: each["spec"]["replicas"]
            for (kind, name), each in self.there.items()
            if kind == "StatefulSet"
        }


@pytest.fixture
def waiting() -> Iterator[tuple[FleetWait, list[FleetStep]]]:
    told: list[FleetStep] = []
    with Cancellation() as cancellation:
        yield FleetWait(seconds=0.0, tell=told.append, cancellation=cancellation), told


Waiting = tuple[FleetWait, list[FleetStep]]


def up(memory: Memory, spec: FleetSpec, waiting: Waiting) -> None:
    """Make a fleet; that nothing in memory makes pods is no failure of it."""
    try:
        bring_up(memory, FleetWanted(spec=spec), waiting[0])
    except FleetError as exc:
        if exc.reason != "not-ready":
            raise


def test_a_new_fleet_has_three_daemons_and_an_old_one_as_many_as_it_has(waiting: Waiting) -> None:
    memory = Memory()
    up(memory, replace(SPEC, replicas=None), waiting)
    new = memory.sizes()["ci"]
    memory.there["StatefulSet", "ci"]["spec"]["replicas"] = 7

    up(memory, replace(SPEC, replicas=None), waiting)

    assert new == 3
    assert memory.sizes()["ci"] == 7
    assert memory.scaled == []


def test_another_size_is_set_as_scale_sets_it_first(waiting: Waiting) -> None:
    memory = Memory()
    up(memory, replace(SPEC, replicas=3), waiting)

    up(memory, replace(SPEC, replicas=5), waiting)

    assert memory.scaled == [5]
    assert memory.sizes()["ci"] == 5


def test_what_was_done_to_each_object_is_returned(waiting: Waiting) -> None:
    memory = Memory()

    made = bring_up(memory, FleetWanted(spec=SPEC), waiting[0])
    again = bring_up(memory, FleetWanted(spec=SPEC), waiting[0])

    assert ObjectChange(kind="StatefulSet", name="ci", state="created") in made.objects
    assert {(each.kind, each.name) for each in made.objects} == set(memory.there)
    assert {each.state for each in made.objects} == {"created"}
    assert [replace(each, state="created") for each in again.objects] == list(made.objects)
    assert {each.state for each in again.objects} == {"unchanged"}


def test_a_fleet_that_is_scaled_has_the_sizes_of_its_pools(waiting: Waiting) -> None:
    memory = Memory()
    up(memory, replace(SPEC, replicas=3, architectures=("amd64", "arm64")), waiting)

    scaled = scale_fleet(memory, "ci", 0, waiting[0])

    assert scaled == FleetScaled(
        pools=(
            PoolChange(name="ci-amd64", before=3, after=0),
            PoolChange(name="ci-arm64", before=3, after=0),
        ),
        pods=(),
    )


def test_a_fleet_that_is_removed_keeps_its_volume_claims_unless_they_go_too(waiting: Waiting) -> None:
    memory = Memory()
    up(memory, SPEC, waiting)
    objects = set(memory.there)
    claim = ("PersistentVolumeClaim", "state-ci-0")
    memory.there[claim] = {"metadata": {"name": "state-ci-0", "labels": {FLEET_LABEL: "ci"}}}

    removed = take_down(memory, "ci", waiting[0])
    kept = set(memory.there)
    emptied = take_down(memory, "ci", replace(waiting[0], seconds=5.0), volumes=True)

    assert {(each.kind, each.name) for each in removed.objects} == objects
    assert removed.kept == ("state-ci-0",)
    assert kept == {claim}
    assert emptied == FleetRemoved(
        objects=(ObjectChange(kind=claim[0], name=claim[1], state="deleted"),), kept=()
    )


def test_a_refusal_in_the_middle_names_what_is_there_and_how_to_remove_it(waiting: Waiting) -> None:
    memory = Memory()
    memory.refused = "ConfigMap"

    with pytest.raises(FleetError) as caught:
        up(memory, SPEC, waiting)

    assert str(caught.value).startswith("can't apply ConfigMap: no; of the fleet there are Service ci, ")
    assert "--force-conflicts" in str(caught.value.hint)
    assert "warmroute fleet down ci --namespace builds" in str(caught.value.hint)


def test_an_interruption_says_how_to_remove_what_is_there(waiting: Waiting) -> None:
    memory = Memory()

    def interrupt(kind: str) -> None:
        if kind == "Role":
            raise CancelledError("build cancelled: got SIGINT")

    memory.before = interrupt

    with pytest.raises(CancelledError, match="making the fleet ci was interrupted") as caught:
        up(memory, SPEC, waiting)

    assert "warmroute fleet down ci --namespace builds" in str(caught.value.hint)


def test_what_other_options_have_made_is_told_of_and_stays(waiting: Waiting) -> None:
    memory = Memory()
    up(memory, replace(SPEC, access=AccessSpec(closed=True)), waiting)

    up(memory, replace(SPEC, architectures=("amd64",)), waiting)

    stays = [step for step in waiting[1] if step.state == "is of other options, and stays"]
    assert [step.subject for step in stays] == ["StatefulSet ci", "NetworkPolicy ci"]
    assert stays[0].detail == "kubectl delete statefulset ci -n builds"


def test_another_fleets_object_is_not_taken(waiting: Waiting) -> None:
    memory = Memory()
    memory.there["Service", "ci"] = {"metadata": {"name": "ci", "labels": {FLEET_LABEL: "other"}}}

    with pytest.raises(FleetError, match="Service ci is there already and is of the fleet other"):
        up(memory, SPEC, waiting)


def test_without_the_package_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "current-context: it\n"
        "contexts: [{name: it, context: {cluster: it}}]\n"
        "clusters: [{name: it, cluster: {server: 'https://127.0.0.1:1'}}]\n"
    )
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    monkeypatch.delitem(sys.modules, "router.provision.kube_objects", raising=False)

    with pytest.raises(ToolError, match="needs the package kubernetes") as caught:
        open_cluster(find_cluster(RouterConfig(kubeconfig=str(config)), {}))

    assert "-m pip install 'kubernetes>=31'; " in str(caught.value.hint)
