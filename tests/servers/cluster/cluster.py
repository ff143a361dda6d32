"""Starts a one-node Kubernetes, waits until it takes pods, and ends it without a trace."""

from __future__ import annotations

import ipaddress
import json
import random
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.servers import binaries, debian, images
from tests.servers.cache import ServerError
from tests.servers.cluster import plan as plans
from tests.servers.cluster.buildkit import Fleet
from tests.servers.cluster.node import Room, end_room, node_argv
from tests.servers.cluster.pki import write_pki
from tests.servers.cluster.plan import Plan, Ports
from tests.servers.kernel import cgroup_processes, make_bridge, make_cgroup, read_sysctls, route_networks
from tests.servers.ports import free_port, unix_listens
from tests.servers.process import ManagedProcess
from tests.servers.run import run_logged
from tests.servers.traces import Trace, clean_stale, owned_trace

_POLL = 0.1


class Cluster:
    """A running cluster; a context manager that ends it."""

    def __init__(self, plan: Plan, trace: Trace, *, outlive: bool) -> None:
        self.plan = plan
        self._trace = trace
        self._outlive = outlive
        self._processes: dict[str, ManagedProcess] = {}

    def __repr__(self) -> str:
        return f"<Cluster {self.plan.node_ip} kubeconfig={self.kubeconfig}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator."""
        return self.plan.admin_kubeconfig

    @property
    def bridge(self) -> str:
        """The name of the bridge that the node and the pods are on."""
        return self.plan.bridge

    @property
    def node_ip(self) -> str:
        """The machine's address on the bridge; what listens there can be reached from pods."""
        return self.plan.node_ip

    @property
    def service_ip(self) -> str:
        """The apiserver's address for pods, on port 443, as KUBERNETES_SERVICE_HOST names it."""
        return self.plan.service_ip

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - subprocess's own name
        within: float = 60.0,
    ) -> str:
        """Run kubectl as administrator; return its stdout, raise ServerError when it fails."""
        cache = self.plan.directory / "kubectl-cache"
        argv = [str(binaries.kubectl()), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={cache}", *args]
        done = subprocess.run(argv, input=input, capture_output=True, text=True, timeout=within, check=False)
        if done.returncode:
            raise ServerError(f"kubectl {' '.join(args)} failed ({done.returncode}): {done.stderr}")
        return done.stdout

    def get(self, *args: str) -> Any:
        """Return what `kubectl get ARGS` finds, as parsed JSON."""
        return json.loads(self.kubectl("get", *args, "--output=json"))

    def apply(self, manifest: str) -> None:
        """Apply a manifest, YAML or JSON."""
        self.kubectl("apply", "--filename=-", input=manifest)

    def apply_buildkitd(
        self,
        name: str = "buildkitd",
        *,
        replicas: int = 3,
        namespace: str = "default",
        rootless: bool = False,
        config: str = "",
    ) -> tuple[str, ...]:
        """Put buildkitd pods labelled app=NAME on the cluster; return their names once all are Ready."""
        fleet = Fleet(name=name, replicas=replicas, namespace=namespace, rootless=rootless, config=config)
        if rootless:
            self.load_image(images.rootless_tar())
        self.apply(fleet.manifest())
        return self.wait_ready(fleet.selector, replicas, namespace=namespace)

    def pods(self, selector: str, namespace: str = "default") -> list[Any]:
        """Return the pods that a label selector matches, as Kubernetes describes them."""
        found: list[Any] = self.get("pods", f"--selector={selector}", f"--namespace={namespace}")["items"]
        return found

    def wait_ready(
        self, selector: str, count: int, *, namespace: str = "default", within: float = 90.0
    ) -> tuple[str, ...]:
        """Wait until exactly `count` pods match, all Ready and none ending; return their names, sorted."""
        ready: list[str] = []

        def settled() -> bool:
            found = self.pods(selector, namespace)
            ready[:] = sorted(pod["metadata"]["name"] for pod in found if is_ready(pod))
            return len(ready) == len(found) == count

        try:
            _wait_until(settled, within=within, what=f"{count} pods {selector} ready")
        except ServerError as error:
            described = self.kubectl("describe", "pods", f"--selector={selector}", f"--namespace={namespace}")
            raise ServerError(f"{error}; ready are {ready}:\n{described[-4000:]}") from error
        return tuple(ready)

    def pod_ip(self, name: str, namespace: str = "default") -> str:
        """Return a pod's address, which can be reached from this machine."""
        return str(self.get("pod", name, f"--namespace={namespace}")["status"]["podIP"])

    def pod_pid(self, name: str, namespace: str = "default", container: str | None = None) -> int:
        """Return the id, on this machine, of the first process of a pod's container (by default its first).

        A signal to it reaches the container; its network namespace is /proc/PID/ns/net.
        """
        pod = self.get("pod", name, f"--namespace={namespace}")
        for status in pod["status"]["containerStatuses"]:
            if container in (None, status["name"]):
                identity = status["containerID"].removeprefix("containerd://")
                return min(cgroup_processes(self.plan.cgroup, identity), key=_age)
        raise ServerError(f"pod {name} has no container {container}")

    def load_image(self, tar: Path) -> None:
        """Make an image tar available to pods, under the name that it carries."""
        # --local: nearly twice as fast as sending the file through containerd's transfer service.
        self.ctr("images", "import", "--local", str(tar))

    def ctr(self, *args: str) -> str:
        """Run containerd's own client in Kubernetes' namespace."""
        address = str(self.plan.containerd_socket)
        argv = [str(binaries.ctr()), "--address", address, "--namespace", "k8s.io", *args]
        return run_logged(argv, cwd=self.plan.directory)

    def stop(self) -> None:
        """End all pods and the whole cluster."""
        node = self._processes.pop("node", None)
        if node is not None:
            end_room(node)
        for process in reversed(self._processes.values()):
            process.kill()
        self._processes.clear()
        self._trace.clear()

    def start(self) -> None:
        """Start everything and wait until pods can be created; for `start_cluster`."""
        self._run("etcd", binaries.etcd(), plans.etcd_flags(self.plan))
        apiserver = self._run_apiserver()
        node = self._run_node()
        node.wait_until(lambda: unix_listens(self.plan.containerd_socket), within=60, what="listening")
        for tar in (images.pause_tar(), images.buildkit_tar(), images.busybox_tar()):
            self.load_image(tar)
        apiserver.wait_until(self._apiserver_ready, within=120)
        self._gate.touch()
        self._run_controllers()
        self._run("gateway", binaries.etcd(), plans.gateway_flags(self.plan))
        node.wait_until(self._takes_pods, within=120, what="ready for pods")

    def restart_apiserver(self) -> None:
        """Kill the apiserver and start it again; return once it is ready. The node and its pods go on."""
        with self.without_apiserver():
            pass

    @contextmanager
    def without_apiserver(self) -> Iterator[None]:
        """Kill the apiserver, and start it again at the end, which is when it is ready.

        What else controls the cluster is started anew: after some restarts it would wait for a minute before
        it looked again.
        """
        controllers = [self._processes.pop(name) for name in ("controller-manager", "scheduler")]
        self._processes.pop("apiserver").kill()
        try:
            yield
        finally:
            apiserver = self._run_apiserver()
            apiserver.wait_until(self._apiserver_ready, within=120)
            for process in controllers:
                process.kill()
            self._run_controllers()

    @property
    def _gate(self) -> Path:
        return self.plan.directory / "apiserver-is-ready"

    def _run(self, name: str, program: Path, flags: list[str]) -> ManagedProcess:
        # Killed, not asked, when Python dies: nothing of a cluster is worth saving.
        process = ManagedProcess(
            [program, *flags],
            log=self.plan.directory / f"{name}.log",
            outlive=self._outlive,
            orphaned=signal.SIGKILL,
        )
        self._processes[name] = process
        self._trace.add_process(process.pid)
        return process

    def _run_apiserver(self) -> ManagedProcess:
        program = binaries.kubernetes("kube-apiserver")
        return self._run("apiserver", program, plans.apiserver_flags(self.plan))

    def _run_controllers(self) -> None:
        kubernetes = binaries.kubernetes
        manager_flags = plans.controller_manager_flags(self.plan)
        self._run("controller-manager", kubernetes("kube-controller-manager"), manager_flags)
        self._run("scheduler", kubernetes("kube-scheduler"), plans.scheduler_flags(self.plan))

    def _run_node(self) -> ManagedProcess:
        config = self.plan.directory / "containerd.toml"
        room = Room(
            socket=self.plan.containerd_socket,
            gate=self._gate,
            runc=binaries.runc().parent,
            folders=self.plan.node_folders,
        )
        argv = node_argv(
            room,
            containerd=[str(binaries.containerd()), "--config", str(config)],
            kubelet=[str(binaries.kubernetes("kubelet")), *plans.kubelet_flags(self.plan)],
        )
        return self._run("node", Path(argv[0]), list(argv[1:]))

    def _apiserver_ready(self) -> bool:
        context = ssl.create_default_context(cafile=self.plan.pki / "ca.crt")
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            opener.open(f"https://127.0.0.1:{self.plan.ports.apiserver}/readyz", timeout=2).close()
        except OSError:  # HTTPError, for "not yet", is one
            return False
        return True

    def _takes_pods(self) -> bool:
        try:
            node = self.get("node", plans.NODE)
            self.kubectl("get", "serviceaccount", "default")
        except ServerError:  # not registered yet, not created yet
            return False
        return is_ready(node)


def start_cluster(directory: Path, *, outlive: bool = False) -> Cluster:
    """Start a cluster that keeps everything below `directory`; return it once it takes pods.

    With `outlive` it goes on when this process ends, until `stop` or `stop_outliving`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    if len(str(directory)) > plans.LONGEST_DIRECTORY:
        raise ServerError(f"too long for the sockets below it (over {plans.LONGEST_DIRECTORY}): {directory}")
    debian.ensure("iproute2")
    binaries.kubectl()
    clean_stale()
    trace = owned_trace("cluster", directory, outlive=outlive)
    plan = Plan(directory=directory, cgroup=trace.cgroup, net=_free_net(), ports=_free_ports())
    cluster = Cluster(plan, trace, outlive=outlive)
    with ExitStack() as undo:
        undo.callback(cluster.stop)
        _prepare(plan, trace)
        cluster.start()
        undo.pop_all()
    return cluster


def _prepare(plan: Plan, trace: Trace) -> None:
    trace.bridge, trace.sysctls = plan.bridge, read_sysctls(plans.SYSCTLS)
    trace.save()
    make_bridge(plan.bridge, (f"{plan.node_ip}/24", f"{plan.service_ip}/32"))
    make_cgroup(plan.cgroup)
    for folder in plan.node_folders.values():
        folder.mkdir()
    write_pki(plan)
    programs = {
        "cni": binaries.cni_plugins(),
        "shim": binaries.containerd().with_name("containerd-shim-runc-v2"),
        "runc": binaries.runc(),
    }
    files = {
        "kubeconfig": plans.kubeconfig(plan, "admin"),
        "kubelet.kubeconfig": plans.kubeconfig(plan, "node"),
        "kubelet.json": plans.kubelet_config(plan),
        "containerd.toml": plans.containerd_config(plan, sandbox=images.PAUSE, programs=programs),
        "cni/warmroute.conflist": plans.cni_config(plan),
        "resolv.conf": "",  # pods look nothing up
    }
    for name, content in files.items():
        path = plan.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


def _free_ports() -> Ports:
    return Ports(etcd=free_port(), etcd_peer=free_port(), apiserver=free_port(), kubelet=free_port())


def _free_net() -> int:
    """Return an N for which the machine has no route into 10.N.0.0/16."""
    taken = route_networks()
    for net in random.sample(range(128, 255), 127):
        candidate = ipaddress.IPv4Network(f"10.{net}.0.0/16")
        if not any(candidate.overlaps(network) for network in taken):
            return net
    raise ServerError("every network 10.128.0.0/16 to 10.254.0.0/16 is routed on this machine")


def is_ready(thing: Any) -> bool:
    """Return whether a pod or a node says Ready and is not being deleted."""
    conditions = thing["status"].get("conditions", [])
    says = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return says and "deletionTimestamp" not in thing["metadata"]


def _age(pid: int) -> float:
    return psutil.Process(pid).create_time()


def _wait_until(ready: Callable[[], bool], *, within: float, what: str) -> None:
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() > deadline:
            raise ServerError(f"not within {within:.0f} s: {what}")
        time.sleep(_POLL)  # kubectl's own watch can't count
