"""What a definition sees of the world: variables, the time, the home directory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from router.model.frozen import frozen

__all__ = ["BakeOutside"]


@frozen
class BakeOutside:
    """What is given to a definition.

    ``variables`` are given for it alone (``--var``) and come before ``environment``, which is empty where it
    isn't to be looked at. ``builtin`` are variables that bake itself defines; no definition can change them.
    ``remote`` is the URL of the repository that a definition comes from, empty for one of this machine.
    """

    environment: Mapping[str, str]
    variables: Mapping[str, str]
    builtin: Mapping[str, str]
    now: datetime
    home: str
    remote: str = ""

    def lookup(self, name: str) -> str | None:
        """Return what is given for a variable, None where nothing is."""
        found = self.variables.get(name)
        return self.environment.get(name) if found is None else found
