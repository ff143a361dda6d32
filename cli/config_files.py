"""Where configuration files are, and how a command was read with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from cli.named import NamedTuple
from cli.origins import Arguments
from cli.parameters import Parameter
from router import UsageError, project_file, user_file

__all__ = ["ConfigurationFiles", "Reading", "find_files"]


class ConfigurationFiles(NamedTuple):
    """The path of the project's file, empty where there is none, and of the user's, which may not exist."""

    project: str
    user: str


class Reading(NamedTuple):
    """How a command was read; one that has a parameter ``reading`` is given it.

    It is run also where a configuration file is wrong: ``fault`` says how, and what files say is left out.
    """

    parameters: Sequence[Parameter]
    arguments: Arguments
    files: ConfigurationFiles
    fault: UsageError | None = None


def find_files(environment: Mapping[str, str]) -> ConfigurationFiles:
    """Look for the files, from the working directory upwards and in the user's home."""
    try:
        here = os.getcwd()
    except OSError:  # it has been removed; a command that needs it says so
        here = ""
    return ConfigurationFiles(project_file(here) if here else "", user_file(environment))
