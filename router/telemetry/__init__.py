"""Traces and metrics of builds by OpenTelemetry, as the standard ``OTEL_*`` variables ask for them.

``settings`` reads the variables, ``sdk`` keeps spans and exports them with the SDK's package, which is loaded
by nothing else; ``measures`` makes metrics of spans that have ended.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.config import environment as current_environment
from router.extras import Extra, install_line
from router.telemetry.contract import Telemetry
from router.telemetry.settings import Settings, read_settings
from router.tracing import Unkept

__all__ = ["Telemetry", "open_telemetry"]


def open_telemetry(environment: Mapping[str, str] | None = None) -> Telemetry:
    """Return what the variables ask for; whatever is wrong with them is a problem, and no error.

    ``environment`` stands for os.environ as to what is exported, and under which trace. Where to, and how,
    the SDK reads from the process's own environment.
    """
    settings = read_settings(current_environment() if environment is None else environment)
    if not settings.wanted:
        return Telemetry(Unkept(settings.parent), settings.problems)
    try:
        from router.telemetry.sdk import KeptTelemetry

        return KeptTelemetry(settings)
    except ImportError as exc:
        problem = _missing(settings, exc)
    except Exception as exc:  # noqa: BLE001 - whatever others' code makes of the variables, the build goes on
        problem = f"OpenTelemetry can't be set up: {type(exc).__name__}"
    return Telemetry(Unkept(settings.parent), (*settings.problems, problem))


def _missing(settings: Settings, error: ImportError) -> str:
    extra: Extra = "otel-grpc" if "grpc" in str(error) else "otel"
    return (
        f"{settings.asked_by} is set, but a Python package for it is missing ({error.name}): nothing is"
        f" exported ({install_line(extra)})"
    )
