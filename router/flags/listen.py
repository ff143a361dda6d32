"""``--listen``: where the endpoint of `warmroute serve` waits for clients, a unix socket or a TCP port. Pure.

Whether it may listen there, to whom, and with which certificate, is decided where the socket is opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from router.address import parse_address
from router.errors import UsageError
from router.model.address import TcpAddress, UnixAddress
from router.notation.flag import Flag

__all__ = ["ListenAddress", "default_listen", "parse_listen"]

_FLAG = Flag(name="--listen", example="unix:///run/user/1000/warmroute/serve.sock, or tcp://127.0.0.1:1234")

# sun_path holds 108 bytes on Linux and 104 elsewhere, the end included.
_LONGEST = 103

ListenAddress = UnixAddress | TcpAddress


def parse_listen(text: str) -> ListenAddress:
    """Parse ``unix://PATH`` or ``tcp://HOST:PORT``. Raises ``UsageError`` naming the flag."""
    try:
        address = parse_address(text, _FLAG)
    except UsageError as exc:
        raise UsageError(str(exc), hint=_hint(text)) from exc
    match address:
        case UnixAddress():
            return _checked(text, address)
        case TcpAddress(server_name=None):
            return address
        case TcpAddress():
            raise _FLAG.error(text, "only clients check names")
        case _:
            raise _FLAG.error(text, "an endpoint listens on unix:// or tcp://")


def default_listen(environment: Mapping[str, str], user: int) -> UnixAddress:
    """Return the socket of a user who names none: in the session's own directory, else in one of /tmp."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    # A relative one is to be ignored, says the XDG base directory specification.
    # In /tmp somebody else may have been first: whoever listens looks whose directory it is.
    directory = f"{runtime}/warmroute" if runtime.startswith("/") else f"/tmp/warmroute-{user}"  # noqa: S108
    return UnixAddress(path=os.path.normpath(f"{directory}/serve.sock"))


def _checked(text: str, address: UnixAddress) -> UnixAddress:
    if address.path.startswith("@"):
        raise _FLAG.error(text, "a socket without a file is open to every user")
    if not address.path.startswith("/"):
        raise _FLAG.error(text, "the path must be absolute")
    size = len(os.fsencode(address.path))
    if size > _LONGEST:
        raise _FLAG.error(text, f"a socket's path has at most {_LONGEST} bytes, this one {size}")
    return UnixAddress(path=os.path.normpath(address.path))


def _hint(text: str) -> str:
    if text.startswith("tcp://:"):
        return f"for all interfaces: tcp://0.0.0.0:{text.removeprefix('tcp://:')}"
    return f"for example --listen {_FLAG.example}"
