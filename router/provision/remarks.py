"""Why the settings of a fleet's objects are as they are: the comments of printed manifests. Pure.

By the path of a setting, from the kind on. A list's elements have their names in brackets, where they have
some.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REMARKS"]

_POD = "template.spec"
_CONTAINER = f"{_POD}.containers[buildkitd]"

# Of StatefulSets and DaemonSets alike; below ``spec``.
_WORKLOAD = {
    "podManagementPolicy": (
        "The daemons don't know each other: there is no order to keep. A StatefulSet all the same, because"
        " the pods' names are what keys are placed by, and the second pod must be the second again when it"
        " comes back."
    ),
    "template.metadata.annotations": (
        "These change with what the daemons read at their start, so that the pods are replaced then. Who"
        " edits the ConfigMap by hand replaces them by `kubectl rollout restart`."
    ),
    f"{_POD}.nodeSelector.kubernetes.io/arch": "warmroute reads it",
    f"{_POD}.terminationGracePeriodSeconds": (
        "As long as your longest build: a pod that is deleted ends when its last build has (preStop,"
        " below), and is killed after this. It gets no new ones, for warmroute skips pods that terminate."
        " An idle one ends at once."
    ),
    f"{_POD}.automountServiceAccountToken": "Steps of a build have no business with the API server.",
    f"{_POD}.securityContext.fsGroup": "A volume belongs to root otherwise.",
    f"{_POD}.securityContext.fsGroupChangePolicy": ("Not file by file on every start: a cache has millions."),
    f"{_CONTAINER}.args[--containerd-worker-namespace=k8s.io]": "where the kubelet looks for images",
    f"{_CONTAINER}.args[--oci-worker-no-process-sandbox]": (
        "An unprivileged container can't mount a /proc of its own."
    ),
    f"{_CONTAINER}.ports": "Declared, a client inside the cluster takes the pod's IP without being told.",
    f"{_CONTAINER}.env[TMPDIR]": (
        "A step's root file system is mounted here, and it is containerd, on the node, that starts the step."
    ),
    f"{_CONTAINER}.envFrom": "Proxies, where there are any: proxy.yaml",
    f"{_CONTAINER}.securityContext.seccompProfile": (
        "For the user namespace that the daemon runs in. allowPrivilegeEscalation must not be false:"
        " newuidmap gains its capabilities by being executed."
    ),
    f"{_CONTAINER}.securityContext.appArmorProfile": "Kubernetes 1.30 or newer",
    f"{_CONTAINER}.resources": (
        "What CPU and memory a build takes is up to the build; requests say what a daemon is sure to get."
        " Without need there is no CPU limit, for builds come in bursts, and a memory limit may kill the"
        " daemon with all its builds."
    ),
    f"{_CONTAINER}.startupProbe": "Starting takes a second, with a large cache longer.",
    f"{_CONTAINER}.readinessProbe": (
        "Not ready: no new builds. Ask for what a build needs, an answer over the socket."
    ),
    f"{_CONTAINER}.livenessProbe": (
        "Not alive: a restart, which ends every build in flight. So only after minutes without an answer."
    ),
    f"{_CONTAINER}.livenessProbe.terminationGracePeriodSeconds": (
        "Who does not answer won't finish a build either."
    ),
    f"{_CONTAINER}.lifecycle": (
        "Told to stop, buildkitd lets builds finish too, but at once nobody can reach it any more: neither"
        " a client that has just chosen it nor one that looks what it does. So it is told when there is"
        " nothing left to do."
    ),
    f"{_POD}.volumes[state].emptyDir": "Gone with the pod, but a container that restarts finds it again.",
    f"{_POD}.volumes[state].hostPath": (
        "These are at the paths that they have on the node: containerd and the daemon tell each other paths."
    ),
    f"{_POD}.volumes[certificates].secret": (
        "Read once, at the start: after renewing them, `kubectl rollout restart` the daemons."
    ),
    "volumeClaimTemplates[].spec.resources": "The gc policy of the ConfigMap is made from this size.",
}

REMARKS: Mapping[str, str] = {
    "Namespace.metadata.labels.pod-security.kubernetes.io/enforce": (
        'Where Pod Security Admission is on: a daemon needs more than "baseline" allows, the rootless one'
        " too (an unconfined seccomp profile, to make its namespaces)."
    ),
    "Service": (
        "The StatefulSet's governing service. It has no ports: a client chooses the pod, which no service"
        " would."
    ),
    "PodDisruptionBudget": (
        "Drains of nodes take one daemon after the other: the next one when the last is back."
    ),
    "PodDisruptionBudget.spec.unhealthyPodEvictionPolicy": (
        "A pod that is not ready builds nothing: it must not keep its node from being drained."
    ),
    "Role.rules[pods].verbs": "Find the daemons.",
    "Role.rules[pods/exec].verbs": (
        "Reach them. The request is a GET that becomes a WebSocket: older API servers ask for get alone,"
        " newer ones for create too."
    ),
    "Role.rules[pods/portforward].verbs": (
        "Reach them. As for exec: older API servers ask for get alone, newer ones for create too."
    ),
    "NetworkPolicy": (
        "Who may connect to the daemons, and with whom they and the steps of builds may: they share the"
        " pod's network. It does something only where the cluster's network plugin enforces policies."
    ),
    "NetworkPolicy.spec.ingress": (
        "By pod IP: CI jobs, in their namespaces. Exec and port-forward come from the node and need no rule."
    ),
    "NetworkPolicy.spec.egress": (
        "Names, and the internet, and nothing inside: no node, no API server, no cloud's metadata service"
        " with its credentials. Add what builds need of it: a registry, a mirror, a proxy."
    ),
    "ConfigMap.data": (
        "The daemon's own policy would drop contexts and cache mounts first: after 48 hours without use,"
        " once the whole cache exceeds 512 MB."
    ),
    **{
        f"{kind}.spec.{path}": why for kind in ("StatefulSet", "DaemonSet") for path, why in _WORKLOAD.items()
    },
}
