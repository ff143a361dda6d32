"""The seam of tracing: what a span is, and the one that nobody keeps.

A build tells what it does as a tree of spans. It is handed the one that it hangs under, and hands each part
the part's own; nothing is looked up. ``router.telemetry`` keeps spans with the OpenTelemetry SDK.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

__all__ = ["NO_SPAN", "Attribute", "Span", "Unkept"]

Attribute = str | bool | int | float | Sequence[str]

_NO_ATTRIBUTES: Mapping[str, Attribute] = {}
_NO_METADATA: Mapping[str, Sequence[str]] = {}


class Span(Protocol):
    """A stretch of time with a name, and others within it; a context manager that ends it.

    ``kept`` says whether anybody reads what is noted, for what takes work to find out. ``headers`` are what
    a call carries (W3C Trace Context) so that the far end's spans hang under this one.
    """

    kept: bool
    headers: Sequence[tuple[str, str]]

    @abstractmethod
    def begin(
        self,
        name: str,
        attributes: Mapping[str, Attribute] = _NO_ATTRIBUTES,
        under: Mapping[str, Sequence[str]] = _NO_METADATA,
        /,
    ) -> Span:
        """Begin a span within this one, or within the far end's that the metadata of its call names."""

    @abstractmethod
    def note(self, attributes: Mapping[str, Attribute], /) -> None:
        """Add facts, none of them a secret."""

    @abstractmethod
    def end(self, error: BaseException | None = None, /) -> None:
        """End it, once; ``error`` is the fault that did."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(error)


class Unkept(Span):
    """A span that nobody keeps, nor those within it; ``headers`` name a trace of somebody else's."""

    kept = False

    def __init__(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        self.headers = headers

    def __repr__(self) -> str:
        return "NO_SPAN" if not self.headers else "<a span of another's trace>"

    def begin(
        self,
        _name: str,
        _attributes: Mapping[str, Attribute] = _NO_ATTRIBUTES,
        _under: Mapping[str, Sequence[str]] = _NO_METADATA,
        /,
    ) -> Span:
        """Return itself."""
        return self

    def note(self, _attributes: Mapping[str, Attribute], /) -> None:
        """Do nothing."""

    def end(self, _error: BaseException | None = None, /) -> None:
        """Do nothing."""


NO_SPAN = Unkept()
