"""`warmroute install kubectl-plugin` and `uninstall kubectl-plugin`: `kubectl warmroute`."""

from __future__ import annotations

import os

from cli.commands.install.links import entry_point, is_ours, link, report, unlink
from cli.groups import OptionGroup, argument
from cli.render.output import say
from router import UsageError, find_program

__all__ = ["KubectlPluginOptions", "install", "uninstall"]

_PROGRAM = "kubectl-warmroute"


class KubectlPluginOptions(OptionGroup, panel="kubectl"):
    """Where kubectl finds it."""

    directory: str | None = argument(
        "DIR",
        default=None,
        help="A directory on PATH. [dim]default: where PATH has warmroute.[/]",
    )


def install(options: KubectlPluginOptions) -> None:
    """Make warmroute a command of kubectl's: `kubectl warmroute ls`."""
    target = entry_point(_PROGRAM)
    path = os.path.join(_directory(options.directory), _PROGRAM)
    did = "installed" if link(path, target) else "is installed already"
    report(f"kubectl warmroute {did}: {path} leads to {target}")
    found = find_program(_PROGRAM, os.environ)
    if found is None or os.path.realpath(found) != os.path.realpath(target):
        instead = f"finds {found} first" if found else f"doesn't have {os.path.dirname(path)}"
        say(f"kubectl will not run it: PATH {instead}")
    if os.path.islink(path):
        report(f"undo it with: warmroute uninstall kubectl-plugin {os.path.dirname(path)}")


def uninstall(options: KubectlPluginOptions) -> None:
    """Remove `kubectl warmroute` again."""
    path = os.path.join(_directory(options.directory), _PROGRAM)
    if os.path.lexists(path) and not is_ours(path, _PROGRAM):
        raise UsageError(f"{path} is not a link of warmroute's, and stays", hint=f"ls -l {path}")
    if unlink(path, _PROGRAM):
        report(f"kubectl warmroute removed: {path}")
    else:
        report(f"kubectl warmroute is not installed: there is no {path}")


def _directory(given: str | None) -> str:
    """Return the directory that is meant, or where PATH has warmroute. Raises ``UsageError``."""
    if given:
        return os.path.abspath(given)
    found = find_program("warmroute", os.environ)
    if found is None:
        raise UsageError(
            "warmroute is not on PATH, and no directory is given", hint="name one that is: kubectl-plugin DIR"
        )
    return os.path.dirname(found)
