"""A daemon of the fleet, as the place that found it tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from router.model.address import Address
from router.model.frozen import field, frozen

__all__ = ["NOT_ASKED", "Candidate", "Daemon", "Exclusion", "ExclusionKind", "Place"]

NOT_ASKED = "not asked"
"""The state of a daemon of which the listing can't know: whether it is there shows when it is dialled."""

ExclusionKind = Literal["missing", "terminating", "not-ready", "cordoned", "platform", "identity", "busy"]


@frozen
class Daemon:
    """One buildkitd.

    ``name`` is what people call it; ``identity`` is what placement hashes, empty where that is the name.
    ``unplaced`` says why it has no identity, and so no place in any order. ``address`` is a value whose
    ``str`` is its text (``tcp://one:1234``).

    ``state`` is one or two words for a person (``ready``, ``CrashLoopBackOff``, ``not asked``), ``detail``
    what else is known of it. ``present`` is false for a member of the fleet that is known but not there.
    ``cordon`` is None for a daemon that takes builds, else the reason given, perhaps empty.

    ``platforms`` is all that it builds for, and ``native`` what it runs on; each is empty where the listing
    does not tell. ``max_builds`` is its own bound on builds in flight, None where it sets none.
    """

    name: str
    address: Address
    identity: str = ""
    unplaced: str = ""
    ready: bool = True
    terminating: bool = False
    present: bool = True
    state: str = "ready"
    detail: str = ""
    cordon: str | None = None
    platforms: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    max_builds: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def hashed(self) -> str:
        """What placement hashes: the identity, which is the name unless another was chosen."""
        return self.identity or self.name

    @property
    def peer(self) -> str:
        """What errors of a connection call it: the name with the address, unless that is the name."""
        return self.name if "://" in self.name else f"{self.name} ({self.address})"

    def naming(self, text: str) -> str:
        """Return a sentence about this daemon with its name before it, unless that stands in it."""
        if re.search(rf"(?<![\w.-]){re.escape(self.name)}(?![\w-])", text):
            return text
        return f"{self.name}: {text}"


@frozen
class Exclusion:
    """One reason why a daemon can't take a build: a word for programs, a text for people."""

    kind: ExclusionKind
    text: str


@frozen
class Candidate:
    """A daemon in its place in the order for a key, and why it is left out: nothing says so if it is fit."""

    daemon: Daemon
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def fit(self) -> bool:
        """Whether the daemon can take this build now."""
        return not self.exclusions

    @property
    def reason(self) -> str:
        """Why it is left out, empty if it is fit."""
        return ", ".join(exclusion.text for exclusion in self.exclusions)

    def excluding(self, exclusion: Exclusion) -> Candidate:
        """Return it with one more reason to be left out."""
        return Candidate(daemon=self.daemon, exclusions=(*self.exclusions, exclusion))


@frozen
class Place:
    """Which choice a daemon is for a key: 1 is the key's home, 0 one outside of the order (a fallback).

    ``home`` is the name of the daemon at home, and ``reason`` why the build isn't there; both are empty where
    ``number`` is 0, and ``reason`` where it is 1. ``str`` of it is ``home``, ``2nd choice`` or ``fallback``.
    """

    number: int = 1
    home: str = ""
    reason: str = ""

    def __str__(self) -> str:
        match self.number:
            case 0:
                return "fallback"
            case 1:
                return "home"
            case number:
                teen = 10 < number % 100 < 14
                ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
                return f"{number}{ending} choice"
