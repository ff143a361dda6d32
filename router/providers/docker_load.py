"""``--load``: hands an image archive to the local Docker engine as it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from socket import SHUT_RDWR

from router.bounds import shortened
from router.docker.endpoint import DockerEndpoint
from router.docker.engine import connect_engine
from router.errors import DialError, OutputError
from router.net.deadline import Deadline
from router.untrusted_json import NotJSONError, read_json, text

__all__ = ["DockerLoadSink", "check_engine"]

_CONNECT_TIMEOUT = 10.0
# How long the engine may take no bytes, and how long to unpack the layers before it answers.
_WRITE_TIMEOUT = 30.0
_LOAD_TIMEOUT = 600.0
# Bytes of what the engine answers. With ``quiet`` it has little to say.
_MOST_ANSWER = 1024 * 1024
_LONGEST_WHY = 2000


def check_engine(endpoint: DockerEndpoint) -> None:
    """Raise ``DialError`` if the engine can't be reached, before a build is spent on it."""
    try:
        connect_engine(endpoint, Deadline(_CONNECT_TIMEOUT)).close()
    except DialError as exc:
        raise DialError(f"--load: {exc}", hint=exc.hint, reason=exc.reason) from exc


class DockerLoadSink:
    """One ``POST /images/load``, whose body is the archive.

    Raises ``OutputError`` where the engine can't
    be reached (by now it is no fault of the daemon's, and the next one would not help) or refuses the image.
    """

    waits = True  # while the engine unpacks what it has

    def __init__(self, endpoint: DockerEndpoint) -> None:
        self._peer = f"the Docker engine at {endpoint.host}"
        self._connection = HTTPConnection("docker")
        try:
            self._connection.sock = connect_engine(endpoint, Deadline(_CONNECT_TIMEOUT))
        except DialError as exc:
            raise OutputError(f"can't load the image: {exc}", hint=exc.hint) from exc
        self._connection.auto_open = 0  # once it is closed it stays closed
        self._connection.sock.settimeout(_WRITE_TIMEOUT)
        self._connection.putrequest("POST", "/images/load?quiet=1")
        self._connection.putheader("Content-Type", "application/x-tar")
        self._connection.putheader("Transfer-Encoding", "chunked")
        self._connection.endheaders()

    def write(self, data: memoryview) -> None:
        """Send the next bytes."""
        if not data:
            return  # an empty chunk would end the body
        try:
            self._connection.send(b"%x\r\n" % len(data))
            self._connection.send(data)
            self._connection.send(b"\r\n")
        except OSError as exc:
            raise OutputError(f"{self._peer} broke off while the image was loaded: {exc}") from exc

    def commit(self) -> None:
        """End the archive and hear what the engine made of it."""
        try:
            self._connection.send(b"0\r\n\r\n")
            if self._connection.sock is not None:
                self._connection.sock.settimeout(_LOAD_TIMEOUT)
            response = self._connection.getresponse()
            body = response.read(_MOST_ANSWER + 1)
        except (OSError, HTTPException) as exc:
            raise OutputError(f"{self._peer} broke off while the image was loaded: {exc}") from exc
        finally:
            self._connection.close()
        if len(body) > _MOST_ANSWER:
            raise OutputError(f"{self._peer} sent an endless answer while the image was loaded")
        errors = list(_errors(body))
        if response.status >= 300 or errors:
            why = "; ".join(errors) or body.decode("utf-8", "replace").strip() or response.reason
            raise OutputError(f"{self._peer} did not take the image: {shortened(why, _LONGEST_WHY)}")

    def abort(self) -> None:
        """Close the connection; an archive that was not ended is dropped by the engine."""
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):  # it may be closed already
                sock.shutdown(
                    SHUT_RDWR
                )  # wakes a ``commit`` that waits in another thread, which close doesn't
        self._connection.close()


def _errors(body: bytes) -> Iterator[str]:
    """Yield the errors among the JSON objects, one a line, of the engine's answer."""
    for line in body.splitlines():
        try:
            message = read_json(line)
        except NotJSONError:
            continue
        error = text(message, "error") or text(message, "message")
        if error:
            yield error
