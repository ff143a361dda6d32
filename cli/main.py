"""The entry point of `warmroute`: its commands."""

from __future__ import annotations

from typing import NoReturn

from cli.beginning import Beginning

with Beginning():  # what follows takes a while to load
    from cli.program import Program, run_process

__all__ = ["PROGRAM", "run"]

PROGRAM = Program(
    name="warmroute",
    summary="Send every image build to the BuildKit daemon whose cache is already warm for it.",
    commands={
        **{
            name: f"cli.commands.{name}:command"
            for name in ("bake", "build", "where", "ls", "workers", "du", "prune", "exec", "version")
        },
        "serve": "cli.commands.serve:command",
        "dial-stdio": "cli.commands.dial_stdio:command",
        "drain-check": "cli.commands.drain_check:command",
        "ps": "cli.commands.ps:command",
        "cancel": "cli.commands.cancel:command",
        "logs": "cli.commands.logs:command",
        "stats": "cli.commands.stats:command",
        "history logs": "cli.commands.logs:command",
        "history ls": "cli.commands.history.ls:command",
        "history inspect": "cli.commands.history.inspect:command",
        "history trace": "cli.commands.history.trace:command",
        "history export": "cli.commands.history.export:command",
        **{f"history {name}": f"cli.commands.history.change:{name}" for name in ("rm", "pin", "unpin")},
        **{f"imagetools {name}": f"cli.commands.imagetools.{name}:command" for name in ("create", "inspect")},
        "simulate": "cli.commands.simulate:command",
        "install docker-plugin": "cli.commands.install.docker_plugin:install",
        "install kubectl-plugin": "cli.commands.install.kubectl_plugin:install",
        "uninstall docker-plugin": "cli.commands.install.docker_plugin:uninstall",
        "uninstall kubectl-plugin": "cli.commands.install.kubectl_plugin:uninstall",
        **{
            f"fleet {name}": f"cli.commands.fleet.{name}:command"
            for name in ("up", "status", "scale", "down")
        },
        "debug dump-llb": "cli.commands.debug.dump_llb:command",
        "debug workers": "cli.commands.debug.workers:command",
        "debug info": "cli.commands.debug.info:command",
        "doctor": "cli.commands.doctor:command",
        "config show": "cli.commands.config_show:command",
        "config trust": "cli.commands.config_trust:command",
    },
    configured=True,
)


def run() -> NoReturn:
    """Run the program, and end the process."""
    run_process(PROGRAM)
