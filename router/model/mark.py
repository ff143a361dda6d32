"""What warmroute leaves on a build's record in its daemon's history."""

from __future__ import annotations

from router.model.frozen import frozen

__all__ = ["BuildMark"]


@frozen
class BuildMark:
    """What warmroute leaves on the record of a build that it sends.

    ``place`` is the daemon's in the order for the key: 1 is home, 0 a fallback outside of it. ``attempt`` is
    above 1 where the build was lost before. ``fleet`` is how many daemons the order had, 0 where that isn't
    told. ``by`` is ``user@host``, the machine that sent it. ``at`` is when
    it did so by its own clock, in nanoseconds since 1970; 0 where that isn't told.
    """

    key: str
    rule: str = ""
    place: int = 1
    attempt: int = 1
    fleet: int = 0
    by: str = ""
    at: int = 0
