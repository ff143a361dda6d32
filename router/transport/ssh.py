"""Dial ``ssh://``: ``buildctl dial-stdio`` on another machine, by the user's own ssh with its config.

ssh runs without a terminal, so that it can't ask: keys come from an agent or need no passphrase, and the host
must be known.
"""

from __future__ import annotations

from shlex import quote

from router.errors import ConnectionLostError, DialError, UnreachableError
from router.model.address import SshAddress
from router.net.exec_status import DIAL_STDIO, ExecEnd, command_failed, last_line
from router.program import Command
from router.transport.command_stream import CommandStream
from router.transport.options import DialOptions

__all__ = ["dial_ssh", "ssh_arguments"]

# What ssh itself ends with where it is at fault, and not the command.
_SSH_FAILED = 255


def dial_ssh(address: SshAddress, options: DialOptions) -> CommandStream:
    """Start ssh. Raises ToolError where there is none."""
    where = str(address)

    def ended(end: ExecEnd, stderr: bytes, answered: bool) -> UnreachableError:
        if end.exit_code == _SSH_FAILED:
            return _ssh_failed(address, stderr, answered=answered)
        hint = f"install buildctl on {address.host}, where a command run by ssh finds it on its PATH"
        return command_failed(where, end, stderr, answered=answered, missing_hint=hint)

    command = Command(
        argv=ssh_arguments(address),
        environment=options.environment,
        hint="install an ssh client (openssh-client)",
    )
    return CommandStream(command, ended)


def ssh_arguments(address: SshAddress) -> tuple[str, ...]:
    """Return the command line, which is the one of BuildKit's own tools. Pure."""
    user = ("-l", address.user) if address.user else ()
    port = ("-p", str(address.port)) if address.port else ()
    socket = ("--addr", f"unix://{address.socket}") if address.socket else ()
    program, *arguments = DIAL_STDIO
    return ("ssh", *user, *port, "--", address.host, program, *_quoted(socket), *arguments)


def _quoted(words: tuple[str, ...]) -> tuple[str, ...]:
    """Quote for the far end's shell, which ssh hands the words to as one line."""
    return tuple(map(quote, words))


def _ssh_failed(address: SshAddress, stderr: bytes, *, answered: bool) -> UnreachableError:
    said = last_line(stderr) or "it gave no reason"
    if answered:
        return ConnectionLostError(f"lost {address}: {said}", temporary=True)
    told = stderr.decode(errors="replace").lower()
    user = f"{address.user}@" if address.user else ""
    port = f"-p {address.port} " if address.port else ""
    hint = f"does `ssh {port}{user}{address.host} true` work without asking anything?"
    if "host key verification failed" in told:
        said, reason = "the host's key is not known, or has changed", "host-key"
    elif "permission denied" in told:
        said, reason = f"{said.partition(': ')[2] or said}", "unauthorized"
    else:
        reason = "ssh"
    temporary = reason == "ssh"
    return DialError(
        f"can't reach {address} with ssh: {said}",
        hint=hint,
        reason=reason,
        temporary=temporary,
    )
