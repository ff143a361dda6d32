"""The program as Typer knows it, for help and shell completion; made from the same declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter as SignatureParameter
from inspect import Signature, getdoc
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from cli.command_line import HELP_NAMES
from cli.examples import EXAMPLES
from cli.exit_codes import exit_codes_text
from cli.groups import Argument, Option, variable
from cli.parameters import Parameter, grouped, parameters_of, renamed, usage_of

__all__ = ["as_typer_reads", "typer_app"]

_EPILOG = (
    "Each option can come from a variable: --build-arg from WARMROUTE_BUILD_ARG. One that holds a list has"
    " one item on each line, or on a single line items with blanks between. Many can come from a"
    " configuration file: see warmroute config show. The command line wins, then variables, then files."
)

_CONTEXT = {"help_option_names": list(HELP_NAMES)}
_GROUPS = {
    "config": "See where options come from; trust a project's file.",
    "debug": "Inspect LLB and daemons.",
    "fleet": "Make fleets on Kubernetes, see, scale and remove them.",
    "history": "Builds that the daemons remember.",
    "imagetools": "Look at images in registries, and make one of several.",
    "install": "Put warmroute into other programs.",
    "uninstall": "Take it out of them again.",
}


def typer_app(
    name: str,
    summary: str,
    commands: Mapping[str, Callable[..., None]],
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> typer.Typer:
    """Return the app of a program; calling it runs a command, as Typer reads the command line."""
    app = typer.Typer(
        name=name,
        help=summary,
        epilog=f"{_EPILOG}\n\nThe help of each command lists its exit codes.",
        no_args_is_help="" not in commands,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings=_CONTEXT,
    )
    if "" not in commands:
        # Without a callback Typer makes the only command of an app the app itself.
        app.callback()(lambda: None)
    groups: dict[str, typer.Typer] = {}
    for words, command in commands.items():
        group, _, last = words.rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
            app.add_typer(groups[group], name=group, help=_GROUPS[group], context_settings=_CONTEXT)
        target = groups.get(group, app)
        help_text = _summary(command, f"{name} {words}")
        epilog = f"{_EPILOG}\n\n{exit_codes_text(command)}"
        typed = target.command(last or name, cls=_class_of(command), help=help_text, epilog=epilog)
        typed(as_typer_reads(command, aliases))
    return app


def _class_of(command: Callable[..., None]) -> type[TyperCommand]:
    """Return a class of commands whose usage is written as in our reference."""
    arguments = [usage for parameter in parameters_of(command) if (usage := usage_of(parameter))]

    class Command(TyperCommand):
        def collect_usage_pieces(self, _ctx: object) -> list[str]:
            return ["[OPTIONS]", *arguments]

    return Command


def _summary(command: Callable[..., None], name: str) -> str:
    summary = getdoc(command) or ""
    examples = EXAMPLES.get(name, ())
    # The backspace keeps Typer from making one paragraph of the lines.
    return "\n".join([summary, *(["", "\b", *examples] if examples else [])])


def as_typer_reads(
    command: Callable[..., None], aliases: Mapping[str, str] = MappingProxyType({})
) -> Callable[..., None]:
    """Return a function with a parameter in Typer's terms for each option; it calls the command."""
    parameters = renamed(parameters_of(command), aliases)

    def run(**values: object) -> None:
        command(**grouped(parameters, values))

    declared = {parameter.name: _annotation(parameter) for parameter in parameters}
    signature = Signature(
        [
            SignatureParameter(
                parameter.name,
                SignatureParameter.KEYWORD_ONLY,
                default=SignatureParameter.empty if _is_required(parameter) else parameter.default,
                annotation=declared[parameter.name],
            )
            for parameter in parameters
        ]
    )
    run.__doc__ = command.__doc__
    run.__annotations__ = declared
    run.__signature__ = signature  # type: ignore[attr-defined]  # what inspect.signature looks for first
    return run


def _is_required(parameter: Parameter) -> bool:
    return isinstance(parameter.declared, Argument) and bool(parameter.declared.missing)


def _annotation(parameter: Parameter) -> object:
    match parameter.declared:
        case Argument(metavar=metavar, help=text):
            return Annotated[parameter.hint, typer.Argument(metavar=metavar, help=text)]
        case Option() as option:
            return Annotated[parameter.hint, _option(parameter, option)]


def _option(parameter: Parameter, option: Option) -> Any:
    names = [f"{option.names[0]}/{option.off}" if option.off else option.names[0], *option.names[1:]]
    return typer.Option(
        *names,
        metavar=_metavar(parameter, option),
        help=_help(parameter, option),
        rich_help_panel=option.panel,
        envvar=variable(option),
        show_envvar=False,
        show_default=parameter.kind in {"choice", "number"},
        count=parameter.kind == "count",
    )


def _metavar(parameter: Parameter, option: Option) -> str | None:
    # Typer would show all choices there, too many for the column; and a number for a flag that is counted.
    return {"choice": "WORD", "count": " "}.get(parameter.kind, option.usage or None)


def _help(parameter: Parameter, option: Option) -> str:
    text = option.help
    if parameter.choices:
        text = f"{text.removesuffix('.')}: {', '.join(parameter.choices)}."
    return f"{text} [dim]Also {', '.join(option.aliases)}.[/]" if option.aliases else text
