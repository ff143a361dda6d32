"""Register the endpoint as a builder of buildx, by running buildx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.backends.tool import tool_version
from router.errors import ToolError, UsageError
from router.program import Command, find_program
from router.redaction import without_passwords
from router.running import Watch, run

__all__ = ["register_builder"]

# As docker's plugin, and as a standalone program.
_PROGRAMS = (("docker", "buildx"), ("docker-buildx",), ("buildx",))
_DEADLINE = 30.0


def register_builder(name: str, address: str, environment: Mapping[str, str]) -> Sequence[str]:
    """Make buildx's remote builder ``name`` point to an address; create it if it is missing.

    Return buildx's command line up to its subcommand. Raises ``ToolError`` if buildx is missing,
    ``UsageError`` if it refuses.
    """
    program = _buildx(environment)
    # Naming its node changes an existing builder; without the name buildx refuses.
    words = ("create", "--name", name, "--node", f"{name}0", "--driver", "remote", address)
    done = run(Command(argv=(*program, *words), environment=environment), Watch(deadline=_DEADLINE))
    if done.returncode:
        raise UsageError(
            f"buildx did not make the builder {name}: {without_passwords(done.message)}",
            hint=f"--register another name, or remove that builder: {' '.join(program)} rm {name}",
        )
    return program


def _buildx(environment: Mapping[str, str]) -> Sequence[str]:
    for program in _PROGRAMS:
        if find_program(program[0], environment) is None:
            continue
        if tool_version(Command(argv=(*program, "version"), environment=environment)):
            return program
    raise ToolError(
        "buildx is not installed, or not on PATH",
        hint="install docker-buildx-plugin or docker-buildx, or leave out --register",
    )
