"""`docker warmroute`, and `docker build` where that comes here: the entry point as plugins of docker's.

docker asks a plugin for its metadata before it runs it, then hands over its own command line, the options
before the plugin's name included. `docker build` would look the same as `docker warmroute build`; so it has a
plugin of its own, which isn't listed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cli.beginning import Beginning

__all__ = ["BUILDER", "PLUGIN", "run"]

PLUGIN, BUILDER = "warmroute", "warmroutebuilder"
"""The names of the two plugins; their files are called docker-NAME."""

# Every `docker build` waits for this, so it is a text: nothing is loaded for it, not even for a version.
_METADATA = (
    '{"SchemaVersion": "0.1.0", "Vendor": "warmroute", "Hidden": %s,'
    ' "ShortDescription": "Build images on the daemon whose cache is warm"}\n'
)


def run() -> NoReturn:
    """Run the plugin whose file the process was started by, and end the process."""
    as_builder = os.path.basename(sys.argv[0]) == f"docker-{BUILDER}"
    if sys.argv[1:2] == ["docker-cli-plugin-metadata"]:
        os.write(1, (_METADATA % ("true" if as_builder else "false")).encode())
        os._exit(0)
    with Beginning():  # what follows takes a while to load
        from cli.main import PROGRAM
        from cli.program import run_process
    if as_builder:
        from cli.docker_builder import builder_program

        run_process(builder_program(PROGRAM, BUILDER))
    run_process(PROGRAM._replace(name=f"docker {PLUGIN}", reader=_read))


def _read(line: Sequence[str]) -> Sequence[str]:
    from cli.docker_globals import words_of

    return words_of(line, PLUGIN, os.environ)
