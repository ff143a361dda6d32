"""Ears for what a build tells: several for one event, words as notices, a warning once."""

from __future__ import annotations

from collections.abc import Callable

from router.model.events import Event, Notice, NoticeLevel

__all__ = ["both", "ignore", "once", "tell"]


def ignore(_event: Event) -> None:
    """Hear nothing of the progress."""


def tell(on_event: Callable[[Event], None], level: NoticeLevel, text: str) -> None:
    """Tell something in words."""
    on_event(Notice(level=level, text=text))


def both(first: Callable[[Event], None], second: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return what tells two of the same event."""

    def hear(event: Event) -> None:
        first(event)
        second(event)

    return hear


def once(tell_text: Callable[[str], None]) -> Callable[[str], None]:
    """Return what tells each text once, however often a daemon is dialled."""
    told: set[str] = set()

    def tell_new(text: str) -> None:
        if text not in told:
            told.add(text)
            tell_text(text)

    return tell_new
