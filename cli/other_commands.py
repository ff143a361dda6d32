"""Commands of docker and buildx that have no counterpart here, and what is done instead."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["INSTEAD"]

_BUILDERS = "see docs/how-to/coming-from-buildx.md"

INSTEAD: Mapping[str, str] = {
    "bake": "run docker buildx bake on the chosen daemon, see docs/how-to/other-tools.md",
    "compose": "run docker compose build on the chosen daemon, see docs/how-to/other-tools.md",
    "create": f"there are no builders to create: --addr or --selector name the daemons, {_BUILDERS}",
    "use": f"there are no builders to select: the image's name picks the daemon, {_BUILDERS}",
    "rm": f"there are no builders to remove: nothing is kept on this machine, {_BUILDERS}",
    "stop": f"there are no builders to stop: the daemons run without warmroute, {_BUILDERS}",
    "inspect": f"warmroute ls shows the daemons, warmroute debug workers more about one, {_BUILDERS}",
    "history open": "run warmroute history inspect, or history export for Docker Desktop to import",
    "history import": "Docker Desktop imports archives: docker buildx history import",
    "imagetools": "run docker buildx imagetools: it needs registries only, no daemon",
}
