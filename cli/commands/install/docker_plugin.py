"""`warmroute install docker-plugin` and `uninstall docker-plugin`: `docker warmroute`, and `docker build`."""

from __future__ import annotations

import os
from contextlib import suppress

from cli.commands.install.links import entry_point, is_ours, link, report, unlink
from cli.docker_plugin import BUILDER, PLUGIN
from cli.groups import OptionGroup, option
from router import BuilderAlias, UsageError, docker_plugin_directory

__all__ = ["install", "uninstall"]

_PROGRAM = f"docker-{PLUGIN}"
_UNDO = "undo it with: warmroute uninstall docker-plugin"


class DockerPluginOptions(OptionGroup, panel="Docker"):
    """How much of docker comes here."""

    as_builder: bool = option(
        "--as-builder", default=False, help="docker build comes here too, by aliases.builder of its config."
    )


def install(options: DockerPluginOptions) -> None:
    """Make warmroute a command of docker's, for this user: `docker warmroute build`."""
    plugin, builder = _plugins()
    alias = BuilderAlias(os.environ) if options.as_builder else None  # it can't be changed: nothing is
    target = entry_point(_PROGRAM)
    did = "installed" if link(plugin, target) else "is installed already"
    report(f"docker warmroute {did}: {plugin} leads to {target}")
    if alias is not None:
        link(builder, target)
        instead = f" in place of {alias.builder}" if alias.builder else ""
        if alias.take(BUILDER):
            report(f"docker build goes to warmroute: {alias.path} has it as aliases.builder{instead}")
        else:
            report(f"docker build goes to warmroute already, by aliases.builder in {alias.path}")
    report(_UNDO)


def uninstall() -> None:
    """Remove `docker warmroute` again, and give docker back its builds."""
    plugin, builder = _plugins()
    for path in (plugin, builder):
        if os.path.lexists(path) and not is_ours(path, _PROGRAM):
            raise UsageError(f"{path} is not a link of warmroute's, and stays", hint=f"ls -l {path}")
    alias = BuilderAlias(os.environ)
    if alias.give_back(BUILDER):
        report(f"docker build is docker's again: aliases.builder in {alias.path} is as it was")
    unlink(builder, _PROGRAM)
    if unlink(plugin, _PROGRAM):
        report(f"docker warmroute removed: {plugin}")
    else:
        report(f"docker warmroute is not installed: there is no {plugin}")
    with suppress(OSError):  # others have plugins there
        os.rmdir(os.path.dirname(plugin))


def _plugins() -> tuple[str, str]:
    directory = docker_plugin_directory(os.environ)
    return os.path.join(directory, _PROGRAM), os.path.join(directory, f"docker-{BUILDER}")
