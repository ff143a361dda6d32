"""What a client is told of an error, as gRPC has it."""

from __future__ import annotations

from router.errors import CancelledError, RouterError, RpcError, UnreachableError
from router.rpc.grpc import Status
from router.serving.not_retried import NotRetriedError

__all__ = ["status_of"]


def status_of(error: RouterError) -> tuple[int, str]:
    """Return what a client is told of an error."""
    said = f"{error} ({error.hint})" if error.hint else str(error)
    match error:
        case RpcError():
            return error.code, str(error)
        case CancelledError():
            return Status.CANCELLED, said
        case UnreachableError() | NotRetriedError():
            return Status.UNAVAILABLE, said
        case _:
            return Status.UNKNOWN, said
