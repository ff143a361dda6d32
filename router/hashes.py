"""Hashes of what is short, by modules of Python's own.

``hashlib`` loads OpenSSL with it, which takes 3 ms of each build and is worth it for long contents only.
``random`` of the standard library does the same, and falls back to it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import blake2b, sha256
else:
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    try:
        from _sha2 import sha256  # since Python 3.12
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

__all__ = ["blake2b", "sha256"]
