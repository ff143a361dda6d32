"""A program to run: its command line as a value, where PATH has it, why it can't be started.

Nothing is started here; ``router.process`` does that.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping

from router.descriptors import limit_hint
from router.errors import RouterError, ToolError, UsageError, os_reason
from router.model.frozen import frozen
from router.redaction import redacted

__all__ = ["Command", "executable", "find_program", "not_started"]

# Linux's MAX_ARG_STRLEN, for one argument or variable.
_MAX_ARGUMENT = 128 * 1024
_SHOWN = 60


@frozen
class Command:
    """A program to run: ``environment`` is the child's whole environment, ``stdin`` what it reads.

    ``hint`` tells how to get the program, for when it is missing; ``descriptors`` are inherited under their
    numbers.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: bytes = b""
    hint: str = ""
    descriptors: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Command({' '.join(redacted(self.argv))})"


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the path of a program on PATH, None where it isn't there; a name with a slash is a path.

    Entries of PATH that are empty or relative don't count: what is in the working directory may have come
    with a checkout.
    """
    if "/" in name:
        return name
    return next((path for path in _on_path(name, environment) if path.startswith("/")), None)


def _on_path(name: str, environment: Mapping[str, str]) -> Iterator[str]:
    for directory in environment.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(directory or ".", name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            yield path


def executable(command: Command) -> str:
    """Return the path of what a command runs. Raises FileNotFoundError."""
    found = find_program(command.argv[0], command.environment)
    if found is None:
        raise FileNotFoundError
    return found


def not_started(command: Command, exc: OSError | ValueError) -> RouterError:
    """Return why a command can't be started, as the user is told."""
    program = command.argv[0]
    if isinstance(exc, ValueError):  # a NUL, which ends an argument
        return UsageError(f"can't start {program}: an argument or a variable holds a NUL byte")
    if exc.errno == errno.E2BIG:
        return _too_long(command)
    if isinstance(exc, FileNotFoundError):
        relative = None if "/" in program else next(_on_path(program, command.environment), None)
        if relative is not None:
            return ToolError(
                f"{program} is not run: PATH finds it as {relative}, relative to the working directory",
                hint="put its directory on PATH by its absolute path",
            )
        return ToolError(f"{program} is not installed, or not on PATH", hint=command.hint or None)
    return ToolError(f"can't start {program}: {os_reason(exc)}", hint=limit_hint(exc) or command.hint or None)


def _too_long(command: Command) -> UsageError:
    """Say which argument is too long, without its value; or that all together are."""
    longest = max(command.argv, key=len)
    size = len(os.fsencode(longest))
    hint = "--backend native has no such limit"
    if size < _MAX_ARGUMENT:
        return UsageError(
            f"can't start {command.argv[0]}: its arguments and variables are too long together", hint=hint
        )
    # NAME=VALUE, and buildctl's build-arg:NAME=VALUE.
    name = redacted([longest.partition("=")[0][:_SHOWN]])[0]
    return UsageError(
        f"can't start {command.argv[0]}: the argument {name}=... is longer than "
        f"the {_MAX_ARGUMENT >> 10} KiB that the system allows",
        hint=hint,
    )
