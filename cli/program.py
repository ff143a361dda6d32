"""A program of commands: which one the command line names, and how it ends.

The one place where an error becomes a message, a hint and an exit code. Help, completion and their like
load Typer; a command does not.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import NoReturn, cast

from cli.beginning import is_out_of_descriptors
from cli.command_line import HELP_NAMES, HelpWantedError, arguments_of
from cli.configuration import configure, read_with_files
from cli.groups import Option, variable
from cli.lookup import as_asked, before_command, named, no_such
from cli.named import NamedTuple
from cli.parameters import READING, Parameter, grouped, parameters_of, renamed
from cli.render.output import Output, say
from cli.streams import open_closed_streams
from router import CancelledError, OutputError, RouterError, TimeLimitError, UnreachableError, UsageError

__all__ = ["Program", "load", "run_process", "run_program"]

_COMPLETION_NAMES = ("--install-completion", "--show-completion")
_FOR_TYPER = frozenset([*HELP_NAMES, *_COMPLETION_NAMES])
_BROKEN_PIPE, _INTERRUPTED = 141, 130

# A command tells all errors of its own by type. These can only come from what it prints: a full disk, a
# quota, a closed descriptor.
_OF_STDOUT = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF])


class Program(NamedTuple):
    """A program as it is installed. ``commands`` say where each is (``module:function``); ``""`` is the
    command of a program that has one only, and two words are a command of a group. ``configured``: options
    can come from configuration files. ``reader`` makes our command line of the one that another program
    passes on; ``siblings`` are commands that it hasn't, and whose variables may be set all the same.
    ``aliases`` are further names of options, which nothing else is called then."""

    name: str
    summary: str
    commands: Mapping[str, str]
    configured: bool = False
    siblings: Mapping[str, str] = MappingProxyType({})
    aliases: Mapping[str, str] = MappingProxyType({})
    reader: Callable[[Sequence[str]], Sequence[str]] | None = None


def load(program: Program, command: str) -> Callable[..., None]:
    """Return the function of a command."""
    module, _, name = program.commands[command].partition(":")
    __import__(module)  # importlib is one module more
    return cast("Callable[..., None]", getattr(sys.modules[module], name))


def run_program(program: Program, words: Sequence[str] | None = None) -> None:
    """Run the command that ``words`` (else the process's arguments) name, and exit.

    The exit code is 0, the error's own, 2 for wrong usage, 130 when interrupted.
    """
    words = sys.argv[1:] if words is None else words
    try:
        _run(program, words if program.reader is None else program.reader(words))
        sys.stdout.flush()
    except RouterError as exc:
        _print_error(exc)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        _print("ERROR: interrupted\n", hurried=True)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our stdout went away; Python must not complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)
    except (OSError, ImportError) as exc:
        error = _of_surroundings(exc)
        if error is None:
            raise
        _print_error(error)
        sys.exit(error.exit_code)


def _of_surroundings(error: OSError | ImportError) -> RouterError | None:
    """Return what an error means that no file of a command's is to blame for."""
    if is_out_of_descriptors(error):
        return UnreachableError("too many open files", hint="raise the limit: ulimit -n 1024")
    if not isinstance(error, OSError):
        return None
    if error.errno in _OF_STDOUT:
        return OutputError(f"can't write to stdout: {os.strerror(error.errno)}")
    if error.errno == errno.ENOENT and error.filename is None and not _has_working_directory():
        return UsageError("the working directory has been removed", hint="cd to a directory that exists")
    return None


def _has_working_directory() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def run_process(program: Program) -> NoReturn:
    """Run the command that the process's arguments name, and end the process.

    At once: taking everything down that was loaded, as Python does, lasts a sixth of a cached build. What
    has to be closed is closed where it was opened.
    """
    try:
        open_closed_streams()
        run_program(program)
        code: object = 0
    except SystemExit as exc:
        code = exc.code
    except KeyboardInterrupt:
        code = _INTERRUPTED  # once more, while the first was being told of
    for stream in (sys.stdout, sys.stderr):
        # Closed, or the process has none; or nobody wants to wait for it.
        with suppress(OSError, ValueError, AttributeError, KeyboardInterrupt):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _run(program: Program, words: Sequence[str]) -> None:
    completing = f"_{program.name.replace('-', '_').upper()}_COMPLETE"
    single = "" in program.commands
    words = words if single else as_asked(program.commands, words)
    name, rest = ("", words) if single else named(program.commands, words)
    asked = words[name.count(" ") :]
    if len(words) == 2 and words[0] in _COMPLETION_NAMES:
        from cli.completion import complete_in

        option, shell = words
        return complete_in(shell, program=program.name, variable=completing, option=option)
    if completing in os.environ or _FOR_TYPER.intersection(asked[:1]) or not (asked or single):
        return _hand_over(program, words)
    if name.startswith("-"):
        raise before_command(program.name, program.commands, words, lambda known: _options(program, known))
    if name not in program.commands:
        raise no_such(program.name, program.commands, name)
    return _call(program, name, rest)


def _options(program: Program, name: str) -> frozenset[str]:
    """Return the names of a command's options."""
    declared = (each.declared for each in renamed(parameters_of(load(program, name)), program.aliases))
    return frozenset(
        name for each in declared if isinstance(each, Option) for name in (*each.names, *each.aliases)
    )


def _call(program: Program, name: str, words: Sequence[str]) -> None:
    """Read the options of a command, and run it."""
    command = load(program, name)
    parameters = renamed(parameters_of(command), program.aliases)
    try:
        arguments = arguments_of(parameters, words, os.environ)
    except HelpWantedError:
        return _hand_over(program, [*name.split(), "--help"])
    except UsageError as exc:
        see = f"see {program.name} {name}".rstrip() + " --help"
        raise UsageError(str(exc), hint=f"{exc.hint}; {see}" if exc.hint else see) from exc
    _tell_of_unknown_variables(program, parameters)
    given: dict[str, object] = {}
    if READING in command.__annotations__:
        given = {READING: read_with_files(parameters, arguments, os.environ)}
    elif program.configured:
        _warn(configure(parameters, arguments, os.environ))
    try:
        return command(**grouped(parameters, arguments), **given)
    except UsageError as exc:
        from cli.variables import with_sources

        raise with_sources(exc, parameters, arguments)  # noqa: B904 -- it is the same error


def _tell_of_unknown_variables(program: Program, parameters: Sequence[Parameter]) -> None:
    """Warn of variables that are called after warmroute, and are no option's."""
    if not program.configured:
        return
    own = {variable(each.declared) for each in parameters if isinstance(each.declared, Option)}
    strange = [name for name in os.environ if name.startswith("WARMROUTE_") and name not in own]
    if strange:
        # Those of the other commands are none; to know them takes loading all.
        from cli.variables import unknown_variables

        family = program._replace(commands={**program.siblings, **program.commands})
        commands = [load(family, name) for name in family.commands]
        _warn(unknown_variables(strange, commands))


def _warn(texts: Iterable[str]) -> None:
    for text in texts:
        say(text)


def _hand_over(program: Program, words: Sequence[str]) -> None:
    from cli.typer_app import typer_app

    commands = {name: load(program, name) for name in program.commands}
    stdout = os.dup(sys.stdout.fileno())
    try:
        typer_app(program.name, program.summary, commands, program.aliases)(
            args=words, prog_name=program.name
        )
    except SystemExit as exc:
        # What writes help makes a failure of a reader that has seen enough.
        if exc.code == 1 and _reader_is_gone(stdout):
            raise BrokenPipeError from exc
        raise
    finally:
        os.close(stdout)


def _reader_is_gone(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _print_error(error: RouterError) -> None:
    from cli.render.error import render_error

    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    # What was to end in time is not held up by telling so.
    _print(render_error(error, color=color), hurried=isinstance(error, CancelledError | TimeLimitError))


def _print(text: str, *, hurried: bool) -> None:
    output = Output(sys.stderr)
    if hurried:
        output.hurry()
    output.write(text)
