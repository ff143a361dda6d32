"""A manifest or an index as it was pushed, and what hangs on it. Pure."""

from __future__ import annotations

from hashlib import new

from router.errors import RegistryError
from router.model.frozen import field, frozen
from router.registry.descriptor import Descriptor, parse_descriptor
from router.registry.media_types import INDEXES, MANIFESTS
from router.untrusted_json import NotJSONError, elements, member, read_json

__all__ = ["MOST_MANIFEST", "Document", "digest_of", "document"]

MOST_MANIFEST = 4 << 20
"""Bytes of a manifest: what the distribution specification wants every registry to take."""

_MOST_CHILDREN = 1000


@frozen
class Document:
    """``content`` are the bytes that ``descriptor`` names, ``value`` what they say as JSON."""

    descriptor: Descriptor
    content: bytes = field(repr=False)
    value: object = field(repr=False)

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests."""
        return self.descriptor.media_type in INDEXES

    @property
    def manifests(self) -> tuple[Descriptor, ...]:
        """What an index lists, nothing for others. Raises ``RegistryError`` for what is no descriptor."""
        return self._children("manifests") if self.is_index else ()

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """What a manifest is made of: its config, then its layers. Raises ``RegistryError``."""
        if self.descriptor.media_type not in MANIFESTS:
            return ()
        config = parse_descriptor(member(self.value, "config"), self._name)
        return (config, *self._children("layers"))

    @property
    def _name(self) -> str:
        return f"the {'index' if self.is_index else 'manifest'} {self.descriptor.digest}"

    def _children(self, key: str) -> tuple[Descriptor, ...]:
        found = elements(self.value, key)
        if len(found) > _MOST_CHILDREN:
            raise RegistryError(f"{self._name} lists more than {_MOST_CHILDREN} {key}", reason="too-large")
        return tuple(parse_descriptor(each, self._name) for each in found)


def document(descriptor: Descriptor, content: bytes) -> Document:
    """Read what a registry sent for a descriptor. Raises ``RegistryError`` if it is not that, or no JSON."""
    if digest_of(content, descriptor.digest) != descriptor.digest:
        raise RegistryError(f"the registry sent other content than {descriptor.digest} names")
    try:
        value = read_json(content, most=MOST_MANIFEST)
    except NotJSONError as exc:
        raise RegistryError(f"the manifest {descriptor.digest} {exc}") from exc
    return Document(descriptor=descriptor, content=content, value=value)


def digest_of(content: bytes, like: str = "sha256:") -> str:
    """Return the digest of ``content``, by the algorithm of ``like``."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{new(algorithm, content).hexdigest()}"
