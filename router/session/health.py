"""grpc.health.v1: the daemon checks every few seconds that this process still answers."""

from __future__ import annotations

__all__ = ["CHECK", "check"]

CHECK = "/grpc.health.v1.Health/Check"

# HealthCheckResponse{status: SERVING}: field 1, varint 1.
_SERVING = b"\x08\x01"


def check(_request: bytes) -> bytes:
    """Answer SERVING: a process that can answer is healthy."""
    return _SERVING
