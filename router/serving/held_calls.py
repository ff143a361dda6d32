"""Calls for a build that has not begun: clients may send them before its Solve."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from router.serving.splice import Splice
from router.serving.timers import Timers

__all__ = ["HeldCalls"]

# The limit for one client: calls, and builds that it names sessions for.
_MOST_HELD = 200
# Refs of finished builds, for late calls.
_MOST_OVER = 1000


class HeldCalls:
    """The calls of one client, by their build's ref."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._held: dict[str, list[Splice]] = {}
        self._named: dict[str, set[str]] = {}
        self._over: dict[str, None] = {}

    def hold(self, ref: str, call: Splice, wait: float, otherwise: Callable[[], None]) -> None:
        """Keep a call; call ``otherwise`` if its build does not begin in time."""
        if ref in self._over or sum(map(len, self._held.values())) >= _MOST_HELD:
            wait = 0.0
        self._held.setdefault(ref, []).append(call)
        self._timers.after(wait, partial(self._give_up, ref, call, otherwise))

    def name_sessions(self, ref: str, sessions: tuple[str, ...]) -> None:
        """Keep the sessions that a call names for its build."""
        if len(self._named) < _MOST_HELD:
            self._named.setdefault(ref, set()).update(sessions)

    def begins(self, ref: str) -> tuple[list[Splice], set[str]]:
        """Return the calls and the sessions that were kept for a build."""
        return self._held.pop(ref, []), self._named.pop(ref, set())

    def ended(self, ref: str) -> None:
        """Record that a build has finished: later calls for it don't wait."""
        self._over[ref] = None
        if len(self._over) > _MOST_OVER:
            del self._over[next(iter(self._over))]

    def _give_up(self, ref: str, call: Splice, otherwise: Callable[[], None]) -> None:
        held = self._held.get(ref, [])
        if call in held:
            held.remove(call)
            if not held:
                del self._held[ref]
                self._named.pop(ref, None)
            if not call.over:
                otherwise()
