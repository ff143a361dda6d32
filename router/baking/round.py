"""One try of linked builds on one daemon: each waits for the results that it uses, and is held for those that
use its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from router.baking.requests import BakeBuild
from router.errors import CancelledError, RouterError
from router.model.frozen import frozen
from router.solve.handing import Handed

__all__ = ["BaseFailedError", "Round"]


class BaseFailedError(Exception):
    """A build can't begin, because what it uses has ended without a result: ``base``."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        self.base = base


@frozen
class _Held:
    """Who is to be told when nobody needs a build any more."""

    users: tuple[str, ...]
    wake: Callable[[], None]


class Round:
    """What the builds of one try know of each other. The first of ``builds`` is let onto the daemon first,
    because it asks whether that has room.

    ``stop`` is called, with the reason, when the try is over for all of them.
    """

    def __init__(self, builds: Sequence[BakeBuild], stop: Callable[[str], None]) -> None:
        self._builds = {build.name: build for build in builds}
        self.first = builds[0].name
        self._stop = stop
        self._changed = threading.Condition()
        self._results: dict[str, Handed] = {}
        self._evaluated: set[str] = set()
        self._ended: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._over = ""
        self.fault: RouterError | None = None
        """What the daemon, or the way to it, is to blame for: all of them have to be tried again."""

    def contexts_of(self, build: BakeBuild) -> Mapping[str, Handed]:
        """Return the results that a build uses, by the contexts' names, when they are there.

        Raises ``BaseFailedError``, ``CancelledError``.
        """
        needed = {self.first, *build.links.values()} - {build.name}
        with self._changed:
            while True:
                if self._over:
                    raise CancelledError(self._over)
                missing = [name for name in needed if name not in self._results]
                for name in missing:
                    if name in self._ended and name in build.links.values():
                        raise BaseFailedError(name)
                if all(name in self._ended for name in missing):
                    return {context: self._results[base] for context, base in build.links.items()}
                self._changed.wait()

    def base_with(self, build: BakeBuild, step: str) -> str:
        """Return which of the builds that a build uses has a step, empty where it is its own."""
        with self._changed:
            for base in build.links.values():
                result = self._results.get(base)
                if result is not None and step in result.steps:
                    return base
        return ""

    def ended(self, name: str) -> None:
        """Note that a build has ended, however it did."""
        self._note(lambda: self._ended.add(name))

    def broke(self, fault: RouterError) -> None:
        """Note that the daemon has to be given up; the first word counts."""
        with self._changed:
            self.fault = self.fault or fault
        self.give_up(str(fault))

    def give_up(self, why: str) -> None:
        """End the try for all builds."""

        def end() -> None:
            self._over = self._over or why

        # First: who is woken asks whether the try was stopped.
        self._stop(why)
        self._note(end)

    def solved(self, name: str, result: Handed) -> None:
        """Note the result of a build."""
        self._note(lambda: self._results.update({name: result}))

    def evaluated(self, name: str) -> None:
        """Note that a build's result is carried out."""
        self._note(lambda: self._evaluated.add(name))

    def hold(self, name: str, wake: Callable[[], None]) -> None:
        """Call ``wake`` as soon as nobody needs a build any more."""
        self._note(lambda: self._held.update({name: _Held(users=self._users_of(name), wake=wake)}))

    def is_used(self, name: str) -> bool:
        """Say whether others use a build's result."""
        return bool(self._users_of(name))

    def released(self, name: str) -> bool:
        """Say whether nobody needs a build any more: all that use it have been carried out, or have ended."""
        held = self._held.get(name)
        return held is not None and all(self._has_what_it_uses(user) for user in held.users)

    def _users_of(self, name: str) -> tuple[str, ...]:
        return tuple(each.name for each in self._builds.values() if name in each.links.values())

    def _has_what_it_uses(self, name: str) -> bool:
        return name in self._evaluated or name in self._ended

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()
            held = [each.wake for name, each in self._held.items() if self.released(name)]
        for wake in held:
            wake()
