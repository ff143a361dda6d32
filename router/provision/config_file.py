"""The daemons' buildkitd.toml: the user's file, with a gc policy where it has none. Pure."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from typing import Any

from router.errors import UsageError
from router.notation.gc_policy import gc_policy
from router.provision.spec import FleetSpec

__all__ = ["digest", "has_policy", "whole_config"]

# What of a worker's table decides about its cache, as buildkitd reads it: in any case.
_OF_CACHE = frozenset({"gc", "gckeepstorage", "gcpolicy", "reservedspace", "maxusedspace", "minfreespace"})


def whole_config(spec: FleetSpec) -> str:
    """Return the text of the file. Raises ``UsageError`` where the user's is not TOML."""
    given = spec.pod.config
    if given and has_policy(_read(given), spec.pod.worker):
        return given
    added = gc_policy(spec.state.size, spec.pod.worker)
    if not given:
        return added
    whole = f"{given.rstrip()}\n\n{added}"
    try:
        tomllib.loads(whole)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(
            f"--config: no gc policy can be added to this file: {exc}",
            hint=f"write its worker as a table, [worker.{spec.pod.worker}], or give it a gcpolicy",
        ) from exc
    return whole


def digest(text: str) -> str:
    """Return what changes with a text: pods that have another are replaced."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def has_policy(config: Mapping[str, Any], worker: str) -> bool:
    """Say whether a configuration decides itself what its worker's cache keeps."""
    workers = _table(config, "worker")
    return any(key.lower() in _OF_CACHE for key in _table(workers, worker))


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: object = next((value for key, value in values.items() if key.lower() == name), {})
    return found if isinstance(found, dict) else {}


def _read(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"--config: not valid TOML: {exc}") from exc
    except (ValueError, RecursionError) as exc:  # an integer of 5,000 digits, 1,000 brackets
        raise UsageError(
            "--config: not a TOML file that can be read: it has a value beyond all bounds"
        ) from exc
