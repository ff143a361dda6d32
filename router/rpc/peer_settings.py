"""What the peer's SETTINGS allow us (RFC 9113, section 6.5)."""

from __future__ import annotations

from router.rpc.events import ErrorCode, Http2Error
from router.rpc.frames import DEFAULT_WINDOW, MAX_FRAME_SIZE, MAX_WINDOW, Setting

__all__ = ["PeerSettings", "window_overflow"]

_SIZE = 6


class PeerSettings:
    """The values in force. HEADER_TABLE_SIZE says nothing to us: our headers are never indexed."""

    def __init__(self, *, may_push: bool) -> None:
        self.initial_window = DEFAULT_WINDOW
        self.max_frame = MAX_FRAME_SIZE
        self._may_push = may_push

    def apply(self, payload: memoryview) -> int:
        """Take the settings of one frame; return by how much the windows of all open streams change.

        Raises ``Http2Error`` for a value that the section forbids.
        """
        before = self.initial_window
        for offset in range(0, len(payload), _SIZE):
            name = int.from_bytes(payload[offset : offset + 2], "big")
            self._set(name, int.from_bytes(payload[offset + 2 : offset + _SIZE], "big"))
        return self.initial_window - before

    def _set(self, name: int, value: int) -> None:
        if name == Setting.INITIAL_WINDOW_SIZE:
            if value > MAX_WINDOW:
                raise window_overflow("every stream")
            self.initial_window = value
        elif name == Setting.MAX_FRAME_SIZE:
            if not MAX_FRAME_SIZE <= value < 2**24:
                raise Http2Error("the peer set an impossible frame size")
            self.max_frame = value
        elif name == Setting.ENABLE_PUSH and value > self._may_push:
            raise Http2Error("the peer set an impossible ENABLE_PUSH")


def window_overflow(what: str) -> Http2Error:
    """Return the error for a window that is larger than any may be."""
    return Http2Error(f"the peer set a window beyond 2^31-1 for {what}", code=ErrorCode.FLOW_CONTROL_ERROR)
