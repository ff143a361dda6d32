"""warmroute as a library: send a build to the daemon that is warm for it.

>>> from router import BuildRequest, BuildRouter, RouterConfig
>>> router = BuildRouter(RouterConfig(addresses=(("a", "tcp://127.0.0.1:1234"),)))
>>> result = router.build(BuildRequest(context=".", tags=("app:dev",)))  # doctest: +SKIP
>>> result.daemon, result.digest  # doctest: +SKIP

The names below are the public ones; everything else may change. They are imported when they are first
used, so that a program pays only for what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.build import BuildRouter, Route
    from router.cancellation import Cancellation
    from router.config import RouterConfig
    from router.errors import (
        BuildError,
        BusyError,
        CancelledError,
        ConnectionLostError,
        DialError,
        FleetError,
        NoDaemonError,
        OutputError,
        OverloadError,
        RouterError,
        RpcError,
        TimeLimitError,
        ToolError,
        TransferError,
        UnreachableError,
        UsageError,
    )
    from router.fleet import Fleet
    from router.model.build_options import Annotation, Attestation, ExtraHost, SSHAgent, Ulimit
    from router.model.daemon import Candidate, Daemon, Place
    from router.model.events import Attempt, Event, Notice, SolveStatus
    from router.model.request import BuildRequest, CacheOption, Output, Secret
    from router.model.result import BuildResult
    from router.model.tls import TLSOptions
    from router.operations.drain import drain
    from router.operations.inspect import DaemonReport, inspect
    from router.providers.stdin_context import open_stdin_context
    from router.transport.options import DialOptions

_MODULES = {
    "router.build": ("BuildRouter", "Route"),
    "router.cancellation": ("Cancellation",),
    "router.config": ("RouterConfig",),
    "router.errors": (
        "BuildError",
        "BusyError",
        "CancelledError",
        "ConnectionLostError",
        "DialError",
        "FleetError",
        "NoDaemonError",
        "OutputError",
        "OverloadError",
        "RouterError",
        "RpcError",
        "TimeLimitError",
        "ToolError",
        "TransferError",
        "UnreachableError",
        "UsageError",
    ),
    "router.fleet": ("Fleet",),
    "router.model.build_options": ("Annotation", "Attestation", "ExtraHost", "SSHAgent", "Ulimit"),
    "router.model.daemon": ("Candidate", "Daemon", "Place"),
    "router.model.events": ("Attempt", "Event", "Notice", "SolveStatus"),
    "router.model.request": ("BuildRequest", "CacheOption", "Output", "Secret"),
    "router.model.result": ("BuildResult",),
    "router.model.tls": ("TLSOptions",),
    "router.operations.drain": ("drain",),
    "router.operations.inspect": ("DaemonReport", "inspect"),
    "router.transport.options": ("DialOptions",),
    "router.providers.stdin_context": ("open_stdin_context",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Annotation",
    "Attempt",
    "Attestation",
    "BuildError",
    "BuildRequest",
    "BuildResult",
    "BuildRouter",
    "BusyError",
    "CacheOption",
    "Cancellation",
    "CancelledError",
    "Candidate",
    "ConnectionLostError",
    "Daemon",
    "DaemonReport",
    "DialError",
    "DialOptions",
    "Event",
    "ExtraHost",
    "Fleet",
    "FleetError",
    "NoDaemonError",
    "Notice",
    "Output",
    "OutputError",
    "OverloadError",
    "Place",
    "Route",
    "RouterConfig",
    "RouterError",
    "RpcError",
    "SSHAgent",
    "Secret",
    "SolveStatus",
    "TLSOptions",
    "TimeLimitError",
    "ToolError",
    "TransferError",
    "Ulimit",
    "UnreachableError",
    "UsageError",
    "drain",
    "inspect",
    "open_stdin_context",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
