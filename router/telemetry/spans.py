"""Spans of the SDK's behind the seam: their parents, and what of their facts may leave the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from router.errors import BuildError, RouterError, RpcError
from router.faults import fault_of
from router.redaction import redacted
from router.telemetry.measures import Ended
from router.tracing import Attribute, Span

__all__ = ["PROPAGATOR", "Keeper", "KeptSpan", "top_span"]

# A daemon that leaves a build to another, which is warmer or has room: nothing is wrong with either.
_NO_FAULTS = ("busy", "cold")

PROPAGATOR = TraceContextTextMapPropagator()


class Keeper(NamedTuple):
    """What makes spans, and what hears of those that have ended.

    ``headers`` are what calls carry where spans are counted and not exported: a trace of somebody else's, in
    which ours would be a gap. None where they are exported.
    """

    tracer: trace.Tracer
    on_end: Callable[[Ended], None]
    headers: Sequence[tuple[str, str]] | None = None


def top_span(keeper: Keeper, context: Context) -> Span:
    """Return what stands for the span of ``context``, for others to hang under; it is not ours to end."""
    return _Top(keeper, context)


class _Top(Span):
    """A place in a trace that spans hang under."""

    kept = True

    def __init__(self, keeper: Keeper, context: Context) -> None:
        self._keeper = keeper
        self._context = context
        self.headers = _headers(context) if keeper.headers is None else keeper.headers

    def begin(
        self,
        name: str,
        attributes: Mapping[str, Attribute] = {},
        under: Mapping[str, Sequence[str]] = {},
        /,
    ) -> Span:
        return KeptSpan(self._keeper, self._remote(under) or self._context, name, attributes)

    def note(self, attributes: Mapping[str, Attribute], /) -> None:
        """Do nothing."""

    def end(self, error: BaseException | None = None, /) -> None:
        """Do nothing."""

    def _remote(self, metadata: Mapping[str, Sequence[str]]) -> Context | None:
        """Return the far end's span where it is of the same trace: a daemon has no say in any other."""
        headers = {name: metadata[name][0] for name in ("traceparent", "tracestate") if metadata.get(name)}
        if "traceparent" not in headers:
            return None
        context = PROPAGATOR.extract(headers)
        theirs, ours = (trace.get_current_span(each).get_span_context() for each in (context, self._context))
        return context if theirs.trace_id == ours.trace_id else None


class KeptSpan(_Top):
    """A span that is kept, and counted when it ends."""

    def __init__(
        self, keeper: Keeper, parent: Context, name: str, attributes: Mapping[str, Attribute]
    ) -> None:
        self._own = keeper.tracer.start_span(name, parent, kind=_kind(name))
        super().__init__(keeper, trace.set_span_in_context(self._own, parent))
        self._name = name
        self._began = time.monotonic()
        self._attributes: dict[str, Attribute] = {}
        self.note(attributes)

    def note(self, attributes: Mapping[str, Attribute], /) -> None:
        masked = {name: _masked(value) for name, value in attributes.items()}
        self._attributes |= masked
        self._own.set_attributes(masked)

    def end(self, error: BaseException | None = None, /) -> None:
        if error is not None:
            self.note(_facts(error))
            if self._attributes.get("warmroute.fault") not in _NO_FAULTS:
                self._own.set_status(trace.StatusCode.ERROR, _description(error))
        self._own.end()
        seconds = time.monotonic() - self._began
        self._keeper.on_end(
            Ended(name=self._name, attributes=self._attributes, seconds=seconds, error=_reason(error))
        )


def _headers(context: Context) -> Sequence[tuple[str, str]]:
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier, context)
    return tuple(carrier.items())


def _kind(name: str) -> trace.SpanKind:
    """A solve is asked of a daemon; a transfer, which has a gRPC method's name, the daemon asks of us."""
    if "/" in name:
        return trace.SpanKind.SERVER
    return trace.SpanKind.CLIENT if name == "solve" else trace.SpanKind.INTERNAL


def _masked(value: Attribute) -> Attribute:
    """Return an attribute as it may leave the machine."""
    if isinstance(value, str):
        return _printable(*redacted([value]))
    if isinstance(value, Sequence):
        return [_printable(each) for each in redacted(value)]
    return value


def _printable(text: str) -> str:
    """Return the text as UTF-8 has it: a path may have bytes that are none."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _facts(error: BaseException) -> dict[str, Attribute]:
    facts: dict[str, Attribute] = {"error.type": type(error).__name__}
    if isinstance(error, RouterError):
        facts |= {"warmroute.reason": error.reason, "warmroute.fault": fault_of(error)}
    if isinstance(error, RpcError):
        facts["rpc.grpc.status_code"] = error.code
    return facts


def _reason(error: BaseException | None) -> str:
    if error is None:
        return ""
    return error.reason if isinstance(error, RouterError) else type(error).__name__


def _description(error: BaseException) -> str:
    """Return what is told of a fault. A daemon's words quote commands, in which build arguments are spelled
    out: they stand in its own spans, for who may see those."""
    if isinstance(error, RouterError) and not isinstance(error, BuildError | RpcError):
        return str(_masked(str(error)))
    return type(error).__name__
