"""The app: its commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from router.errors import RouterError

__all__ = ["app", "run", "run_app"]

app = typer.Typer(
    name="warmroute",
    help="Send every image build to the BuildKit daemon whose cache is already warm for it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _register() -> None:
    for name in ("build", "where", "ls", "version"):
        module = import_module(f"cli.commands.{name}")
        app.command(name)(module.command)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the program; the entry point of ``warmroute``."""
    _register()
    run_app(app, arguments)


def run_app(application: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run an app and exit: 0, the error's exit code, 2 for wrong usage, 130 when interrupted."""
    try:
        application(args=arguments)
    except RouterError as exc:
        _print_error(exc)
        sys.exit(exc.exit_code)
    except BrokenPipeError:
        # The reader of our stdout went away; Python must not complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _print_error(error: RouterError) -> None:
    from cli.render.error import render_error

    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(render_error(error, color=color))
