"""gRPC over HTTP/2, both roles, on any stream of bytes; and the choice of the engine for calls."""

from __future__ import annotations

from typing import assert_never

from router.cancellation import Cancellation
from router.errors import UsageError
from router.model.address import Address
from router.rpc.contract import RpcCall, RpcChannel
from router.transport import dial
from router.transport.options import DialOptions

__all__ = ["RpcCall", "RpcChannel", "open_channel"]


def open_channel(
    address: Address, options: DialOptions, *, peer: str, cancellation: Cancellation | None = None
) -> RpcChannel:
    """Connect to a daemon, by the engine that ``options`` name; ``peer`` names it in errors.

    Raises DialError where it can't be reached, UsageError where the address or an option is wrong, or the
    engine's package is not installed.
    """
    # Imported when it is chosen: importing grpcio takes as long as a cached build.
    match options.grpc_engine:
        case "builtin":
            from router.rpc.channel import Channel

            return Channel(dial(address, options), peer=peer, cancellation=cancellation)
        case "grpcio":
            try:
                from router.rpc.grpcio import GrpcioChannel
            except ImportError as exc:
                from router.extras import install_line  # every build passes here, few without the package

                raise UsageError(
                    f"--grpc-engine grpcio needs the package grpcio: {exc}",
                    hint=install_line("grpcio"),
                ) from exc
            return GrpcioChannel(address, options, peer=peer, cancellation=cancellation)
        case _:
            assert_never(options.grpc_engine)
