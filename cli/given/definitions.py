"""Where a definition comes from: files, standard input, the environment.

The names are buildx's, and so is their order: what a later file says counts more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cli.given.stdin import read_stdin
from router import BakeFile, BakeOutside, UsageError, home_directory, local_platform, os_reason, parse_bool

__all__ = ["bake_outside", "definition_files", "read_beside"]

_DEFAULTS = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
)
_MOST_BYTES = 4 << 20
_HERE = "cwd://"


def definition_files(names: Sequence[str] | None) -> Sequence[BakeFile]:
    """Return the files that are named, or those of the usual names that there are. Raises ``UsageError``."""
    names = names or _named_for_buildx()
    if names:
        return [_file(each.removeprefix(_HERE)) for each in names]
    found = [BakeFile(name, content) for name in _DEFAULTS if (content := read_beside(name)) is not None]
    if not found:
        raise UsageError(
            f"there is no definition in this directory: none of {', '.join(_DEFAULTS)}",
            hint="name a file with --file",
        )
    return found


def _named_for_buildx() -> Sequence[str]:
    separator = os.environ.get("BUILDX_BAKE_PATH_SEPARATOR") or os.pathsep
    given = os.environ.get("BUILDX_BAKE_FILE", "").split(separator)
    return [each.strip() for each in given if each.strip()]


def _file(name: str) -> BakeFile:
    if name == "-":
        return BakeFile(name, read_stdin("the definition", "--file -"))
    content = read_beside(name)
    if content is None:
        raise UsageError(f"there is no file {name}", hint="check --file, and BUILDX_BAKE_FILE")
    return BakeFile(name, content)


def read_beside(path: str) -> bytes | None:
    """Return a file's content, None where there is none. Raises ``UsageError`` where it can't be read."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise UsageError(f"can't read {path}: {os_reason(exc)}") from exc
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{path} is too large for a definition: more than {_MOST_BYTES} bytes")
    return content


def bake_outside(given: Sequence[str] | None) -> BakeOutside:
    """Return what a definition may see: the environment, the variables of ``--var``, the time."""
    environment: Mapping[str, str] = {
        os.fsencode(name).decode("utf-8", "replace"): os.fsencode(value).decode("utf-8", "replace")
        for name, value in os.environ.items()
    }
    if parse_bool(environment.get("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP", "")):
        environment = {}
    return BakeOutside(
        environment=environment,
        variables=dict(_variable(each) for each in given or () if each),
        builtin={"BAKE_CMD_CONTEXT": _HERE, "BAKE_LOCAL_PLATFORM": local_platform()},
        now=datetime.now(UTC),
        home=home_directory(os.environ),
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f'invalid --var "{text}": NAME=VALUE is required', hint="for example: --var TAG=1.2")
    return name, value
