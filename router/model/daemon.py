"""A daemon of the fleet, as the place that found it tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from router.model.frozen import frozen

__all__ = ["Candidate", "Daemon"]


@frozen
class Daemon:
    """One buildkitd.

    ``name`` is its stable identity: placement hashes it. ``address`` is what ``transport.address``
    parses. ``platforms`` is empty where the listing does not tell. ``state`` is one or two words for a
    person (``ready``, ``not ready``, ``terminating``).
    """

    name: str
    address: str
    ready: bool = True
    terminating: bool = False
    state: str = "ready"
    platforms: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@frozen
class Candidate:
    """A daemon in its place in the order for a key; ``reason`` says why it is left out, empty if fit."""

    daemon: Daemon
    reason: str = ""

    @property
    def fit(self) -> bool:
        """Whether the daemon can take this build now."""
        return not self.reason
