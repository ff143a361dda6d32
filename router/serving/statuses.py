"""Errors as gRPC statuses for clients."""

from __future__ import annotations

from router.errors import CancelledError, RouterError, RpcError, UnreachableError
from router.rpc.grpc import Status
from router.serving.not_retried import NotRetriedError

__all__ = ["status_of"]


def status_of(error: RouterError) -> tuple[int, str]:
    """Return the code and the message that a client gets for an error."""
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
