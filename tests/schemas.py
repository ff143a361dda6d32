"""The documented shapes of what `--format json` prints: docs/schemas."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from docs.json_page import schema_of

__all__ = ["validated"]


def validated(verb: str, values: Any) -> Any:
    """Return what a verb printed, once it is as documented."""
    validator = Draft202012Validator(schema_of(verb))
    faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(values)]
    assert faults == [], f"warmroute {verb}"
    return values
