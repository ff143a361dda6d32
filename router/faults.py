"""What a failure means for the next attempt. The error alone decides; what is then done, ``attempts`` knows.

The daemon has few words for its own faults: a gRPC status where it is asked on the outer connection, else a
message in which such a status is quoted. A step's command that fails is never one of them, whatever killed
it: its message is told apart first.
"""

from __future__ import annotations

import re
from typing import Literal

from router.errors import (
    BusyError,
    ColdError,
    ConnectionLostError,
    DialError,
    OverloadError,
    RouterError,
    RpcError,
)

__all__ = ["Fault", "fault_of"]

Fault = Literal["unreached", "lost", "overload", "busy", "cold", "final"]
"""Faults of the path come in two kinds: ``unreached`` (the daemon never had the build) and ``lost`` (it had).
``overload`` is a daemon without room, ``busy`` one that has enough to do and did not take the build, ``cold``
one that has never had it and did not take it either.
``final`` is everything else: the build itself, what the user gave, this machine."""

_CANCELLED, _RESOURCE_EXHAUSTED, _UNAVAILABLE = 1, 8, 14

# Compiled when a build has failed: no other has to wait for that.
_STEP = "did not complete successfully"
# A quoted status, and how the daemon calls a session whose client it lost sight of.
_BROKEN = r"code = (?:Unavailable|Canceled) desc = |\bno active sessions?\b|\btransport is closing\b"
# From errno: ENOSPC, EDQUOT, ENOMEM, EMFILE and ENFILE.
_FULL = r"(?i)no space left on device|disk quota exceeded|cannot allocate memory|too many open files"
# Also RESOURCE_EXHAUSTED, but a request too large for one daemon is too large for all.
_TOO_LARGE = "message larger than max"


def fault_of(error: RouterError) -> Fault:
    """Say what kind of fault an error is."""
    match error:
        case DialError():
            return "unreached"
        case ConnectionLostError():
            return "lost"
        case OverloadError():
            return "overload"
        case BusyError():
            return "busy"
        case ColdError():
            return "cold"
        case RpcError():
            return _of_status(error)
        case _:
            return "final"


def _of_status(error: RpcError) -> Fault:
    """Read the daemon's answer to a build that we did not cancel."""
    message = str(error)
    if re.search(_STEP, message) or re.search(_TOO_LARGE, message):
        return "final"
    if error.code == _RESOURCE_EXHAUSTED or re.search(_FULL, message):
        return "overload"
    if error.temporary or error.code in {_CANCELLED, _UNAVAILABLE} or re.search(_BROKEN, message):
        return "lost"
    return "final"
