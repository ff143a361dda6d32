"""The open sessions of one client, and the actions that wait for them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol

from router.bounds import shortened
from router.rpc.grpc import Status
from router.serving.sessions import ClientSession
from router.serving.timers import Timers

__all__ = ["OpenSessions"]

# How long buildkitd waits for a session that a build names, in seconds.
_SESSION_WAIT = 5.0
# The limits for one client: sessions, and actions that wait for them.
_MOST_SESSIONS, _MOST_AWAITED = 100, 200
# Characters of a session's id that are repeated to whoever sent it.
_LONGEST_ID = 100


class _Settles(Protocol):
    """Runs the waiting action if the sessions are open, or it is too late; says whether it did."""

    def __call__(self, *, late: bool = False) -> bool: ...


class OpenSessions:
    """The sessions, by id."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._sessions: dict[str, ClientSession] = {}
        self._awaited: dict[int, _Settles] = {}
        self._awaits = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> ClientSession | None:
        """Return a session, or None if it is not open."""
        return self._sessions.get(session_id)

    def add(self, session: ClientSession) -> bool:
        """Add a session; return False if that is not possible."""
        if not session.id or session.id in self._sessions or len(self._sessions) >= _MOST_SESSIONS:
            return False
        self._sessions[session.id] = session
        for number, is_settled in tuple(self._awaited.items()):
            if is_settled():
                del self._awaited[number]
        return True

    def remove(self, session: ClientSession) -> bool:
        """Remove a session that its client has ended; return False if it was not open."""
        if self._sessions.get(session.id) is not session:
            return False
        del self._sessions[session.id]
        return True

    def when_open(
        self, sessions: Collection[str], then: Callable[[], None], otherwise: Callable[[int, str], None]
    ) -> None:
        """Call ``then`` once the client has opened these sessions, ``otherwise`` if that takes too long.

        A daemon may have other clients' sessions: a client that could name those would get their files and
        secrets.
        """

        def is_settled(*, late: bool = False) -> bool:
            missing = next((each for each in sessions if each not in self._sessions), None)
            if missing is None:
                then()
            elif late:
                otherwise(Status.UNKNOWN, f"no active session for {shortened(missing, _LONGEST_ID)}")
            return late or missing is None

        if is_settled():
            return
        if len(self._awaited) >= _MOST_AWAITED:
            is_settled(late=True)
            return
        number = self._awaits = self._awaits + 1
        self._awaited[number] = is_settled
        self._timers.after(_SESSION_WAIT, partial(self._too_late, number))

    def _too_late(self, number: int) -> None:
        if (is_settled := self._awaited.pop(number, None)) is not None:
            is_settled(late=True)
