"""What to build: one value for all backends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from router.model.frozen import field, frozen

if TYPE_CHECKING:  # few builds use them, and each class takes its time to be made
    from router.model.build_options import (
        Annotation,
        Attestation,
        ExtraHost,
        NetworkMode,
        RegistryTLS,
        SSHAgent,
        Ulimit,
    )

__all__ = ["BuildRequest", "CacheOption", "ContextTimes", "Output", "OutputType", "Secret"]

ContextTimes = Literal["file", "content"]
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
    """One build, in the terms of ``docker buildx build``.

    ``context`` is a directory, or a git or http URL, which the daemon fetches. ``context_archive`` wins over
    it: the path of a tar, compressed or not, as it came on stdin. ``dockerfile`` is the path of the
    Dockerfile as the user gave it (None: ``Dockerfile`` in the context), relative to the working directory;
    for a remote context or an archive it is a path inside. ``dockerfile_text`` wins over it: the
    Dockerfile's content, as read from stdin. ``build_contexts`` are further contexts by name.
    ``registry_tls`` is for the token servers of registries, as far as tokens are fetched on this machine.
    ``platforms`` are normalised ``os/arch[/variant]``; ``shm_size`` is bytes, 0 for the daemon's own.
    ``no_cache_filter`` names stages; ``no_cache`` wins over it. ``resources`` are limits of the steps by the
    frontend's names (``memory``, ``cpuquota`` ...). ``proxy_network`` lets steps reach the network only
    through the daemon's proxy. ``context_times`` says what the times of the files of contexts are made of.

    ``generic`` is buildctl's form: the frontend gets ``frontend_options``, ``local_dirs`` and
    ``oci_layouts``, each under its name, and neither a context nor a Dockerfile. ``definition`` is LLB, a
    packed ``pb.Definition``; with an empty ``frontend`` it is what is solved. ``frontend_options`` are
    passed to the frontend unchanged and win over what the other fields give. ``source_policy`` is the
    policy as JSON text.

    ``call`` other than ``build`` asks the frontend what it knows instead of building: ``check``, ``outline``,
    ``targets``, or a method of its own. The answer stands in the result's metadata under ``result.json`` and
    ``result.txt``; nothing is exported. ``identify`` has the image made for its digest alone where nothing
    else is to come of the build; it is kept nowhere.
    """

    context: str = "."
    context_archive: str | None = None
    dockerfile: str | None = None
    dockerfile_text: bytes | None = None
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    ssh: tuple[SSHAgent, ...] = ()
    registry_tls: tuple[RegistryTLS, ...] = ()
    target: str = ""
    platforms: tuple[str, ...] = ()
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()
    pull: bool = False
    network: NetworkMode = "default"
    add_hosts: tuple[ExtraHost, ...] = ()
    shm_size: int = 0
    ulimits: tuple[Ulimit, ...] = ()
    cgroup_parent: str = ""
    resources: Mapping[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    call: str = "build"
    push: bool = False
    load: bool = False
    outputs: tuple[Output, ...] = ()
    cache_from: tuple[CacheOption, ...] = ()
    cache_to: tuple[CacheOption, ...] = ()
    generic: bool = False
    frontend: str = "dockerfile.v0"
    frontend_options: Mapping[str, str] = field(default_factory=dict)
    local_dirs: Mapping[str, str] = field(default_factory=dict)
    oci_layouts: Mapping[str, str] = field(default_factory=dict)
    definition: bytes | None = field(default=None, repr=False)
    source_policy: str = ""
    proxy_network: bool = False
    context_times: ContextTimes = "file"
    identify: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of what is read for it beside contexts: secrets, keys or agents, certificates."""
        secrets = (secret.path for secret in self.secrets)
        agents = (path for agent in self.ssh for path in agent.paths)
        certificates = (path for tls in self.registry_tls for path in (tls.ca, tls.cert, tls.key))
        return tuple(filter(None, (*secrets, *agents, *certificates)))
