"""Commands of docker and buildx that have no counterpart here, and what is done instead."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["INSTEAD"]

_SERVED = "start warmroute serve --register routed, then run BUILDX_BUILDER=routed docker"

INSTEAD: Mapping[str, str] = {
    "compose": f"{_SERVED} compose build",
    "create": "there are no builders to create: --addr or --selector name the daemons, and warmroute fleet up"
    " makes some on Kubernetes",
    "use": "there are no builders to select: the image's name picks the daemon (warmroute where -t IMAGE)",
    "rm": "there are no builders to remove: nothing is kept on this machine; warmroute prune frees disks,"
    " warmroute fleet down removes a fleet",
    "stop": "there are no builders to stop: the daemons run without warmroute, warmroute ls shows them",
    "inspect": "warmroute ls shows the daemons, warmroute workers more about each",
    "history open": "run warmroute history inspect, or history export for Docker Desktop to import",
    "history import": "Docker Desktop imports archives: docker buildx history import",
}
