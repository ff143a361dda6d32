"""Write examples/k8s_buildkitd from what `warmroute fleet up --print` prints: `make docs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from router import (
    AccessSpec,
    Flag,
    FleetSpec,
    PodSpec,
    StateSpec,
    manifests,
    manifests_as_yaml,
    parse_quantity,
    replace,
)

__all__ = ["EXAMPLES", "FOLDER", "Example", "example_text"]

FOLDER = Path(__file__).parents[1] / "examples" / "k8s_buildkitd"


class Example(NamedTuple):
    """A file: what is written above it, the fleet, and which kinds of its objects are in it."""

    head: str
    spec: FleetSpec
    kinds: tuple[str, ...]


_FLEET = FleetSpec(name="buildkitd", namespace="buildkit", access=AccessSpec(builder="builder"))
_VOLUME = StateSpec(storage=parse_quantity("100Gi", Flag(name="--storage", example="50Gi")))
_ROOTLESS = PodSpec(rootless=True)

_ACCOUNT = ("ServiceAccount", "Role", "RoleBinding")
_DAEMONS = ("ConfigMap", "StatefulSet")


def _mtls(access: AccessSpec = _FLEET.access) -> FleetSpec:
    return replace(_FLEET, state=_VOLUME, access=replace(access, mtls=True))


EXAMPLES: Mapping[str, Example] = {
    "base.yaml": Example(
        "What every variant needs.",
        replace(_FLEET, create_namespace=True),
        ("Namespace", "Service", "PodDisruptionBudget"),
    ),
    "client.yaml": Example(
        """\
Who builds, by way of pods/exec (--via exec): the account of a CI job, with the least that warmroute needs. Leave
any of these verbs out, and it stops with an error that names it.

Whoever may exec into a privileged pod is root on its node: docs/explanation/security.md.""",  # noqa: E501 -- a file's lines
        _FLEET,
        _ACCOUNT,
    ),
    "client-port-forward.yaml": Example(
        """\
Who builds, by way of pods/portforward (--via port-forward); instead of client.yaml. For daemons that listen on TCP:
mtls.yaml.""",  # noqa: E501 -- a file's lines
        _mtls(replace(_FLEET.access, via="port-forward")),
        _ACCOUNT,
    ),
    "client-pod-ip.yaml": Example(
        """\
Who builds, by the pods' IPs (--via pod-ip); instead of client.yaml. For daemons that listen on TCP, mtls.yaml, and
clients that the pods' network lets through: this right alone builds nothing.""",  # noqa: E501 -- a file's lines
        _mtls(replace(_FLEET.access, via="pod-ip")),
        _ACCOUNT,
    ),
    "privileged.yaml": Example(
        "buildkitd, privileged; its cache lasts as long as its pod.", _FLEET, _DAEMONS
    ),
    "privileged-pvc.yaml": Example(
        "buildkitd, privileged; its cache is on a volume and outlives its pod.",
        replace(_FLEET, state=_VOLUME),
        _DAEMONS,
    ),
    "rootless.yaml": Example(
        "buildkitd as an ordinary user; its cache lasts as long as its pod.",
        replace(_FLEET, pod=_ROOTLESS),
        _DAEMONS,
    ),
    "rootless-pvc.yaml": Example(
        "buildkitd as an ordinary user; its cache is on a volume and outlives its pod.",
        replace(_FLEET, pod=_ROOTLESS, state=_VOLUME),
        _DAEMONS,
    ),
    "mtls.yaml": Example(
        """\
buildkitd on TCP with mutual TLS, for --via pod-ip and port-forward: who has a certificate of the CA builds, and
pods/exec need be given to nobody. Else it is privileged-pvc.yaml.

    ./certificates.sh certificates
    kubectl create secret generic buildkitd-tls -n buildkit --from-file=certificates/daemons

Without TLS, everybody who reaches the port builds, the steps of all builds among them: they share the pod's network.""",  # noqa: E501 -- a file's lines
        _mtls(),
        _DAEMONS,
    ),
    "multi-arch.yaml": Example(
        """\
One fleet on nodes of two architectures: a build for linux/arm64 goes to a daemon that runs on arm64, and so on.
One without --platform goes to either, so say it. A build for both at once (--platform linux/amd64,linux/arm64) goes
to a daemon that emulates one of them. That takes binfmt_misc on its node (the image tonistiigi/binfmt registers
emulators), and what the pods then build for is an annotation of theirs, instead of what the node selector says:

    warmroute.dev/platforms: linux/amd64,linux/arm64""",  # noqa: E501 -- a file's lines
        replace(_FLEET, state=_VOLUME, replicas=2, architectures=("amd64", "arm64")),
        _DAEMONS,
    ),
    "containerd-worker.yaml": Example(
        """\
buildkitd that builds with its node's own containerd. An image that is built without a push is on the node then, and
pods run it with `imagePullPolicy: Never`. For a cluster of one node, on a developer's machine or in a CI job:

- Other nodes don't have the image. With more than one, push.
- Where containerd is not at its usual paths, change them, on the node and in the pod alike.
- A build is not kept from the node: steps are in the node's own network, and the daemon is root on it.""",  # noqa: E501 -- a file's lines
        replace(_FLEET, pod=PodSpec(worker="containerd")),
        ("ConfigMap", "DaemonSet"),
    ),
    "network-policy.yaml": Example(
        "",
        _mtls(replace(_FLEET.access, closed=True, allowed=("ci",))),
        ("NetworkPolicy",),
    ),
}


def example_text(example: Example) -> str:
    """Return the text of a file."""
    head = "".join(f"# {line}".rstrip() + "\n" for line in example.head.splitlines())
    return head + manifests_as_yaml(each for each in manifests(example.spec) if each["kind"] in example.kinds)
