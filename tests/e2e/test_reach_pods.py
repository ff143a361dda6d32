"""Every way to a pod on a real cluster: by its IP, by exec, by port-forward, and what auto makes of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from router import BuildRequest, DialError, RouterConfig, TLSOptions
from router.address import parse_address
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.kubernetes import HELLO, SELECTOR, kubeconfig, user_with
from tests.e2e.program import Program
from tests.servers import images
from tests.servers.certs import CA
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

WAYS = ("exec", "port-forward", "pod-ip")


def workers(address: str, options: DialOptions) -> int:
    """Ask a daemon for its workers; return how many there are."""
    with Channel(dial(parse_address(address), options), peer=address) as channel:
        return len(Control(channel).list_workers(timeout=20).record)


def told(config: Path | str, said: list[str], **changes: object) -> DialOptions:
    """Return options that note which ways were taken."""
    return DialOptions(kubeconfig=str(config), tell=said.append, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.usefixtures("fleet")
def test_a_build_goes_each_way_and_comes_back_whole(cluster: Cluster, tmp_path: Path, via: str) -> None:
    content = bytes(range(256)) * (1 << 16)
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY large /\n"})
    (context / "large").write_bytes(content)
    config = RouterConfig(selector=SELECTOR, key="large", via=via)  # type: ignore[arg-type]  # one of the ways
    builder = Builder(config=config, scratch=tmp_path, environment={"KUBECONFIG": str(cluster.kubeconfig)})

    assert builder.files(BuildRequest(context=str(context))) == {"large": content}


def test_auto_takes_exec_from_outside_and_says_so(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    said: list[str] = []
    assert workers(f"kube-pod://{fleet[0]}", told(cluster.kubeconfig, said)) == 1
    assert len(said) == 1
    assert said[0] == f"connecting to {fleet[0]} by exec"


def test_auto_takes_the_ip_that_the_address_has(cluster: Cluster, fleet: tuple[str, ...]) -> None:
    said: list[str] = []
    address = f"kube-pod://{fleet[0]}?ip={cluster.pod_ip(fleet[0])}"
    assert workers(address, told("/nonexistent", said)) == 1
    assert "by its IP" in said[0]


def test_auto_goes_on_to_exec_where_the_ip_can_not_be_reached(
    cluster: Cluster, fleet: tuple[str, ...]
) -> None:
    said: list[str] = []
    address = f"kube-pod://{fleet[0]}?ip={cluster.pod_ip(fleet[0])}&port=9"
    assert workers(address, told(cluster.kubeconfig, said)) == 1
    assert "by exec: can't connect to tcp://" in said[0]


@pytest.fixture
def bare(cluster: Cluster) -> Iterator[str]:
    """A pod whose image has buildkitd, but no buildctl that could be run there."""
    name = "no-client"
    container = {
        "name": "buildkitd",
        "image": images.BUILDKIT,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", "rm /usr/bin/buildctl; exec buildkitd $0 $@"],
        "args": ["--addr=tcp://0.0.0.0:1234", "--oci-worker-net=host"],
        "securityContext": {"privileged": True},
        "readinessProbe": {"grpc": {"port": 1234}, "periodSeconds": 1},
    }
    meta = {"name": name, "labels": {"app": name}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}))
    cluster.wait_ready(f"app={name}", 1)
    yield name
    cluster.kubectl("delete", "pod", name, "--wait=false")


def test_auto_goes_on_to_port_forward_where_the_image_has_no_buildctl(
    cluster: Cluster, bare: str, tmp_path: Path
) -> None:
    said: list[str] = []
    assert workers(f"kube-pod://{bare}", told(cluster.kubeconfig, said)) == 1
    assert "by port-forward: can't run buildctl in pod no-client" in said[-1]

    context = write_tree(tmp_path / "context", HELLO)
    config = RouterConfig(addresses=addressed(("bare", f"kube-pod://{bare}")))
    builder = Builder(config=config, scratch=tmp_path, environment={"KUBECONFIG": str(cluster.kubeconfig)})
    assert builder.files(BuildRequest(context=str(context))) == {"hello": b"hello\n"}


def test_where_every_way_is_closed_the_error_says_why_of_each(cluster: Cluster, bare: str) -> None:
    with pytest.raises(DialError, match="no way to pod no-client") as caught:
        workers(f"kube-pod://{bare}?port=9", told(cluster.kubeconfig, []))
    assert "it is not in the container" in str(caught.value)
    assert "can't connect to port 9" in str(caught.value)


@pytest.mark.parametrize(("right", "via"), [("pods/exec", "exec"), ("pods/portforward", "port-forward")])
def test_one_right_alone_is_enough_for_auto(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path, right: str, via: str
) -> None:
    user = user_with(cluster, f"only-{via}", [(right, ["create", "get"])])
    config = kubeconfig(cluster, tmp_path / "config", {"user": user})
    said: list[str] = []
    assert workers(f"kube-pod://{fleet[0]}", told(config, said)) == 1
    assert f" by {via}" in said[0]
    assert workers(f"kube-pod://{fleet[0]}?via={via}", told(config, [])) == 1


def test_the_right_to_get_pods_is_enough_for_their_ip(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path
) -> None:
    user = user_with(cluster, "only-gets", [("pods", ["get"])])
    config = kubeconfig(cluster, tmp_path / "config", {"user": user})
    assert workers(f"kube-pod://{fleet[0]}?via=pod-ip", told(config, [])) == 1

    nothing = kubeconfig(cluster, tmp_path / "nothing", {"user": user_with(cluster, "nothing", [])})
    with pytest.raises(DialError, match="can't look up the IPs of pods") as caught:
        workers(f"kube-pod://{fleet[0]}?via=pod-ip", told(nothing, []))
    assert "the verb get on pods" in (caught.value.hint or "")


@pytest.mark.usefixtures("fleet")
def test_missing_rights_are_one_error_for_all_pods_that_names_them(cluster: Cluster, tmp_path: Path) -> None:
    user = user_with(cluster, "only-lists", [("pods", ["list"])])
    config = kubeconfig(cluster, tmp_path / "config", {"user": user})
    context = write_tree(tmp_path / "context", HELLO)
    program = Program(environment={"KUBECONFIG": str(config)})

    done = program.run("build", "--selector", SELECTOR, context)

    assert done.code == 69
    (error,) = [line for line in done.stderr.splitlines() if "is forbidden in namespace" in line]
    who = "user system:serviceaccount:default:only-lists can't"
    for resource in ("pods/exec", "pods/portforward"):
        assert f"{resource} is forbidden in namespace default: {who} " in error
        assert f"must allow the verbs create and get on {resource}" in done.stderr


@pytest.fixture(scope="module")
def authority() -> CA:
    """Who signs the certificates of pods and clients."""
    return CA()


@pytest.fixture(scope="module")
def secured(cluster: Cluster, authority: CA) -> Iterator[str]:
    """A pod whose daemon wants TLS, with a certificate for its own name."""
    name = "secured-0"
    pair = authority.server([name, f"{name}.buildkitd.default.svc"])
    files = {"ca.pem": authority.pem, "cert.pem": pair.cert, "key.pem": pair.key}
    data = {key: base64.b64encode(value).decode() for key, value in files.items()}
    meta = {"name": name, "labels": {"app": name}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
    container = {
        "name": "buildkitd",
        "image": images.BUILDKIT,
        "imagePullPolicy": "Never",
        "args": [
            "--oci-worker-net=host",
            "--addr=tcp://0.0.0.0:1234",
            "--tlscacert=/tls/ca.pem",
            "--tlscert=/tls/cert.pem",
            "--tlskey=/tls/key.pem",
        ],
        "securityContext": {"privileged": True},
        "readinessProbe": {"tcpSocket": {"port": 1234}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "tls", "secret": {"secretName": name}}],
        "terminationGracePeriodSeconds": 0,
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": [secret, pod]}))
    cluster.wait_ready(f"app={name}", 1)
    yield name
    cluster.kubectl("delete", "pod,secret", name, "--wait=false")


def client(
    authority: CA, folder: Path, server_name: str | None = None, *, trusted: CA | None = None
) -> TLSOptions:
    """Return a client's options: its certificate is ``authority``'s, its trust ``trusted``'s."""
    ca = folder / "ca.pem"
    ca.write_bytes((trusted or authority).pem)
    cert, key = authority.client().write(folder, "client")
    return TLSOptions(ca=str(ca), cert=str(cert), key=str(key), server_name=server_name)


@pytest.mark.parametrize("via", ["pod-ip", "port-forward"])
@pytest.mark.parametrize("server_name", [None, "{pod}.buildkitd.{namespace}.svc", "secured-0"])
def test_mutual_tls_with_a_pod_checks_the_pods_own_name(  # noqa: PLR0917 - fixtures and two parameters
    cluster: Cluster, secured: str, authority: CA, tmp_path: Path, via: str, server_name: str | None
) -> None:
    tls = client(authority, tmp_path, server_name)
    assert workers(f"kube-pod://{secured}?via={via}", told(cluster.kubeconfig, [], tls=tls)) == 1


@pytest.mark.parametrize("via", ["pod-ip", "port-forward"])
def test_each_fault_of_tls_with_a_pod_has_its_own_words(
    cluster: Cluster, secured: str, authority: CA, tmp_path: Path, via: str
) -> None:
    address = f"kube-pod://{secured}?via={via}"

    def error(tls: TLSOptions | None) -> str:
        with pytest.raises(Exception, match=r".") as caught:
            workers(address, told(cluster.kubeconfig, [], tls=tls))
        return f"{caught.value} {getattr(caught.value, 'hint', '')}"

    assert 'certificate is not valid for "other"' in error(client(authority, tmp_path, "other"))
    assert "certificate is not trusted" in error(client(authority, tmp_path, trusted=CA()))
    anonymous = TLSOptions(ca=client(authority, tmp_path).ca)
    assert "client certificate" in error(anonymous)
    assert "the daemon may require TLS: try --tls-ca" in error(None)


def test_tls_that_fails_at_the_pods_ip_is_not_gone_around(
    cluster: Cluster, secured: str, authority: CA, tmp_path: Path
) -> None:
    tls = client(authority, tmp_path, trusted=CA())
    address = f"kube-pod://{secured}?ip={cluster.pod_ip(secured)}"
    with pytest.raises(DialError, match="certificate is not trusted"):
        workers(address, told(cluster.kubeconfig, [], tls=tls))
