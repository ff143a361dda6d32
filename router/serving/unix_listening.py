"""A unix socket that only its own user may use: its directory, its file, and the check of each client."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack, suppress

from router.errors import UsageError
from router.model.address import UnixAddress
from router.net.sockets import SocketStream, describe_os_error
from router.serving.accepting import ListeningSocket
from router.serving.listener import Accepted, Listener
from router.serving.peer import Peer, peer_of
from router.serving.socket_lock import SocketLock, in_use

__all__ = ["UnixListener", "listen_unix"]

_ELSEWHERE = "choose another path: --listen unix://PATH"
# Seconds for a connection that checks whether another process listens.
_PATIENCE = 1.0


class UnixListener(Listener):
    """Accepts ``user`` on a unix socket, or, for None, everybody whom the file's mode allows."""

    def __init__(
        self, sock: ListeningSocket, where: UnixAddress, tell: Callable[[str], None], *, user: int | None
    ) -> None:
        self.where = where
        self._socket = sock
        self._tell = tell
        self._user = user
        self._owned = ExitStack()

    def accept(self) -> Accepted | None:
        """Wait for the next client that is allowed."""
        while (connection := self._socket.accept()) is not None:
            try:
                peer = peer_of(connection)
            except OSError:
                connection.close()  # it has disconnected
                continue
            if self._user in {None, peer.user}:
                return _accepted(connection, peer)
            connection.close()
            self._tell(f"refused {peer}: {self.address} is only for user {self._user}")
        return None

    def stop(self) -> None:
        """Accept no more clients."""
        self._socket.stop()

    def close(self) -> None:
        """Close the socket, and remove its files."""
        self._socket.close()
        self._owned.close()

    def own(self, stack: ExitStack) -> None:
        """Close these too, together with the socket."""
        self._owned = stack


def listen_unix(path: str, tell: Callable[[str], None]) -> Listener:
    """Listen at an absolute path, for this process's user only; create a missing directory.

    Raises ``RouterError`` if another process listens there, ``UsageError`` if listening is impossible.
    """
    _make_directory(os.path.dirname(path))
    with ExitStack() as owned:
        owned.enter_context(SocketLock(path))
        _remove_stale(path)
        sock = owned.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            sock.bind(path)
            owned.callback(_remove, path, os.lstat(path))
            # No client can connect before it listens, so other users never have access.
            os.chmod(path, 0o600)
        except OSError as exc:
            raise UsageError(
                f"can't listen on unix://{path}: {describe_os_error(exc)}", hint=_ELSEWHERE
            ) from exc
        where = UnixAddress(path=path)
        listener = UnixListener(ListeningSocket(sock), where, tell, user=os.geteuid())
        listener.own(owned.pop_all())
    return listener


def _accepted(connection: socket.socket, peer: Peer) -> Accepted:
    description = str(peer)
    return Accepted(
        stream=SocketStream(connection, description), who=f"user {peer.user}", description=description
    )


def _make_directory(path: str) -> None:
    """Make the directory for this user only, or check that others can't replace the socket in it."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        own = {0, os.geteuid()}
        link, found = os.lstat(path), os.stat(path)
    except OSError as exc:
        raise UsageError(
            f"can't make the directory {path}: {describe_os_error(exc)}", hint=_ELSEWHERE
        ) from exc
    if link.st_uid not in own or found.st_uid not in own:
        raise UsageError(f"the directory {path} belongs to another user", hint=_ELSEWHERE)
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise UsageError(
            f"every user can write to the directory {path} and so replace the socket",
            hint=f"chmod o-w {path}, or use a directory of its own: --listen unix://{path}/own/serve.sock",
        )


def _remove_stale(path: str) -> None:
    """Remove a socket that no process listens on. Raises ``RouterError`` if it is in use, ``UsageError``
    for any other file of that name."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UsageError(f"{path} exists and is not a socket", hint=_ELSEWHERE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            _remove(path, found)
        except OSError as exc:
            if not isinstance(exc, BlockingIOError | TimeoutError):
                raise UsageError(f"can't replace unix://{path}: {describe_os_error(exc)}") from exc
            raise in_use(path, 0) from exc
        else:
            raise in_use(path, peer_of(probe).process)


def _remove(path: str, made: os.stat_result) -> None:
    """Remove a file, unless another one has taken its name."""
    with suppress(OSError):
        if os.path.samestat(os.lstat(path), made):
            os.unlink(path)
