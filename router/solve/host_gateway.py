"""``--add-host NAME=host-gateway``: only the daemon knows the address of its host."""

from __future__ import annotations

from router.errors import UsageError
from router.flags.add_host import HOST_GATEWAY
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.solve.control import Control

__all__ = ["with_host_gateway"]

_LABEL = "org.mobyproject.buildkit.worker.moby.host-gateway-ip"


def with_host_gateway(
    request: BuildRequest, control: Control, *, daemon: str, timeout: float
) -> BuildRequest:
    """Return the request with ``host-gateway`` replaced by the address that the daemon reports.

    Costs a round trip if it is used, nothing otherwise. Raises ``UsageError`` if the daemon reports no
    address: a Docker engine does, a standalone buildkitd has none.
    """
    if not any(HOST_GATEWAY in host.addresses for host in request.add_hosts):
        return request
    workers = control.list_workers(timeout=timeout)
    known = [worker.Labels[_LABEL] for worker in workers.record if worker.Labels.get(_LABEL)]
    if not known:
        raise UsageError(
            f"--add-host with host-gateway: {daemon} does not report its host's address",
            hint="only a Docker engine does; pass the IP address itself",
        )
    hosts = tuple(
        replace(host, addresses=(known[0],)) if HOST_GATEWAY in host.addresses else host
        for host in request.add_hosts
    )
    return replace(request, add_hosts=hosts)
