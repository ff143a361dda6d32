"""Transfers as spans: what the daemon asked for, how many bytes were sent, and whether it ended well.

A transfer is a child of the daemon's step that asked for it, if the daemon names the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from router.net.stream import Buffer
from router.session.server import CallMetadata, SlowHandler, StreamHandler, StreamMethod
from router.tracing import Attribute, Span

__all__ = ["traced"]

# Limits memory: a daemon may ask as often as it likes.
_MOST_TRANSFERS = 500
_T = TypeVar("_T")


def traced(methods: Mapping[str, StreamMethod], span: Span) -> Mapping[str, StreamMethod]:
    """Return the methods with a span for each call."""
    count = 0

    def spanning(path: str, method: StreamMethod) -> StreamMethod:
        def begin(metadata: CallMetadata) -> StreamHandler:
            nonlocal count
            count += 1
            if count > _MOST_TRANSFERS:
                return method(metadata)
            part = span.begin(path.removeprefix("/"), _facts(metadata), metadata)
            try:
                handler = method(metadata)
            except Exception as exc:
                part.end(exc)
                raise
            return _Slow(handler, part) if isinstance(handler, SlowHandler) else _Traced(handler, part)

        return begin

    return {path: spanning(path, method) for path, method in methods.items()}


def _facts(metadata: CallMetadata) -> Mapping[str, Attribute]:
    """Return the name that the frontend or the exporter has for the transferred data."""
    facts: dict[str, Attribute] = {"rpc.system": "grpc"}
    if names := metadata.get("dir-name"):
        facts["warmroute.transfer.name"] = names[0]
    if numbers := metadata.get("buildkit-attachable-exporter-id"):
        facts["warmroute.transfer.exporter"] = numbers[0]
    return facts


class _Traced:
    """A call whose bytes are counted as they pass."""

    def __init__(self, handler: StreamHandler, span: Span) -> None:
        self._handler = handler
        self._span = span
        self._sent = self._received = 0
        self._error: Exception | None = None

    @property
    def done(self) -> bool:
        return self._handler.done

    def receive(self, message: memoryview) -> None:
        self._received += len(message)
        self._watched(lambda: self._handler.receive(message))

    def end_of_input(self) -> None:
        self._watched(self._handler.end_of_input)

    def pull(self, size: int) -> Sequence[Buffer] | None:
        buffers = self._watched(lambda: self._handler.pull(size))
        if buffers:
            self._sent += sum(map(len, buffers))
        return buffers

    def close(self) -> None:
        whole = self._handler.done
        try:
            self._watched(self._handler.close)
        finally:
            self._span.note(
                {
                    "warmroute.transfer.sent": self._sent,
                    "warmroute.transfer.received": self._received,
                    "warmroute.transfer.whole": whole and self._error is None,
                }
            )
            self._span.end(self._error)

    def _watched(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except Exception as exc:
            self._error = self._error or exc
            raise


class _Slow(_Traced):
    """A call that may make the daemon pause."""

    def __init__(self, handler: SlowHandler, span: Span) -> None:
        super().__init__(handler, span)
        self._slow = handler

    @property
    def full(self) -> bool:
        return self._slow.full
