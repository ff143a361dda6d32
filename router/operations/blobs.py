"""Blobs of a daemon's content store, by their digests; its history keeps them beside the records."""

from __future__ import annotations

from router.rpc import RpcChannel
from router.rpc.events import Http2Error
from router.rpc.protobuf import field, read

__all__ = ["Parts", "read_blob"]

# Bytes of a record of the history, or of one blob: the largest have some megabytes.
_LARGEST_ANSWER = 16 << 20
_COST_OF_A_PART = 100


class Parts:
    """Keeps the messages of an answer, as far as an answer goes."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self._left = _LARGEST_ANSWER

    def add(self, part: memoryview) -> None:
        """Keep one more part. Raises ``Http2Error`` where it is too much in all."""
        self._left -= len(part) + _COST_OF_A_PART
        if self._left < 0:
            raise Http2Error(f"the daemon's answer has more than {_LARGEST_ANSWER} bytes")
        self.kept.append(bytes(part))


def read_blob(channel: RpcChannel, digest: str, timeout: float) -> bytes:
    """Return a blob. Raises ``RpcError`` where there is none, and as ``RpcChannel.run``."""
    parts = Parts()

    def on_message(message: memoryview) -> None:
        for number, part in read(message):
            if number == 2 and not isinstance(part, int):
                parts.add(part)

    call = channel.start(
        "/containerd.services.content.v1.Content/Read", request=field(1, digest), on_message=on_message
    )
    channel.run(lambda: call.done, timeout=timeout)
    if call.error:
        raise call.error
    return b"".join(parts.kept)
