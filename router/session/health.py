"""grpc.health.v1: the daemon asks every few seconds whether this process still answers."""

from __future__ import annotations

__all__ = ["CHECK", "check"]

CHECK = "/grpc.health.v1.Health/Check"

# HealthCheckResponse{status: SERVING}: field 1, varint 1.
_SERVING = b"\x08\x01"


def check(_request: bytes) -> bytes:
    """Answer SERVING: that the question was read and answered is the answer."""
    return _SERVING
