"""One router reads each kubeconfig once, however often it talks to the API server."""

from __future__ import annotations

import json
import os

from router.kubernetes.clients import KubeClients
from router.kubernetes.config import KubeSource


def test_a_kubeconfig_from_a_command_serves_every_connection() -> None:
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    reader, writer = os.pipe()
    os.write(writer, json.dumps(config).encode())
    os.close(writer)
    environment = {"KUBECONFIG": f"/dev/fd/{reader}"}

    with KubeClients() as clients:
        listing = clients.api(KubeSource(environment=environment))
        building = clients.api(KubeSource(environment=environment, context="a"))

    os.close(reader)
    assert listing is building
