"""What stands in a frame besides what it carries: padding, priorities, a goodbye (RFC 9113, 6). Pure."""

from __future__ import annotations

from router.rpc.events import GoAwayReceived, Http2Error
from router.rpc.frames import MAX_WINDOW, Flag

__all__ = ["check_dependency", "goodbye", "header_part", "unpadded"]

_PRIORITY_SIZE = 5


def header_part(flags: int, stream_id: int, payload: memoryview) -> memoryview:
    """Return what a HEADERS frame has of a header block. Raises ``Http2Error``."""
    if flags & Flag.PADDED:
        payload = unpadded(payload)
    if flags & Flag.PRIORITY:
        if len(payload) < _PRIORITY_SIZE:
            raise Http2Error("the peer sent a HEADERS frame without its priority")
        check_dependency(stream_id, payload)
        payload = payload[_PRIORITY_SIZE:]
    return payload


def unpadded(payload: memoryview) -> memoryview:
    """Return a padded payload without its padding. Raises ``Http2Error``."""
    if not payload or payload[0] >= len(payload):
        raise Http2Error("the peer sent more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def check_dependency(stream_id: int, payload: memoryview) -> None:
    """Priorities mean nothing to us; what depends on itself is an error still (RFC 7540, section 5.3.1)."""
    if int.from_bytes(payload[:4], "big") & MAX_WINDOW == stream_id:
        raise Http2Error(f"the peer made stream {stream_id} depend on itself")


def goodbye(payload: memoryview) -> GoAwayReceived:
    """Return what a GOAWAY frame says."""
    last = int.from_bytes(payload[:4], "big") & MAX_WINDOW
    return GoAwayReceived(last, int.from_bytes(payload[4:8], "big"), bytes(payload[8:]))
