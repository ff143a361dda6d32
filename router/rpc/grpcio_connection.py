"""How grpcio is connected to a daemon: through a bridge, and so once.

Left alone it connects again after each loss and each GOAWAY, to whichever daemon answers then; no setting
of its own forbids it. What flows over the bridge is grpcio's, its TLS too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc

from router.model.address import Address, TcpAddress
from router.net.tls_context import pem_files
from router.rpc.bridge import Bridge
from router.rpc.grpc import MAX_MESSAGE
from router.rpc.headers import MAX_HEADER_BLOCK
from router.transport import dial
from router.transport.options import DialOptions
from router.transport.server_name import server_name

__all__ = ["connect"]

_grpc: Any = grpc  # half of it is annotated, which mypy likes less than nothing
_SETTINGS: tuple[tuple[str, int | str], ...] = (
    ("grpc.primary_user_agent", "warmroute"),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    # A failed build's details are longer than the 8 KiB that it takes.
    ("grpc.max_metadata_size", MAX_HEADER_BLOCK),
    ("grpc.absolute_max_metadata_size", MAX_HEADER_BLOCK),
    # A connection is one channel's, as its loss is.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    # As the other engine has it: no proxies of the environment, and 19 s of silence are a loss.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 12_000),
    ("grpc.keepalive_timeout_ms", 7_000),
    ("grpc.http2.ping_timeout_ms", 7_000),
    ("grpc.http2.max_pings_without_data", 0),
)


def connect(address: Address, options: DialOptions) -> tuple[Any, Bridge]:
    """Return a channel of grpcio's, and the bridge that carries it; the caller closes both, in this order.

    Raises what ``dial`` raises.
    """
    if not isinstance(address, TcpAddress):
        bridge = Bridge(dial(address, options))
        return _grpc.insecure_channel(bridge.target, _SETTINGS), bridge
    host = f"[{address.host}]" if ":" in address.host else address.host
    authority = f"{host}:{address.port}"
    if options.tls is None:
        bridge = Bridge(dial(address, options))
        settings = (*_SETTINGS, ("grpc.default_authority", authority))
        return _grpc.insecure_channel(bridge.target, settings), bridge
    roots, cert, key = pem_files(options.tls, options.files)
    secured = _grpc.ssl_channel_credentials(roots, key, cert)
    name = server_name(address, options.tls)
    bridge = Bridge(dial(address, replace(options, tls=None)))
    named = (
        ("grpc.ssl_target_name_override", name),
        ("grpc.default_authority", authority if name == address.host else name),
    )
    return _grpc.secure_channel(bridge.target, secured, (*_SETTINGS, *named)), bridge
