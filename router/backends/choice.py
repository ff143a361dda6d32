"""Which backend carries builds out. Each is loaded when it is chosen: the native one pays for no other."""

from __future__ import annotations

from router.backends import Backend
from router.model.routing import BackendName

__all__ = ["backend_named"]


def backend_named(name: BackendName) -> Backend:
    """Return a backend by its name."""
    match name:
        case "native":
            from router.backends.native import NativeBackend

            return NativeBackend()
        case "buildctl":
            from router.backends.buildctl import BuildctlBackend

            return BuildctlBackend()
        case "docker":
            from router.backends.docker import DockerBackend

            return DockerBackend()
