"""A fleet of buildkitd pods, as a manifest: a StatefulSet whose pods start at once and share nothing.

Pure. `Cluster.apply_buildkitd` applies it and waits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.servers import images

PORT = 1234
_ROOTLESS_USER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Which pods there are to be. All carry the label app=NAME. `config` is text for buildkitd.toml."""

    name: str = "buildkitd"
    replicas: int = 3
    namespace: str = "default"
    rootless: bool = False
    config: str = ""

    @property
    def selector(self) -> str:
        """The label selector that names this fleet."""
        return f"app={self.name}"

    def manifest(self) -> str:
        """Return the namespace, the configuration and the pods, as one JSON list."""
        items = [self._namespace(), self._config_map(), self._stateful_set()]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    def _namespace(self) -> dict[str, object]:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}

    def _config_map(self) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "data": {"buildkitd.toml": self.config},
        }

    def _stateful_set(self) -> dict[str, object]:
        labels = {"app": self.name}
        return {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": labels},
            "spec": {
                "serviceName": self.name,
                "replicas": self.replicas,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": self._pod()},
            },
        }

    def _pod(self) -> dict[str, object]:
        return {
            "terminationGracePeriodSeconds": 5,
            "containers": [self._container()],
            "volumes": [
                {"name": "state", "emptyDir": {}},
                {"name": "config", "configMap": {"name": self.name}},
            ],
        }

    def _container(self) -> dict[str, object]:
        return {
            "name": "buildkitd",
            "image": images.BUILDKIT_ROOTLESS if self.rootless else images.BUILDKIT,
            "imagePullPolicy": "Never",
            "args": self._args(),
            "ports": [{"name": "buildkit", "containerPort": PORT}],
            "securityContext": self._security(),
            # gRPC's health service; `buildctl debug workers` would start a process each time.
            "readinessProbe": {
                "grpc": {"port": PORT},
                "periodSeconds": 1,
                "timeoutSeconds": 3,
                "failureThreshold": 2,
            },
            "volumeMounts": [
                {"name": "state", "mountPath": self._state()},
                {"name": "config", "mountPath": "/etc/buildkit"},
            ],
        }

    def _args(self) -> list[str]:
        run = f"/run/user/{_ROOTLESS_USER}" if self.rootless else "/run"
        sandbox = ["--oci-worker-no-process-sandbox"] if self.rootless else []
        return [
            "--config=/etc/buildkit/buildkitd.toml",
            f"--addr=unix://{run}/buildkit/buildkitd.sock",
            f"--addr=tcp://0.0.0.0:{PORT}",
            "--oci-worker-net=host",
            *sandbox,
        ]

    def _security(self) -> dict[str, object]:
        if not self.rootless:
            return {"privileged": True}
        user = {"runAsUser": _ROOTLESS_USER, "runAsGroup": _ROOTLESS_USER}
        return {**user, "seccompProfile": {"type": "Unconfined"}}

    def _state(self) -> str:
        return "/home/user/.local/share/buildkit" if self.rootless else "/var/lib/buildkit"
