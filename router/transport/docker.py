"""Dial ``docker://``: the BuildKit inside a Docker engine.

The engine hands the connection to its BuildKit after an HTTP/1.1 upgrade: ``POST /grpc`` with
``Upgrade: h2c``; what follows its answer 101 is HTTP/2.
"""

from __future__ import annotations

from router.docker.endpoint import DockerEndpoint, endpoint_of_host, find_endpoint
from router.docker.engine import broken, connect_engine, stream_of
from router.errors import DialError
from router.model.address import DockerAddress
from router.net.deadline import Deadline
from router.net.http1 import Reply, Request, exchange
from router.net.stream import ByteStream
from router.transport.options import DialOptions

__all__ = ["dial_docker", "endpoint_of"]

_UPGRADE = Request(
    method="POST", target="/grpc", host="docker", headers=(("Connection", "Upgrade"), ("Upgrade", "h2c"))
)


def dial_docker(address: DockerAddress, options: DialOptions) -> ByteStream:
    """Connect to the engine and ask for its BuildKit. Raises DialError, UsageError."""
    deadline = Deadline(options.timeout)
    endpoint = endpoint_of(address, options)
    peer = f"the Docker engine at {endpoint.host}"
    sock = connect_engine(endpoint, deadline)
    try:
        reply = exchange(sock, _UPGRADE, deadline)
        if reply.status != 101:
            raise _refused(peer, reply)
    except OSError as exc:
        sock.close()
        raise broken(peer, endpoint, exc) from exc
    except DialError:
        sock.close()
        raise
    return stream_of(sock, peer, reply)


def endpoint_of(address: DockerAddress, options: DialOptions) -> DockerEndpoint:
    """Return the engine that an address means. Raises UsageError."""
    if address.endpoint is None:
        return find_endpoint(options.environment, address.context)
    if address.context is not None:
        found = find_endpoint(options.environment, address.context)
        if found.host == address.endpoint:
            return found
    return endpoint_of_host(address.endpoint, options.environment, source="the address")


def _refused(peer: str, reply: Reply) -> DialError:
    """Explain an answer to the upgrade other than 101."""
    said = f"{reply.status} {reply.text or reply.phrase}".strip()
    if reply.status in {403, 404, 405, 501}:
        return DialError(
            f"{peer} does not offer its BuildKit: {said}",
            hint="BuildKit over /grpc needs Docker 19.03 or newer, and a proxy in between must allow it",
        )
    if reply.status == 400 and "HTTPS" in reply.text:
        return DialError(f"{peer} wants TLS", hint="set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH")
    return DialError(f"{peer} refused the upgrade to gRPC: {said}", temporary=reply.status >= 500)
