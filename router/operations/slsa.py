"""Provenance in SLSA's older form, v0.2, which buildx's metadata files hold whatever the daemon writes. Pure.

https://slsa.dev/spec/v0.2/provenance, https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.solve.mark import is_of_a_mark

__all__ = ["PREDICATE_V1", "as_v02", "without_details", "without_mark"]

PREDICATE_V1 = "https://slsa.dev/provenance/v1"
_BUILDKIT = "https://mobyproject.org/buildkit@v1"
# What a v0.2 predicate has in addition to what names the build.
_DETAILS = ("buildConfig", "metadata")


def as_v02(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return a v1 predicate of BuildKit's as a v0.2 one. Raises ``KeyError`` or ``TypeError`` for another."""
    definition, run = predicate["buildDefinition"], predicate["runDetails"]
    external, internal = definition["externalParameters"], dict(definition["internalParameters"])
    config = internal.pop("buildConfig", None)
    platform = internal.pop("builderPlatform", "")
    source = external["configSource"]
    return _filled(
        {
            "builder": {"id": run["builder"].get("id", "")},
            "buildType": _BUILDKIT,
            "materials": [
                _filled({"uri": each.get("uri"), "digest": each.get("digest")})
                for each in definition.get("resolvedDependencies") or ()
            ],
            "invocation": {
                "configSource": _filled(
                    {
                        "uri": source.get("uri"),
                        "digest": source.get("digest"),
                        "entryPoint": source.get("path"),
                    }
                ),
                "parameters": external["request"],
                "environment": {"platform": platform, **internal},
            },
            "buildConfig": config,
            "metadata": _metadata(run.get("metadata")),
        }
    )


def without_details(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return a v0.2 predicate without the steps and without the times."""
    return {name: value for name, value in predicate.items() if name not in _DETAILS}


def without_mark(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """Return a v0.2 predicate without what warmroute left among the frontend's options.

    A build without an output has it there. Raises ``KeyError``, ``TypeError`` or ``AttributeError`` for
    something else.
    """
    invocation = predicate.get("invocation") or {}
    if "parameters" not in invocation:
        return dict(predicate)
    return {**predicate, "invocation": {**invocation, "parameters": _unmarked(invocation["parameters"])}}


def _unmarked(request: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(request)
    if "args" in kept:
        kept["args"] = {name: value for name, value in kept["args"].items() if not is_of_a_mark(name)}
        if not kept["args"]:
            del kept["args"]
    if "root" in kept:  # what the client asked of the frontend that chose another one
        kept["root"] = {**kept["root"], "request": _unmarked(kept["root"]["request"])}
    return kept


def _metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if metadata is None:
        return None
    complete = metadata.get("buildkit_completeness") or {}
    return {
        **_filled(
            {
                "buildInvocationID": metadata.get("invocationId") or metadata.get("invocationID"),
                "buildStartedOn": metadata.get("startedOn"),
                "buildFinishedOn": metadata.get("finishedOn"),
            }
        ),
        "completeness": {
            "parameters": complete.get("request", False),
            "environment": True,
            "materials": complete.get("resolvedDependencies", False),
        },
        "reproducible": metadata.get("buildkit_reproducible", False),
        f"{_BUILDKIT}#metadata": metadata.get("buildkit_metadata") or {},
        **_filled({f"{_BUILDKIT}#hermetic": metadata.get("buildkit_hermetic", False)}),
    }


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, as Go's omitempty does."""
    return {name: value for name, value in fields.items() if value}
