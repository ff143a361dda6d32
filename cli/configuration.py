"""What configuration files say of a command's options; `cli.settings` reads them, loaded where one is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from cli.config_files import ConfigurationFiles, find_files
from cli.groups import Option
from cli.origins import Arguments
from cli.parameters import Parameter

__all__ = ["configure"]


def configure(
    parameters: Sequence[Parameter], arguments: Arguments, environment: Mapping[str, str]
) -> tuple[ConfigurationFiles, Sequence[str]]:
    """Fill in what files say of options that were not given; return the files, and what to warn of.

    Raises ``UsageError`` for what is wrong in a file, and for a fleet that none has.
    """
    if not any(isinstance(each.declared, Option) and each.declared.files != "none" for each in parameters):
        return ConfigurationFiles("", ""), ()
    files = find_files(environment)
    if not (files.project or "fleet" in arguments.counting or os.path.isfile(files.user)):
        return files, ()
    from cli.settings import fill, load

    loaded = load(files, environment)
    fill(parameters, arguments, loaded, environment)
    return files, loaded.warnings
