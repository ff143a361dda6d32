"""The options of `build` that few builds need, by panel: buildx's, then those of buildctl's generic form."""

from __future__ import annotations

from typing import Annotated, Literal

from cli.command_line import Option

__all__ = [
    "LLB",
    "SBOM",
    "SSH",
    "AddHosts",
    "Allow",
    "Annotations",
    "Attests",
    "BuildContexts",
    "CacheFrom",
    "CacheTo",
    "Call",
    "CgroupParent",
    "Check",
    "ContextTimes",
    "Frontend",
    "FrontendOptions",
    "LocalDirs",
    "Network",
    "NoCacheFilter",
    "OCILayouts",
    "Provenance",
    "ProxyNetwork",
    "RefFile",
    "RegistryTLS",
    "Resources",
    "ShmSize",
    "SourcePolicyFile",
    "Trace",
    "Ulimits",
]

_IMAGE = "Image"
_STEPS = "Steps"
_CACHE = "Cache"
_ATTESTATIONS = "Attestations"
_GENERIC = "buildctl's generic form"

BuildContexts = Annotated[
    list[str] | None,
    Option(
        names=("--build-context",),
        metavar="NAME=VALUE",
        help="A further context: a directory, a git or http URL, docker-image://, oci-layout://.",
        panel=_IMAGE,
    ),
]
ContextTimes = Annotated[
    Literal["file", "content"],
    Option(
        names=("--context-times",),
        help="The times of the context's files: their own, or made of content, for which a fresh clone"
        " sends only what changed.",
        panel=_IMAGE,
    ),
]
Annotations = Annotated[
    list[str] | None,
    Option(
        names=("--annotation",),
        metavar="[TYPE:]KEY=VALUE",
        help="An annotation of the image: manifest, index, manifest-descriptor, index-descriptor.",
        panel=_IMAGE,
    ),
]
Call = Annotated[
    str,
    Option(
        names=("--call",),
        metavar="METHOD",
        help="What the frontend is asked for: build, check, outline, targets; [dim]also ,format=json.[/]",
        panel=_IMAGE,
    ),
]
Check = Annotated[
    bool, Option(names=("--check",), help="The same as --call=check: lint, build nothing.", panel=_IMAGE)
]
SSH = Annotated[
    list[str] | None,
    Option(
        names=("--ssh",),
        metavar="ID[=SOCKET|KEY]",
        help="An ssh agent, or keys, that steps can use.",
        panel=_STEPS,
    ),
]
RegistryTLS = Annotated[
    list[str] | None,
    Option(
        names=("--registry-auth-tlscontext",),
        metavar="host=HOST,...",
        help="TLS for a registry's token server: ca=, cert= and key=, insecure=true.",
        panel=_IMAGE,
        refuses_empty=True,
    ),
]
Network = Annotated[
    str,
    Option(
        names=("--network",),
        metavar="MODE",
        help="The network of the steps: default, none, host.",
        panel=_STEPS,
    ),
]
AddHosts = Annotated[
    list[str] | None,
    Option(
        names=("--add-host",),
        metavar="HOST=IP",
        help="A line for the steps' /etc/hosts; host-gateway is the daemon's host.",
        panel=_STEPS,
    ),
]
Allow = Annotated[
    list[str] | None,
    Option(
        names=("--allow",),
        metavar="RIGHT",
        help="A right beyond the usual: network.host, security.insecure, device.",
        panel=_STEPS,
    ),
]
ShmSize = Annotated[
    str,
    Option(
        names=("--shm-size",),
        metavar="SIZE",
        help="The size of the steps' /dev/shm.",
        panel=_STEPS,
        refuses_empty=True,
    ),
]
Ulimits = Annotated[
    list[str] | None,
    Option(
        names=("--ulimit",),
        metavar="NAME=SOFT[:HARD]",
        help="A limit of the steps' processes.",
        panel=_STEPS,
        refuses_empty=True,
    ),
]
Resources = Annotated[
    list[str] | None,
    Option(
        names=("--resource",),
        metavar="KEY=VALUE",
        help="A limit of the steps' cgroup: memory, memory-swap, cpu-shares, cpu-period, cpu-quota,"
        " cpuset-cpus, cpuset-mems.",
        panel=_STEPS,
        refuses_empty=True,
    ),
]
CgroupParent = Annotated[
    str,
    Option(names=("--cgroup-parent",), metavar="PATH", help="The parent of the steps' cgroup.", panel=_STEPS),
]
ProxyNetwork = Annotated[
    bool,
    Option(
        names=("--proxy-network",),
        help="Steps reach the network through the daemon's proxy only.",
        panel=_STEPS,
    ),
]
NoCacheFilter = Annotated[
    list[str] | None,
    Option(
        names=("--no-cache-filter",),
        metavar="STAGE",
        help="A stage to build anew; repeatable, comma lists too.",
        panel=_CACHE,
    ),
]
CacheFrom = Annotated[
    list[str] | None,
    Option(
        names=("--cache-from",),
        aliases=("--import-cache",),
        metavar="NAME|type=TYPE[,...]",
        help="A cache to look into: registry, local, inline, gha, s3, azblob.",
        panel=_CACHE,
    ),
]
CacheTo = Annotated[
    list[str] | None,
    Option(
        names=("--cache-to",),
        aliases=("--export-cache",),
        metavar="NAME|type=TYPE[,...]",
        help="A cache to write to: the same types.",
        panel=_CACHE,
    ),
]
Attests = Annotated[
    list[str] | None,
    Option(
        names=("--attest",),
        metavar="type=sbom|provenance[,...]",
        help="What the daemon attests about the image.",
        panel=_ATTESTATIONS,
        refuses_empty=True,
    ),
]
SBOM = Annotated[
    str,
    Option(
        names=("--sbom",), metavar="true|KEY=VALUE", help="Short for --attest type=sbom.", panel=_ATTESTATIONS
    ),
]
Provenance = Annotated[
    str,
    Option(
        names=("--provenance",),
        metavar="true|mode=max",
        help="Short for --attest type=provenance.",
        panel=_ATTESTATIONS,
    ),
]
SourcePolicyFile = Annotated[
    str | None,
    Option(
        names=("--source-policy-file",),
        metavar="PATH",
        help="Which sources are allowed, denied or replaced, as JSON.",
        panel=_ATTESTATIONS,
    ),
]
Frontend = Annotated[
    str | None,
    Option(
        names=("--frontend",),
        metavar="NAME",
        help="The frontend: dockerfile.v0, gateway.v0.",
        panel=_GENERIC,
    ),
]
FrontendOptions = Annotated[
    list[str] | None,
    Option(
        names=("--opt",),
        metavar="NAME=VALUE",
        help="An option for the frontend, as it stands.",
        panel=_GENERIC,
        refuses_empty=True,
    ),
]
LocalDirs = Annotated[
    list[str] | None,
    Option(
        names=("--local",),
        metavar="NAME=DIR",
        help="A directory under the name that the frontend, or the LLB, asks for.",
        panel=_GENERIC,
        refuses_empty=True,
    ),
]
OCILayouts = Annotated[
    list[str] | None,
    Option(
        names=("--oci-layout",),
        metavar="NAME=DIR",
        help="An OCI layout, in the same way.",
        panel=_GENERIC,
        refuses_empty=True,
    ),
]
LLB = Annotated[
    str | None,
    Option(
        names=("--llb",),
        metavar="PATH",
        help="LLB to solve instead of a Dockerfile; - is stdin.",
        panel=_GENERIC,
    ),
]
RefFile = Annotated[
    str | None,
    Option(names=("--ref-file",), metavar="PATH", help="Write the build's reference there.", panel=_GENERIC),
]
Trace = Annotated[
    str | None,
    Option(
        names=("--trace",),
        metavar="PATH",
        help="Append there every status that the daemon sends, as JSON lines.",
        panel=_GENERIC,
    ),
]
