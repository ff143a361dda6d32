"""Where a definition comes from: files, standard input, the environment.

The names are buildx's, and so is their order: what a later file says counts more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import router as library
from cli.given.files import GivenFiles
from cli.given.stdin import read_stdin
from router import (
    BakeFile,
    BakeOutside,
    BuildRouter,
    Cancellation,
    RouterConfig,
    UsageError,
    home_directory,
    local_platform,
    parse_bool,
)

__all__ = ["bake_outside", "definition_files", "definition_names", "read_beside", "remote_files"]

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
_HERE = "cwd://"


def definition_files(names: Sequence[str], given: GivenFiles) -> Sequence[BakeFile]:
    """Return the files that are named, or those of the usual names that there are. Raises ``UsageError``."""
    if names:
        return [_file(each.removeprefix(_HERE), given) for each in names]
    contents = ((name, read_beside(name, given)) for name in _DEFAULTS)
    found = [BakeFile(name, content) for name, content in contents if content is not None]
    if not found:
        raise UsageError(
            f"there is no definition in this directory: none of {', '.join(_DEFAULTS)}",
            hint="name a file with --file",
        )
    return found


def definition_names(names: Sequence[str] | None) -> Sequence[str]:
    """Return the names of files that are given, by the option or by buildx's variable."""
    return names or _named_for_buildx()


def remote_files(
    url: str, names: Sequence[str], config: RouterConfig, given: tuple[GivenFiles, Cancellation]
) -> Sequence[BakeFile]:
    """Return the files of a definition in a repository, those of this machine (``cwd://``) last."""
    files, cancellation = given
    here = [each for each in names if each.startswith(_HERE)]
    wanted = library.RemoteDefinition(
        url=url,
        names=[each for each in names if not each.startswith(_HERE)],
        defaults=_DEFAULTS,
        environment=os.environ,
    )
    found = library.read_remote_bake(BuildRouter(config), wanted, cancellation)
    if not (found or here):
        raise UsageError(
            f"there is no definition in {library.without_passwords(url)}: none of {', '.join(_DEFAULTS)}",
            hint="name a file of the repository with --file",
        )
    return [*found, *(_file(each.removeprefix(_HERE), files) for each in here)]


def _named_for_buildx() -> Sequence[str]:
    separator = os.environ.get("BUILDX_BAKE_PATH_SEPARATOR") or os.pathsep
    given = os.environ.get("BUILDX_BAKE_FILE", "").split(separator)
    return [each.strip() for each in given if each.strip()]


def _file(name: str, given: GivenFiles) -> BakeFile:
    if name == "-":
        return BakeFile(name, read_stdin("the definition", "--file -"))
    content = read_beside(name, given)
    if content is None:
        raise UsageError(f"there is no file {name}", hint="check --file, and BUILDX_BAKE_FILE")
    return BakeFile(name, content)


def read_beside(path: str, given: GivenFiles) -> bytes | None:
    """Return a file's content, None where there is none. Raises ``UsageError`` where it can't be read."""
    try:
        return given.content(path, "the file", "name a file in HCL, JSON or YAML")
    except UsageError as exc:
        if isinstance(exc.__cause__, FileNotFoundError):
            return None
        raise


def bake_outside(given: Sequence[str] | None, remote: str = "", context: str = _HERE) -> BakeOutside:
    """Return what a definition may see: the environment, the variables of ``--var``, the time; the repository
    that it comes from, and what counts as the place of the command."""
    environment: Mapping[str, str] = {
        os.fsencode(name).decode("utf-8", "replace"): os.fsencode(value).decode("utf-8", "replace")
        for name, value in os.environ.items()
    }
    if parse_bool(environment.get("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP", "")):
        environment = {}
    return BakeOutside(
        environment=environment,
        variables=dict(_variable(each) for each in given or () if each),
        builtin={"BAKE_CMD_CONTEXT": context, "BAKE_LOCAL_PLATFORM": local_platform()},
        now=datetime.now(UTC),
        home=home_directory(os.environ),
        remote=remote,
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f'invalid --var "{text}": NAME=VALUE is required', hint="for example: --var TAG=1.2")
    return name, value
