"""What configuration files say of a command's options; `cli.settings` reads them, loaded where one is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from cli.config_files import ConfigurationFiles, Reading, find_files
from cli.groups import Option
from cli.origins import Arguments
from cli.parameters import Parameter
from router import UsageError

__all__ = ["configure", "read_with_files"]


def configure(
    parameters: Sequence[Parameter], arguments: Arguments, environment: Mapping[str, str]
) -> Sequence[str]:
    """Fill in what files say of options that were not given; return what to warn of.

    Raises ``UsageError`` for what is wrong in a file, and for a fleet that none has.
    """
    if not any(isinstance(each.declared, Option) and each.declared.files != "none" for each in parameters):
        return ()
    files = find_files(environment)
    if not (files.project or "fleet" in arguments.counting or os.path.isfile(files.user)):
        return ()
    return _filled(files, parameters, arguments, environment)


def read_with_files(
    parameters: Sequence[Parameter], arguments: Arguments, environment: Mapping[str, str]
) -> Reading:
    """Do the same for a command that tells of the files itself, of what is wrong in them too."""
    files = find_files(environment)
    fault = None
    try:
        _filled(files, parameters, arguments, environment)
    except UsageError as exc:
        fault = exc
    return Reading(parameters, arguments, files, fault)


def _filled(
    files: ConfigurationFiles,
    parameters: Sequence[Parameter],
    arguments: Arguments,
    environment: Mapping[str, str],
) -> Sequence[str]:
    from cli.settings import fill, load

    loaded = load(files, environment)
    fill(parameters, arguments, loaded, environment)
    return loaded.warnings
