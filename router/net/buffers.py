"""Join and split buffers that wait to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.net.stream import Buffer

__all__ = ["chunks", "without"]


def chunks(buffers: Sequence[Buffer], size: int) -> Iterator[bytes]:
    """Yield the bytes of all buffers in pieces of ``size``, the last one shorter; copies as it goes."""
    gathered = bytearray()
    for buffer in buffers:
        view = memoryview(buffer)
        while view:
            piece = view[: size - len(gathered)]
            view = view[len(piece) :]
            if len(piece) == size:
                yield bytes(piece)
                continue
            gathered += piece
            if len(gathered) == size:
                yield bytes(gathered)
                gathered.clear()
    if gathered:
        yield bytes(gathered)


def without(buffers: Sequence[Buffer], taken: int) -> list[Buffer]:
    """Return the buffers without their first ``taken`` bytes."""
    for index, buffer in enumerate(buffers):
        if taken < len(buffer):
            return [memoryview(buffer)[taken:], *buffers[index + 1 :]]
        taken -= len(buffer)
    return []
