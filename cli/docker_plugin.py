"""`docker warmroute`: the entry point as a plugin of the docker command.

docker asks a plugin for its metadata before it runs it, then hands over its own command line, the options
before the plugin's name included.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cli.beginning import Beginning

__all__ = ["run"]

_NAME = "warmroute"
# Every `docker warmroute` waits for this, so it is a text: nothing is loaded for it, not even for a version.
_METADATA = (
    '{"SchemaVersion": "0.1.0", "Vendor": "warmroute",'
    ' "ShortDescription": "Build images on the daemon whose cache is warm"}\n'
)


def run() -> NoReturn:
    """Run `docker warmroute`, and end the process."""
    if sys.argv[1:2] == ["docker-cli-plugin-metadata"]:
        os.write(1, _METADATA.encode())
        os._exit(0)
    with Beginning():  # what follows takes a while to load
        from cli.main import PROGRAM
        from cli.program import run_process
    run_process(PROGRAM._replace(name=f"docker {_NAME}", reader=_read))


def _read(line: Sequence[str]) -> Sequence[str]:
    from cli.docker_globals import words_of

    return words_of(line, _NAME, os.environ)
