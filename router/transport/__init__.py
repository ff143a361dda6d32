"""From an address to a connected stream of bytes.

What flows over the stream is the business of ``rpc``; which address to dial that of ``fleet``.
"""

from __future__ import annotations

from typing import assert_never

from router.model.address import (
    Address,
    CommandContainerAddress,
    DockerAddress,
    DockerContainerAddress,
    KubePodAddress,
    SshAddress,
    TcpAddress,
    UnixAddress,
)
from router.net.stream import ByteStream
from router.transport.options import DialOptions

__all__ = ["dial"]


def dial(address: Address, options: DialOptions) -> ByteStream:
    """Connect to a daemon's address within ``options.timeout`` seconds; the caller closes the stream.

    Raises DialError where it can't be reached, UsageError where the address or an option is wrong.
    """
    if options.tls is not None and not isinstance(address, TcpAddress | KubePodAddress):
        options.warn(
            f"connecting by {str(address).partition(':')[0]}: the --tls options are not used"
            " (they are for tcp:// and for pods)"
        )
    # Each scheme is imported when it is dialled: TLS alone costs as much as a connection.
    match address:
        case TcpAddress():
            from router.transport.tcp import dial_tcp

            return dial_tcp(address, options)
        case UnixAddress():
            from router.transport.unix import dial_unix

            return dial_unix(address, options)
        case KubePodAddress():
            from router.transport.kube_pod import dial_kube_pod

            return dial_kube_pod(address, options)
        case DockerAddress():
            from router.transport.docker import dial_docker

            return dial_docker(address, options)
        case DockerContainerAddress():
            from router.transport.docker_container import dial_docker_container

            return dial_docker_container(address, options)
        case CommandContainerAddress():
            from router.transport.command_container import dial_command_container

            return dial_command_container(address, options)
        case SshAddress():
            from router.transport.ssh import dial_ssh

            return dial_ssh(address, options)
        case _:
            assert_never(address)
