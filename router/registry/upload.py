"""One blob put into a repository: mounted, at once, or in pieces that go on where a connection broke.

What https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md calls push of blobs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import new

from router.errors import DialError, RegistryError, RouterError
from router.model.frozen import replace
from router.net.http1 import Reply
from router.notation.tag import Reference
from router.registry.descriptor import Descriptor
from router.registry.requests import Asked, Requests
from router.retry import Pauses, persisting, retrying

__all__ = ["Content", "Upload"]

Content = Callable[[int], bytes]
"""Returns the next bytes from an offset on, as many as it likes, and none only at the end."""

_RANGE = r"(?:bytes=)?0-([0-9]{1,18})"
_MOST_BREAKS = 5
# How often a whole upload is tried, where a registry can't go on with one.
_ATTEMPTS = 3


class Upload:
    """Uploads to one repository; ``scopes`` are those of a token for it."""

    def __init__(self, requests: Requests, repository: Reference, scopes: tuple[str, ...]) -> None:
        self._requests = requests
        self._repository = repository
        self._scopes = scopes

    def put(self, descriptor: Descriptor, content: Content, *, mounted_from: str = "") -> None:
        """Put a blob that isn't there. Raises ``DialError``, ``RegistryError`` also for other content."""
        retrying(lambda: self._put(descriptor, content, mounted_from), attempts=_ATTEMPTS)

    def _put(self, descriptor: Descriptor, content: Content, mounted_from: str) -> None:
        location = self._begin(descriptor, mounted_from)
        if not location:
            return
        found, offset = new(descriptor.digest.partition(":")[0]), 0
        piece = content(0) if descriptor.size else b""
        found.update(piece)
        while len(piece) + offset < descriptor.size:
            if not piece:
                raise RegistryError(f"the blob {descriptor.digest} ended after {offset} bytes")
            location = self._append(location, offset, piece)
            offset += len(piece)
            piece = content(offset)
            found.update(piece)
        if f"{found.name}:{found.hexdigest()}" != descriptor.digest:
            raise RegistryError(f"the content of the blob {descriptor.digest} doesn't match its digest")
        # A blob of one piece is put at once.
        if offset:
            location, piece = self._append(location, offset, piece), b""
        self._commit(location, descriptor.digest, piece)

    def _begin(self, descriptor: Descriptor, mounted_from: str) -> str:
        """Return where the upload goes on, empty where the registry has mounted the blob."""
        mount = f"?mount={descriptor.digest}&from={mounted_from}" if mounted_from else ""
        asked = self._asked("POST", f"{self._repository.path}/blobs/uploads/{mount}")
        reply = self._requests.send(asked)
        if mounted_from and reply.status == 201:
            return ""
        if reply.status != 202:
            raise self._requests.refusal(asked, reply, f"upload {descriptor.digest}")
        return self._requests.location(asked, reply)

    def _append(self, location: str, offset: int, piece: bytes) -> str:
        """Send a piece, what is left of it again where the connection broke; return where it goes on."""
        begin, end = offset, offset + len(piece)
        broken: DialError | RegistryError | None = None

        def further() -> str:
            nonlocal location, begin, broken
            if broken is not None:
                location, begin = self._where(location, broken)
                if begin == end:
                    return location
                if not offset <= begin < end:
                    said = f"the upload to {self._repository.repository} can't go on at byte {begin}"
                    raise RegistryError(said, temporary=True)
            try:
                return self._patch(location, begin, piece[begin - offset :])
            except (DialError, RegistryError) as exc:
                broken = exc
                raise

        def again(error: RouterError, attempt: int) -> bool:
            return error is broken and error.temporary and attempt < _MOST_BREAKS

        return persisting(further, again=again, pauses=Pauses(first=0.2, longest=5.0))

    def _patch(self, location: str, offset: int, piece: bytes) -> str:
        asked = replace(
            self._asked("PATCH", location),
            headers=(
                ("Content-Type", "application/octet-stream"),
                ("Content-Range", f"{offset}-{offset + len(piece) - 1}"),
            ),
            body=piece,
        )
        reply = self._requests.send(asked)
        if reply.status not in {201, 202, 204}:
            raise self._lost(asked, reply, "upload a piece of a blob")
        return self._requests.location(asked, reply)

    def _where(self, location: str, broken: DialError | RegistryError) -> tuple[str, int]:
        """Ask where an upload goes on, and with which byte."""
        asked = self._asked("GET", location)
        reply = self._requests.send(asked)
        told = re.fullmatch(_RANGE, reply.headers.get("range", ""))
        if reply.status != 204 or told is None:
            kind = RegistryError if isinstance(broken, RegistryError) else DialError
            raise kind(str(broken), hint=broken.hint, reason=broken.reason, temporary=True) from broken
        further = self._requests.location(asked, reply) if "location" in reply.headers else location
        # Docker's registry says 0-0 of an upload without a byte as well; a piece is never of one byte only.
        last = int(told[1])
        return further, last + 1 if last else 0

    def _commit(self, location: str, digest: str, rest: bytes) -> None:
        joint = "&" if "?" in location else "?"
        asked = replace(
            self._asked("PUT", f"{location}{joint}digest={digest}"),
            headers=(("Content-Type", "application/octet-stream"),),
            body=rest,
        )
        reply = self._requests.send(asked)
        if reply.status not in {201, 204}:
            raise self._lost(asked, reply, f"upload {digest}")

    def _lost(self, asked: Asked, reply: Reply, what: str) -> RegistryError:
        """Return the error of an answer; an upload that the registry has lost is worth another one."""
        error = self._requests.refusal(asked, reply, what)
        lost = reply.status in {404, 416} or reply.status >= 500
        return RegistryError(str(error), hint=error.hint, reason=error.reason, temporary=lost)

    def _asked(self, method: str, path: str) -> Asked:
        return Asked(domain=self._repository.domain, path=path, method=method, scopes=self._scopes)
