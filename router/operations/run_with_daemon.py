"""A program run with ``BUILDKIT_HOST`` of a chosen daemon: buildctl, docker buildx, or a script of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from router.address import format_for_tools
from router.attached import run_attached
from router.model.address import Address, TcpAddress, UnixAddress
from router.operations.connect import Connection
from router.operations.daemon_socket import DaemonSocket
from router.program import Command
from router.transport.options import DialOptions

__all__ = ["run_with_daemon"]


def run_with_daemon(
    connection: Connection, words: Sequence[str], options: DialOptions, *, tell: Callable[[str], None]
) -> int:
    """Run the command to its end and return its exit code, negative for a signal.

    Its stdin, stdout, stderr and terminal are this process's. Where the daemon's own address is none that any
    program can dial, a socket of this machine is served in its stead; ``tell`` hears, from another thread,
    what goes wrong there. Raises ToolError where the command can't be started.
    """
    direct = _direct(connection.daemon.address, options)
    if direct is not None:
        return _run(words, direct, options)
    with DaemonSocket(connection, options, tell) as served:
        return _run(words, served.url, options)


def _direct(address: Address, options: DialOptions) -> str | None:
    """Return the address if a program without options of its own can dial it."""
    match address:
        case TcpAddress() if options.tls is None:
            return format_for_tools(address)
        case UnixAddress(path=path) if not path.startswith("@"):
            return format_for_tools(address)
        case _:
            return None


def _run(words: Sequence[str], host: str, options: DialOptions) -> int:
    environment = {**options.environment, "BUILDKIT_HOST": host}
    return run_attached(Command(argv=tuple(words), environment=environment))
