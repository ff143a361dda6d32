"""A Dockerfile by its URL: the daemon downloads it, and hands it back.

The daemon, because it is the one whose network the build uses; the same would hold for a context. It builds
nothing for that: a definition with one download is solved on a connection of its own, and its result comes
back as a tar, which is read here.
"""

from __future__ import annotations

import io
import os
import tarfile
import time

from router.backends import BackendContext
from router.errors import BuildError, ConnectionLostError, RpcError, UsageError
from router.model.daemon import Daemon
from router.model.request import BuildRequest
from router.notation.url import without_credentials
from router.rpc import RpcChannel, open_channel
from router.session import health
from router.session.filesend import filesend
from router.session.secrets import SecretSource, secrets
from router.session.server import SessionServer
from router.solve.control import Control
from router.solve.inputs import Inputs
from router.solve.request import Exporter, SolveIdentity, solve_request
from router.solve.sources import downloaded

__all__ = ["download_dockerfile"]

_NAME = "Dockerfile"
# As buildx has it. The tar around it is larger, but not by much.
_MAX_SIZE = 2 * 1024 * 1024
_MAX_TAR = _MAX_SIZE + 64 * 1024


def download_dockerfile(url: str, daemon: Daemon, context: BackendContext, store: SecretSource) -> bytes:
    """Return what is at the URL. ``store`` has the secrets that a download may be allowed by.

    Raises ``UsageError`` for what is too large for a Dockerfile, ``BuildError`` where the daemon can't get
    it, ``DialError`` and ``ConnectionLostError``.
    """
    deadline = time.monotonic() + context.dial.timeout
    sink = _Memory(url)
    with open_channel(
        daemon.address, context.dial, peer=daemon.peer, cancellation=context.cancellation
    ) as channel:
        channel.carried = context.span.headers
        session = SessionServer(
            unary={health.CHECK: health.check, **secrets(store)},
            streaming=filesend({0: lambda: sink}, wake=channel.wake),
            wake=channel.wake,
        )
        try:
            _solve(channel, session, url, deadline)
        finally:
            session.close()
    if session.failures:
        raise session.failures[0]
    return sink.file()


def _solve(channel: RpcChannel, session: SessionServer, url: str, deadline: float) -> None:
    identity = SolveIdentity(ref=os.urandom(16).hex(), session_id=os.urandom(16).hex())
    request = BuildRequest(
        frontend="",
        definition=downloaded(url, _NAME, title=f"[internal] load {without_credentials(url)}"),
        call="download",  # any but a build: the daemon's history leaves it out
    )
    control = Control(channel)
    names = [("x-docker-expose-session-grpc-method", method) for method in session.methods]
    metadata = [("x-docker-expose-session-uuid", identity.session_id), *names]
    control.session(metadata, session, session.receive)
    message = solve_request(request, Inputs(), [Exporter(type="tar", attrs={})], identity)
    solve = control.solve(message, lambda _response: None)
    channel.handshake(deadline - time.monotonic())
    channel.run(lambda: solve.done)
    if session.failures or solve.error is None:
        return
    error = solve.error
    if isinstance(error, RpcError) and not error.temporary:
        raise BuildError(
            f"the daemon can't download the Dockerfile: {error}", hint=f"curl -fI {without_credentials(url)}"
        ) from error
    raise ConnectionLostError(f"{channel.peer} broke off: {error}", temporary=True) from error


class _Memory:
    """Takes the tar."""

    waits = False

    def __init__(self, url: str) -> None:
        self._url = without_credentials(url)
        self._data = bytearray()

    def write(self, data: memoryview) -> None:
        """Take the next bytes. Raises ``UsageError`` where it can't be a Dockerfile."""
        self._data += data
        if len(self._data) > _MAX_TAR:
            raise self._too_large()

    def commit(self) -> None:
        """Nothing appears."""

    def abort(self) -> None:
        """Nothing is held."""

    def file(self) -> bytes:
        """Return the Dockerfile. Raises ``UsageError``."""
        try:
            with tarfile.open(fileobj=io.BytesIO(self._data)) as archive:
                file = archive.extractfile(_NAME)
                data = file.read() if file is not None else b""
        except (tarfile.TarError, KeyError, EOFError) as exc:
            raise BuildError(f"the daemon's copy of {self._url} can't be read: {exc}") from exc
        if len(data) > _MAX_SIZE:
            raise self._too_large()
        return data

    def _too_large(self) -> UsageError:
        return UsageError(
            f"what is at {self._url} is too large for a Dockerfile (more than {_MAX_SIZE >> 20} MiB)",
            hint="pass the URL of the raw file",
        )
