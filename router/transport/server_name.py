"""The name that a daemon's certificate is to be for. Pure."""

from __future__ import annotations

from router.errors import UsageError
from router.model.address import Address, KubePodAddress, TcpAddress
from router.model.tls import TLSOptions

__all__ = ["server_name"]


def server_name(address: Address, tls: TLSOptions, *, namespace: str = "") -> str:
    """Return the name to expect, empty where nothing at all is known of it.

    A pod's IP changes with each restart, so that no certificate is for it: without a name the pod's own is
    expected. In a given one ``{pod}`` and ``{namespace}`` stand for this pod's; ``namespace`` is that of an
    address which has none. Raises UsageError where they stand in the name for a daemon that is no pod.
    """
    if isinstance(address, KubePodAddress):
        name = (tls.server_name or "{pod}").replace("{pod}", address.pod)
        return name.replace("{namespace}", address.namespace or namespace)
    if tls.server_name and ("{pod}" in tls.server_name or "{namespace}" in tls.server_name):
        raise UsageError(
            f"--tls-server-name {tls.server_name} is for pods; {address} is not one",
            hint="pass the name in the certificate",
        )
    own = (address.server_name or address.host) if isinstance(address, TcpAddress) else ""
    return tls.server_name or own
