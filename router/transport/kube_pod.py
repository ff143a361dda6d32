"""Dial ``kube-pod://``: which way to a pod is taken, and which comes next where one is closed.

``auto`` takes the pod's IP where the address has it (inside the cluster), else exec, else port-forward. A way
that can't be taken leads to the next; a fault that would meet the next one as well (the pod is gone, the
API server is down, a certificate is wrong) ends it.
"""

from __future__ import annotations

from typing import assert_never

from router.errors import DialError
from router.kubernetes.api import status_message
from router.kubernetes.clients import KubeClients
from router.kubernetes.config import KubeSource
from router.kubernetes.exec import dial_exec
from router.kubernetes.websocket import Pod
from router.model.address import DEFAULT_PORT, KubePodAddress, TcpAddress
from router.model.frozen import replace
from router.model.tls import TLSOptions
from router.net.deadline import Deadline
from router.net.second_try import SecondTry
from router.net.stream import ByteStream
from router.net.tls import TLSPeer
from router.net.tls_context import client_context
from router.transport.options import DialOptions
from router.transport.server_name import server_name
from router.transport.tcp import dial_tcp
from router.untrusted_json import NotJSONError, member, read_json, text

__all__ = ["dial_kube_pod"]

# Another way may do where one of these is the reason. A container that does not exist is none of them: who
# named it should hear of it.
_OF_THE_WAY = frozenset({"forbidden", "no-buildctl", "command", "protocol", "refused"})
# A network policy that swallows packets must leave time for the other ways.
_IP_PATIENCE = 2.5


def dial_kube_pod(address: KubePodAddress, options: DialOptions) -> ByteStream:
    """Connect to buildkitd in a pod. Raises DialError, UsageError for a kubeconfig that is wrong."""
    return _Ways(address, options).dial()


class _Ways:
    """The ways to one pod."""

    def __init__(self, address: KubePodAddress, options: DialOptions) -> None:
        self._address = address
        self._options = options
        self._deadline = Deadline(options.timeout)
        # The options win: what the address says may be what was found, and not what somebody wanted.
        self._port = options.pod_port or address.port or DEFAULT_PORT
        self._found: Pod | None = None

    def dial(self) -> ByteStream:
        match self._address.via or self._options.via:
            case "auto":
                return self._auto()
            case "pod-ip":
                return self._by_ip(self._address.ip or self._look_up_ip(), self._deadline)
            case "exec":
                return self._by_exec()
            case "port-forward":
                return self._by_forward()
            case other:
                assert_never(other)

    def _auto(self) -> ByteStream:
        closed: list[DialError] = []
        if self._address.ip is not None:
            try:
                patience = Deadline(min(_IP_PATIENCE, self._deadline.remaining() / 2))
                stream = self._by_ip(self._address.ip, patience)
            except DialError as exc:
                if exc.reason == "tls":
                    raise
                closed.append(self._told(exc, "exec"))
            else:
                self._say(f"by its IP {self._address.ip}: this process runs in its cluster")
                return stream
        try:
            stream = self._by_exec()
        except DialError as exc:
            return self._last_way(exc, closed)
        if not closed:
            self._say("by exec")
        return SecondTry(stream, lambda exc: self._last_way(exc, closed))

    def _last_way(self, exc: DialError, closed: list[DialError]) -> ByteStream:
        if exc.reason not in _OF_THE_WAY:
            raise exc
        closed = [*closed, self._told(exc, "port-forward")]
        try:
            stream = self._by_forward()
        except DialError as last:
            raise _no_way(self._pod, [*closed, last]) from last

        def none_left(last: DialError) -> ByteStream:
            raise _no_way(self._pod, [*closed, last]) from last

        return SecondTry(stream, none_left)

    def _by_ip(self, ip: str, deadline: Deadline) -> ByteStream:
        address = TcpAddress(host=ip, port=self._port)
        options = replace(self._options, tls=self._tls(), timeout=deadline.remaining())
        return dial_tcp(address, options)

    def _by_exec(self) -> ByteStream:
        if self._options.tls is not None:
            self._options.warn(
                "connecting to pods by exec: the --tls options are not used"
                " (they are with --via pod-ip or port-forward)"
            )
        return dial_exec(self._pod, self._options.container or self._address.container, self._deadline)

    def _by_forward(self) -> ByteStream:
        # Exec is what most pods are reached by; the other ways are loaded when they are taken.
        from router.kubernetes.forward import dial_forward
        from router.net.tls_layer import secure

        tls = self._tls()
        if tls is None:
            return dial_forward(self._pod, self._port, self._deadline)
        # First of all: a wrong file is the user's to correct, whether the daemon answers or not.
        context = client_context(tls, files=self._options.files)
        stream = dial_forward(self._pod, self._port, self._deadline)
        name = f"port {self._port} of {self._pod}"
        peer = TLSPeer(name=name, server_name=tls.server_name or self._address.pod, context=context)
        return secure(stream, peer, self._deadline)

    def _tls(self) -> TLSOptions | None:
        """Return the options with the name that this pod's certificate is to be for."""
        tls = self._options.tls
        if tls is None:
            return None
        lacking = "{namespace}" in (tls.server_name or "") and not self._address.namespace
        namespace = self._pod.namespace if lacking else ""
        return replace(tls, server_name=server_name(self._address, tls, namespace=namespace))

    @property
    def _pod(self) -> Pod:
        if self._found is None:
            address, options = self._address, self._options
            source = KubeSource(
                environment=options.environment,
                kubeconfig=options.kubeconfig,
                context=address.context or options.kube_context,
            )
            api = (options.kube or KubeClients()).api(source)
            self._found = Pod(
                api=api,
                namespace=address.namespace or api.target.namespace,
                name=address.pod,
            )
        return self._found

    def _look_up_ip(self) -> str:
        pod = self._pod
        reply = pod.api.get(pod.path(), self._deadline)
        if reply.status == 404:
            raise DialError(f"{pod} does not exist: {status_message(reply)}", reason="no-pod", temporary=True)
        if reply.status != 200:
            raise DialError(
                f"can't look up the IPs of pods in namespace {pod.namespace}: {status_message(reply)}",
                hint=f"a Role in namespace {pod.namespace} must allow the verb get on pods",
                reason="forbidden" if reply.status == 403 else "refused",
                temporary=reply.status >= 500,
            )
        try:
            found = read_json(reply.body)
        except NotJSONError as exc:
            raise DialError(f"{pod.api.name} did not answer with a pod: the answer {exc}") from exc
        if not isinstance(member(found, "status"), dict):
            raise DialError(f"{pod.api.name} did not answer with a pod")
        ip = text(found, "status", "podIP")
        if not ip:
            raise DialError(f"{pod} has no IP yet", reason="no-pod", temporary=True)
        return ip

    def _told(self, exc: DialError, next_way: str) -> DialError:
        self._say(f"by {next_way}: {exc}")
        return exc

    def _say(self, how: str) -> None:
        self._options.tell(f"connecting to {self._address.pod} {how}")


def _no_way(pod: Pod, closed: list[DialError]) -> DialError:
    """Return one error for all the ways; where rights are missing alone, it is the same for every pod."""
    hints = dict.fromkeys(exc.hint for exc in closed if exc.hint)
    if all(exc.reason == "forbidden" for exc in closed):
        return DialError("; ".join(map(str, closed)), hint="; or ".join(hints) or None, reason="forbidden")
    return DialError(
        f"no way to {pod}: {'; '.join(map(str, closed))}",
        hint="\n".join(hints) or None,
        temporary=any(exc.temporary for exc in closed),
    )
