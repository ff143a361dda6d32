"""The balancing key in the name by which a client calls the endpoint: ``tcp://KEY.localhost:1234``. Pure.

HTTP/2 has that name as ``:authority``. buildctl sends the host of its address, or the server name of its
TLS options; buildx 0.35 sends ``localhost`` whatever its address. Clients can send anything, so only what is
a host's name becomes a key: letters, digits, ``-``, ``_`` and dots, in lower case.
"""

from __future__ import annotations

import re

__all__ = ["key_of_authority"]

# Names of hosts have at most 253 characters, with the end that all of these have.
_LONGEST = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)\.localhost\.?(?::[0-9]{{1,5}})?", re.ASCII)


def key_of_authority(authority: str) -> str:
    """Return the part before ``.localhost``; empty if there is none, or it is no host's name."""
    found = _NAME.fullmatch(authority.lower()) if len(authority) <= _LONGEST + len(":65535") else None
    return found[1] if found else ""
