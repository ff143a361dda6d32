"""What to build: one value for all backends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from router.model.frozen import frozen

__all__ = ["BuildRequest", "CacheOption", "Output", "OutputType", "Secret"]

OutputType = Literal["image", "registry", "local", "tar", "oci", "docker", "cacheonly"]


@frozen
class Secret:
    """A secret by its id and where its value is: exactly one of ``path`` and ``env`` is set.

    The value itself never stands here, so that no repr, log or exception can show it.
    """

    id: str
    path: str | None = None
    env: str | None = None


@frozen
class Output:
    """One exporter. ``dest`` is a path on this machine, ``-`` for stdout, None where the exporter has none.

    ``attrs`` are the exporter's own keys, without ``type`` and ``dest``.
    """

    type: OutputType
    attrs: Mapping[str, str] = field(default_factory=dict)
    dest: str | None = None


@frozen
class CacheOption:
    """One cache import or export: its type (``registry``, ``local``, ``inline`` ...) and keys.

    The keys may hold credentials, so no repr shows them.
    """

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict, repr=False)


@frozen
class BuildRequest:
    """One image build, in the terms of ``docker buildx build``.

    ``context`` is a directory, or a git or http URL, which the daemon fetches. ``dockerfile`` is the path
    of the Dockerfile as the user gave it (None: ``Dockerfile`` in the context), relative to the working
    directory; for a remote context it is a path inside the context. ``dockerfile_text`` wins over it: the
    Dockerfile's content, as read from stdin. ``platforms`` are normalised ``os/arch[/variant]``.
    ``frontend_options`` are handed to the frontend as they stand and win over what the other fields give.
    """

    context: str = "."
    dockerfile: str | None = None
    dockerfile_text: bytes | None = None
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    target: str = ""
    platforms: tuple[str, ...] = ()
    no_cache: bool = False
    pull: bool = False
    push: bool = False
    load: bool = False
    outputs: tuple[Output, ...] = ()
    cache_from: tuple[CacheOption, ...] = ()
    cache_to: tuple[CacheOption, ...] = ()
    frontend: Literal["dockerfile.v0", "gateway.v0"] = "dockerfile.v0"
    frontend_options: Mapping[str, str] = field(default_factory=dict)
