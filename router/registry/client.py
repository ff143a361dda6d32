"""A registry's manifests and blobs: found, read and written.

What is read is what its digest names, or there is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import sleep as wait

from router.closing import Closing
from router.errors import RegistryError
from router.model.build_options import RegistryTLS
from router.model.frozen import replace
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.notation.digest import is_digest
from router.notation.tag import Reference, format_reference
from router.registry.descriptor import Descriptor
from router.registry.document import MOST_MANIFEST, Document, digest_of, document
from router.registry.media_types import INDEXES, MANIFESTS, media_type_of
from router.registry.requests import Asked, Requests
from router.registry.upload import Content, Upload
from router.untrusted_json import NotJSONError, read_json

__all__ = ["RegistryClient", "tagged", "with_digest"]

_ACCEPTED = (("Accept", ", ".join(sorted(INDEXES | MANIFESTS))),)
_PIECE = 8 << 20
# Of a blob that is read whole: a config, an attestation.
_MOST_SMALL = 16 << 20


def tagged(reference: Reference) -> Reference:
    """Return what is meant by a name without a tag and a digest: ``latest``."""
    return reference if reference.tag or reference.digest else replace(reference, tag="latest")


def with_digest(reference: Reference, digest: str) -> Reference:
    """Return the same repository's content of this digest."""
    return replace(reference, tag="", digest=digest)


class RegistryClient(Closing):
    """Asks registries, with the logins of the docker config, until ``deadline`` if there is one.

    For one thread; a context manager. ``tls`` is for registries and the token servers that they name.

    Every method raises ``DialError`` where a registry can't be reached, ``RegistryError`` where it refuses or
    sends something else than it was asked for.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        tls: Sequence[RegistryTLS] = (),
        *,
        deadline: Deadline | None = None,
        sleep: Callable[[float], None] = wait,
    ) -> None:
        self._requests = Requests(environment, tls, deadline=deadline, sleep=sleep)

    def close(self) -> None:
        """End what is still being asked."""
        self._requests.close()

    def find(self, reference: Reference) -> str:
        """Return the digest of the manifest that is there under a tag or a digest, empty where none is."""
        asked = _manifest(reference, method="HEAD")
        reply = self._requests.send(asked)
        if reply.status == 404:
            return ""
        if reply.status != 200:
            raise self._requests.refusal(asked, reply, f"look for {format_reference(reference)}")
        digest = reply.headers.get("docker-content-digest", "")
        return digest if is_digest(digest) else reference.digest or self.pull(reference).descriptor.digest

    def pull(self, reference: Reference) -> Document:
        """Return a manifest or an index by tag or digest. The reason where there is none is ``not-found``."""
        asked = _manifest(reference, most=MOST_MANIFEST)
        reply = self._requests.send(asked)
        name = format_reference(reference)
        if reply.status == 404:
            hint = "check the name, the tag and the login"
            raise RegistryError(f"there is no image {name}", hint=hint, reason="not-found")
        if reply.status != 200:
            raise self._requests.refusal(asked, reply, f"read the manifest of {name}")
        return _received(reference, reply)

    def push(self, reference: Reference, manifest: Document) -> None:
        """Put a manifest or an index under its digest, and under a tag where ``reference`` has one."""
        digest = manifest.descriptor.digest
        target = reference.tag or digest
        asked = Asked(
            domain=reference.domain,
            path=f"{reference.path}/manifests/{target}",
            method="PUT",
            scopes=(_scope(reference, "pull,push"),),
            headers=(("Content-Type", manifest.descriptor.media_type),),
            body=manifest.content,
            repeatable=True,
        )
        reply = self._requests.send(asked)
        if reply.status not in {200, 201}:
            name = format_reference(replace(reference, digest=digest))
            raise self._requests.refusal(asked, reply, f"push {name}")
        told = reply.headers.get("docker-content-digest", "")
        if is_digest(told) and told.partition(":")[0] == digest.partition(":")[0] and told != digest:
            raise RegistryError(f"the registry {reference.domain} stored the manifest {digest} as {told}")

    def blob(self, repository: Reference, descriptor: Descriptor) -> bytes:
        """Return a small blob, such as a config, whole."""
        if descriptor.size > _MOST_SMALL:
            said = f"the blob {descriptor.digest} has {descriptor.size} bytes, too many to read whole"
            raise RegistryError(said, reason="too-large")
        content = self.read(repository, descriptor, 0)
        while len(content) < descriptor.size:
            content += self.read(repository, descriptor, len(content))
        if digest_of(content, descriptor.digest) != descriptor.digest:
            said = f"the registry {repository.domain} sent other content than {descriptor.digest}"
            raise RegistryError(said)
        return content

    def read(self, repository: Reference, descriptor: Descriptor, offset: int) -> bytes:
        """Return the next bytes of a blob, 8 MiB or what is left; whether they are right the whole tells."""
        size = min(descriptor.size - offset, _PIECE)
        if size <= 0:
            return b""
        part = size < descriptor.size
        asked = Asked(
            domain=repository.domain,
            path=f"{repository.path}/blobs/{descriptor.digest}",
            scopes=(_scope(repository, "pull"),),
            headers=(("Range", f"bytes={offset}-{offset + size - 1}"),) if part else (),
            most=size,
        )
        reply = self._requests.send(asked)
        if reply.status != (206 if part else 200):
            raise self._requests.refusal(asked, reply, f"read the blob {descriptor.digest}")
        if len(reply.body) != size:
            raise RegistryError(
                f"the registry {repository.domain} sent {len(reply.body)} bytes of {descriptor.digest}, "
                f"not the {size} that were asked for"
            )
        return reply.body

    def has_blob(self, repository: Reference, digest: str) -> bool:
        """Say whether a repository has a blob."""
        asked = Asked(
            domain=repository.domain,
            path=f"{repository.path}/blobs/{digest}",
            method="HEAD",
            scopes=(_scope(repository, "pull,push"),),
        )
        reply = self._requests.send(asked)
        if reply.status not in {200, 404}:
            raise self._requests.refusal(asked, reply, f"look for the blob {digest}")
        return reply.status == 200

    def upload(
        self, repository: Reference, descriptor: Descriptor, content: Content, source: Reference | None = None
    ) -> None:
        """Put a blob where it isn't there yet; ``content`` gives its bytes from an offset.

        From a ``source`` on the same registry the blob is mounted, if the registry does that.
        """
        if self.has_blob(repository, descriptor.digest):
            return
        pull = () if source is None else (_scope(source, "pull"),)
        Upload(self._requests, repository, (_scope(repository, "pull,push"), *pull)).put(
            descriptor, content, mounted_from=source.path if source else ""
        )


def _manifest(reference: Reference, *, method: str = "GET", most: int = 1 << 20) -> Asked:
    return Asked(
        domain=reference.domain,
        path=f"{reference.path}/manifests/{reference.digest or reference.tag or 'latest'}",
        method=method,
        scopes=(_scope(reference, "pull"),),
        headers=_ACCEPTED,
        most=most,
    )


def _scope(repository: Reference, actions: str) -> str:
    return f"repository:{repository.path}:{actions}"


def _received(reference: Reference, reply: Reply) -> Document:
    digest = reference.digest or digest_of(reply.body)
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip()
    known = INDEXES | MANIFESTS
    if media_type not in known:
        try:
            media_type = media_type_of(read_json(reply.body, most=MOST_MANIFEST))
        except NotJSONError as exc:
            raise RegistryError(f"the manifest of {format_reference(reference)} {exc}") from exc
    if media_type not in known:
        name = format_reference(reference)
        said = f"{name} is not an image of a known kind: its media type is {media_type[:200]}"
        raise RegistryError(said, reason="unsupported")
    return document(Descriptor(media_type=media_type, digest=digest, size=len(reply.body)), reply.body)
