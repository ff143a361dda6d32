"""Dial ``podman-container://`` and ``nerdctl-container://``: ``buildctl dial-stdio`` in a container.

By the tools' own commands: neither needs a service that could be asked instead.
"""

from __future__ import annotations

from router.errors import UnreachableError
from router.model.address import CommandContainerAddress
from router.net.exec_status import CONTAINER_IMAGE, DIAL_STDIO, ExecEnd, command_failed
from router.program import Command
from router.transport.command_stream import CommandStream
from router.transport.options import DialOptions

__all__ = ["container_arguments", "dial_command_container"]


def dial_command_container(address: CommandContainerAddress, options: DialOptions) -> CommandStream:
    """Start the tool. Raises ToolError where it is not installed."""
    where = f"the {address.tool} container {address.container}"

    def ended(end: ExecEnd, stderr: bytes, answered: bool) -> UnreachableError:
        return command_failed(where, end, stderr, answered=answered, missing_hint=CONTAINER_IMAGE)

    command = Command(
        argv=container_arguments(address),
        environment=options.environment,
        hint=f"install {address.tool}, or name another address",
    )
    return CommandStream(command, ended)


def container_arguments(address: CommandContainerAddress) -> tuple[str, ...]:
    """Return the command line, which is the one of BuildKit's own tools. Pure."""
    namespace = ("--namespace", address.namespace) if address.namespace else ()
    return (address.tool, *namespace, "exec", "-i", address.container, *DIAL_STDIO)
