"""A fleet as Kubernetes objects. That the example is made of them is in `tests.unit.test_docs`."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.flags.toleration import Toleration
from router.model.frozen import replace
from router.notation.flag import Flag
from router.notation.quantity import Quantity, parse_quantity
from router.provision.manifest_text import manifests_as_yaml
from router.provision.manifests import manifests
from router.provision.spec import FLEET_LABEL, AccessSpec, FleetSpec, PodSpec, StateSpec, check_name

FLEET = FleetSpec(name="ci", namespace="builds")


def quantity(text: str) -> Quantity:
    return parse_quantity(text, Flag(name="--storage", example="50Gi"))


def of(spec: FleetSpec, kind: str) -> Any:
    """Return the only object of a kind."""
    (found,) = (each for each in manifests(spec) if each["kind"] == kind)
    return found


def pod(spec: FleetSpec) -> Any:
    return of(spec, "StatefulSet")["spec"]["template"]["spec"]


def container(spec: FleetSpec) -> Any:
    (found,) = pod(spec)["containers"]
    return found


def test_a_fleet_consists_of_what_its_daemons_and_those_who_build_need() -> None:
    assert [(each["kind"], each["metadata"]["name"]) for each in manifests(FLEET)] == [
        ("Service", "ci"),
        ("PodDisruptionBudget", "ci"),
        ("ServiceAccount", "ci-builder"),
        ("Role", "ci-builder"),
        ("RoleBinding", "ci-builder"),
        ("ConfigMap", "ci-config"),
        ("StatefulSet", "ci"),
    ]


def test_every_object_is_in_the_namespace_and_says_whose_it_is() -> None:
    spec = replace(FLEET, access=AccessSpec(closed=True))

    for each in manifests(spec):
        assert each["metadata"]["namespace"] == "builds"
        assert each["metadata"]["labels"] == {FLEET_LABEL: "ci"}


def test_the_namespace_comes_first_and_is_nobodys() -> None:
    first = manifests(replace(FLEET, create_namespace=True))[0]

    assert first["kind"] == "Namespace"
    assert FLEET_LABEL not in first["metadata"]["labels"]


def test_each_architecture_has_a_pool_under_one_label() -> None:
    spec = replace(FLEET, architectures=("amd64", "arm64"), replicas=2)
    pools = [each for each in manifests(spec) if each["kind"] == "StatefulSet"]

    assert [pool["metadata"]["name"] for pool in pools] == ["ci-amd64", "ci-arm64"]
    for pool, arch in zip(pools, ("amd64", "arm64"), strict=True):
        assert pool["spec"]["replicas"] == 2
        assert pool["spec"]["selector"]["matchLabels"] == {"app": "ci", "arch": arch}
        assert pool["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.io/arch": arch}


def test_a_volume_is_a_claim_of_that_size_and_class() -> None:
    spec = replace(FLEET, state=StateSpec(storage=quantity("50Gi"), storage_class="fast"))
    (claim,) = of(spec, "StatefulSet")["spec"]["volumeClaimTemplates"]

    assert claim["spec"]["resources"]["requests"] == {"storage": "50Gi"}
    assert claim["spec"]["storageClassName"] == "fast"
    assert "state" not in {volume["name"] for volume in pod(spec)["volumes"]}


def test_a_cache_in_memory_has_that_limit() -> None:
    spec = replace(FLEET, state=StateSpec(memory=quantity("8Gi")))

    (volume,) = (each for each in pod(spec)["volumes"] if each["name"] == "state")
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}


def test_what_is_asked_of_the_pods_is_in_their_template() -> None:
    asked = PodSpec(
        image="registry.example/buildkit:1",
        requests={"cpu": quantity("2")},
        limits={"memory": quantity("8Gi")},
        node_selector={"disk": "nvme"},
        tolerations=(Toleration(key="dedicated", operator="Exists", effect="NoSchedule", seconds=None),),
        labels={"team": "build"},
        annotations={"warmroute.dev/max-builds": "4"},
        environment={"GODEBUG": "netdns=go"},
        arguments=("--debug",),
        service_account="pusher",
        scheduler="packing",
        grace=60,
    )
    template = of(replace(FLEET, pod=asked), "StatefulSet")["spec"]["template"]
    spec = template["spec"]
    (daemon,) = spec["containers"]

    assert template["metadata"]["labels"] == {"app": "ci", "team": "build"}
    assert template["metadata"]["annotations"]["warmroute.dev/max-builds"] == "4"
    assert spec["nodeSelector"] == {"disk": "nvme"}
    assert spec["tolerations"] == [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]
    assert (spec["serviceAccountName"], spec["schedulerName"]) == ("pusher", "packing")
    assert spec["terminationGracePeriodSeconds"] == 60
    assert daemon["image"] == "registry.example/buildkit:1"
    assert daemon["args"] == ["--debug"]
    assert daemon["env"] == [{"name": "GODEBUG", "value": "netdns=go"}]
    assert daemon["resources"] == {"requests": {"cpu": "2"}, "limits": {"memory": "8Gi"}}


def test_pods_are_replaced_when_their_configuration_changes() -> None:
    def mark(config: str) -> object:
        spec = replace(FLEET, pod=PodSpec(config=config))
        return of(spec, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]["warmroute.dev/config"]

    assert mark("debug = true") == mark("debug = true") != mark("debug = false")


def test_rootless_pods_have_their_own_image_and_are_not_privileged() -> None:
    daemon = container(replace(FLEET, pod=PodSpec(rootless=True)))

    assert daemon["image"].endswith("-rootless")
    assert "privileged" not in daemon["securityContext"]
    assert "--oci-worker-no-process-sandbox" in daemon["args"]


def test_with_mtls_they_listen_on_a_port_and_keep_the_socket_of_their_probes() -> None:
    daemon = container(replace(FLEET, access=AccessSpec(mtls=True), pod=PodSpec(rootless=True)))

    assert "--addr=unix:///run/user/1000/buildkit/buildkitd.sock" in daemon["args"]
    assert "--tlscacert=/certificates/ca.pem" in daemon["args"]
    assert daemon["ports"] == [{"name": "buildkitd", "containerPort": 1234}]


@pytest.mark.parametrize(
    ("via", "resources"),
    [
        ("exec", {"pods", "pods/exec"}),
        ("port-forward", {"pods", "pods/portforward"}),
        ("pod-ip", {"pods"}),
    ],
)
def test_those_who_build_get_the_rights_of_their_way_and_no_other(via: Any, resources: set[str]) -> None:
    role = of(replace(FLEET, access=AccessSpec(via=via, mtls=True)), "Role")

    assert {resource for rule in role["rules"] for resource in rule["resources"]} == resources
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} <= {"list", "create", "get"}


def test_a_network_policy_without_a_port_lets_nobody_in() -> None:
    policy = of(replace(FLEET, access=AccessSpec(closed=True)), "NetworkPolicy")

    assert "ingress" not in policy["spec"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_a_containerd_worker_is_one_for_each_node() -> None:
    kinds = [each["kind"] for each in manifests(replace(FLEET, pod=PodSpec(worker="containerd")))]

    assert "DaemonSet" in kinds
    assert "StatefulSet" not in kinds


REFUSED = [
    (replace(FLEET, name="CI"), "invalid name of a fleet"),
    (replace(FLEET, architectures=("x86_64",)), 'invalid --arch "x86_64"'),
    (replace(FLEET, architectures=("amd64", "amd64")), "names one twice"),
    (
        replace(FLEET, state=StateSpec(storage=quantity("1Gi"), memory=quantity("1Gi"))),
        "exclude each other",
    ),
    (replace(FLEET, state=StateSpec(storage_class="fast")), "--storage-class needs --storage"),
    (replace(FLEET, access=AccessSpec(closed=True, allowed=("ci",))), "--allow-from needs"),
    (replace(FLEET, access=AccessSpec(via="pod-ip")), "needs --mtls"),
    (replace(FLEET, pod=PodSpec(labels={"app": "x"})), "--pod-label app is not possible"),
    (replace(FLEET, pod=PodSpec(worker="containerd", rootless=True)), "--worker containerd and --rootless"),
    (
        replace(FLEET, pod=PodSpec(worker="containerd"), architectures=("amd64",)),
        "--worker containerd and --arch",
    ),
]


@pytest.mark.parametrize(("spec", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_can_not_be_made_is_refused_before_anything_is(spec: FleetSpec, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        manifests(spec)


@pytest.mark.parametrize("name", ["a", "ci", "ci-2", "a" * 40])
def test_a_name_that_kubernetes_takes_is_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "1a", "a_b", "a.b", "A", "a" * 41, "ci\n"])
def test_a_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


_VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" ")),
    lambda inner: (
        st.lists(inner, max_size=3).filter(lambda each: not any(isinstance(x, list) for x in each))
        | st.dictionaries(st.from_regex(r"[a-z][a-z./-]{0,9}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-zA-Z]{0,9}", fullmatch=True), _VALUES))
def test_what_is_printed_is_read_as_what_it_was(values: dict[str, object]) -> None:
    each = {"kind": "Anything", **values}

    assert yaml.safe_load(manifests_as_yaml([each])) == each


@pytest.mark.parametrize(
    "text", ["yes", "1e3", "0x1", "1:30", "2001-01-01", "~", "-", "- a", "a: b", "a #b", "", "*a", "a\n\n b"]
)
def test_a_text_that_yaml_would_read_otherwise_is_quoted(text: str) -> None:
    each = {"kind": "Anything", "value": text, "values": [text, text]}

    assert yaml.safe_load(manifests_as_yaml([each])) == each


def test_the_objects_of_every_kind_of_fleet_are_printed_with_their_reasons() -> None:
    spec = replace(FLEET, access=AccessSpec(mtls=True, closed=True, allowed=("ci",)), create_namespace=True)
    text = manifests_as_yaml(manifests(spec))

    assert list(yaml.safe_load_all(text)) == list(manifests(spec))
    assert "# Steps of a build have no business with the API server." in text
