"""Which calls of a client's session can be made twice. Pure.

If a build is retried, its new daemon calls the client's session as the lost one did. Most calls can be
repeated: files and secrets are read again, and blobs are known by their digests. An output can't be: the
client opens its file once, or has a part of a tree that the next attempt may not have.
"""

from __future__ import annotations

__all__ = ["why_once"]

_REPEATABLE = (
    "/moby.filesync.v1.FileSync/",
    "/moby.filesync.v1.Auth/",
    "/moby.buildkit.secrets.v1.Secrets/",
    "/moby.sshforward.v1.SSH/",
    "/moby.buildkit.v1.sourcepolicy.policysession.PolicyVerifier/",
    "/moby.exporter.v1.Exporter/FindExporters",
    "/containerd.services.content.v1.Content/",
    "/grpc.health.v1.Health/",
)
_ONCE = {
    "/moby.filesync.v1.FileSend/": "its output had begun to reach the client",
    "/moby.upload.v1.Upload/": "its context comes from standard input, which can be read only once",
    "/moby.exporter.v1.Exporter/": "its output had reached the client",
}


def why_once(path: str) -> str:
    """Return why a call can't be made twice, empty if it can."""
    if path.startswith(_REPEATABLE):
        return ""
    for service, why in _ONCE.items():
        if path.startswith(service):
            return why
    return f"its daemon had called {path[:100]} of the client, which may work only once"
