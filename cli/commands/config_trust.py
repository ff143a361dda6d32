"""`warmroute config trust`: let a project's file count."""

from __future__ import annotations

import os
import sys

from cli.config_files import find_files
from cli.groups import OptionGroup, option
from cli.render.foreign import printable
from cli.settings import read
from router import UsageError, read_config_file, set_trust

__all__ = ["command"]


class TrustOptions(OptionGroup, panel="Trust"):
    """Whether it is to count."""

    remove: bool = option("--remove", default=False, help="Trust it no longer.")


def command(trust: TrustOptions) -> None:
    """Trust this project's warmroute.toml as it is now; a change of the file ends that."""
    path = find_files(os.environ).project
    if not path:
        raise UsageError(
            "there is no warmroute.toml here",
            hint="it is looked for from the working directory up to the root of the repository",
        )
    if trust.remove:
        set_trust(path, None, os.environ)
        sys.stdout.write(f"{printable(path)} is no longer trusted\n")
        return
    data = read_config_file(path)
    document = read(path, data, os.environ, of_project=True)
    set_trust(path, data, os.environ)
    names = ", ".join(
        [*(["defaults"] if document.defaults else []), *(f"fleet.{each}" for each in document.fleets)]
    )
    sys.stdout.write(f"{printable(path)} is trusted as it is now ({printable(names) or 'it is empty'})\n")
