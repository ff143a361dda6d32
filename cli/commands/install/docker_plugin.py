"""`warmroute install docker-plugin` and `uninstall docker-plugin`: `docker warmroute`."""

from __future__ import annotations

import os
import sys

from cli.commands.install.links import entry_point, is_ours, link, unlink
from cli.render.foreign import printable
from router import UsageError, docker_plugin_directory

__all__ = ["install", "uninstall"]

_NAME = "docker-warmroute"


def install() -> None:
    """Make warmroute a command of docker's, for this user: `docker warmroute build`."""
    path = _plugin()
    target = entry_point(_NAME)
    did = "installed" if link(path, target) else "is installed already"
    _say(
        f"docker warmroute {did}: {path} leads to {target}", "undo it with: warmroute uninstall docker-plugin"
    )


def uninstall() -> None:
    """Remove `docker warmroute` again."""
    path = _plugin()
    if os.path.lexists(path) and not is_ours(path, _NAME):
        raise UsageError(f"{path} is not a link of warmroute's, and stays", hint=f"ls -l {path}")
    if unlink(path, _NAME):
        _say(f"removed {path}", "docker has no command warmroute any more")
    else:
        _say(f"docker warmroute is not installed: there is no {path}")


def _plugin() -> str:
    return os.path.join(docker_plugin_directory(os.environ), _NAME)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
