"""What is built and what becomes of it: the options of `build`, of which other commands have some.

Names and meanings are buildx's, then those of buildctl's generic form. The annotations are values, not
texts: each start reads them.
"""

from typing import Annotated

from cli.groups import Only, OptionGroup, argument, option
from router import ContextTimes

__all__ = [
    "AttestationOptions",
    "CacheOptions",
    "ExtraOptions",
    "GenericOptions",
    "ImageOptions",
    "ResultOptions",
    "StepOptions",
    "Subject",
    "SubjectOptions",
]

_GENERIC = "buildctl's generic form"


class ExtraOptions(OptionGroup, panel="Image"):
    """What few images need."""

    build_contexts: list[str] | None = option(
        "--build-context",
        default=None,
        metavar="NAME=VALUE",
        help="A further context: a directory, a git or http URL, docker-image://, oci-layout://.",
    )
    context_times: ContextTimes = option(
        "--context-times",
        default="file",
        help="The times of the context's files: their own, or made of content, for which a fresh clone"
        " sends only what changed.",
        files="all",
    )
    annotations: list[str] | None = option(
        "--annotation",
        default=None,
        metavar="KEY=VALUE",
        help="An annotation of the image, or TYPE:KEY=VALUE: manifest, index, manifest-descriptor,"
        " index-descriptor.",
    )
    registry_tls: list[str] | None = option(
        "--registry-auth-tlscontext",
        default=None,
        metavar="host=HOST,...",
        help="TLS for a registry's token server, and for imagetools the registry: ca=, cert= and key=,"
        " insecure=true.",
        refuses_empty=True,
    )
    call: str = option(
        "--call",
        default="build",
        metavar="METHOD",
        help="What the frontend is asked for: build, check, outline, targets; [dim]also ,format=json.[/]",
    )
    check: bool = option(
        "--check",
        default=False,
        help="The same as --call=check: lint, build nothing.",
        outranked_by=("--call",),
    )

    @property
    def question(self) -> str:
        """What the frontend is asked for, either way."""
        return "check" if self.check else self.call


class StepOptions(OptionGroup, panel="Steps"):
    """What the steps may use."""

    ssh: list[str] | None = option(
        "--ssh", default=None, metavar="ID[=SOCKET|KEY]", help="An ssh agent, or keys, that steps can use."
    )
    network: str = option(
        "--network", default="default", metavar="MODE", help="The network of the steps: default, none, host."
    )
    add_hosts: list[str] | None = option(
        "--add-host",
        default=None,
        metavar="HOST=IP",
        help="A line for the steps' /etc/hosts; host-gateway is the daemon's host.",
    )
    allow: list[str] | None = option(
        "--allow",
        default=None,
        metavar="RIGHT",
        help="A right beyond the usual: network.host, security.insecure, device.",
    )
    shm_size: str = option(
        "--shm-size", default="", metavar="SIZE", help="The size of the steps' /dev/shm.", refuses_empty=True
    )
    ulimits: list[str] | None = option(
        "--ulimit",
        default=None,
        metavar="NAME=SOFT[:HARD]",
        help="A limit of the steps' processes.",
        refuses_empty=True,
    )
    resources: list[str] | None = option(
        "--resource",
        default=None,
        metavar="KEY=VALUE",
        help="A limit of the steps' cgroup: memory, memory-swap, cpu-shares, cpu-period, cpu-quota,"
        " cpuset-cpus, cpuset-mems.",
        refuses_empty=True,
    )
    cgroup_parent: str = option(
        "--cgroup-parent", default="", metavar="PATH", help="The parent of the steps' cgroup."
    )
    proxy_network: bool = option(
        "--proxy-network", default=False, help="Steps reach the network through the daemon's proxy only."
    )


class CacheOptions(OptionGroup, panel="Cache"):
    """Where cache comes from, and goes to."""

    no_cache_filter: list[str] | None = option(
        "--no-cache-filter",
        default=None,
        metavar="STAGE",
        help="A stage to build without the cache; repeatable, comma lists too.",
    )
    cache_from: list[str] | None = option(
        "--cache-from",
        default=None,
        aliases=("--import-cache",),
        metavar="NAME|type=TYPE[,...]",
        help="A cache to import: registry, local, inline, gha, s3, azblob.",
    )
    cache_to: list[str] | None = option(
        "--cache-to",
        default=None,
        aliases=("--export-cache",),
        metavar="NAME|type=TYPE[,...]",
        help="A cache to export to: the same types.",
    )


class AttestationOptions(OptionGroup, panel="Attestations"):
    """What is attested, and which sources are allowed."""

    attests: list[str] | None = option(
        "--attest",
        default=None,
        metavar="type=sbom|provenance[,...]",
        help="What the daemon attests about the image.",
        refuses_empty=True,
    )
    sbom: str = option("--sbom", default="", metavar="true|KEY=VALUE", help="Short for --attest type=sbom.")
    provenance: str = option(
        "--provenance", default="", metavar="true|mode=max", help="Short for --attest type=provenance."
    )
    source_policy_file: str | None = option(
        "--source-policy-file",
        default=None,
        metavar="PATH",
        help="Which sources are allowed, denied or replaced, as JSON.",
        files="user",
    )


class GenericOptions(OptionGroup, panel=_GENERIC):
    """A build as buildctl takes it."""

    frontend: str | None = option(
        "--frontend",
        default=None,
        metavar="NAME",
        help="The frontend: dockerfile.v0, gateway.v0.",
        outranked_by=("--file",),
    )
    frontend_options: list[str] | None = option(
        "--opt",
        default=None,
        metavar="NAME=VALUE",
        help="An option for the frontend, passed on unchanged.",
        refuses_empty=True,
    )
    local_dirs: list[str] | None = option(
        "--local",
        default=None,
        metavar="NAME=DIR",
        help="A directory under the name that the frontend, or the LLB, asks for.",
        refuses_empty=True,
    )
    oci_layouts: list[str] | None = option(
        "--oci-layout",
        default=None,
        metavar="NAME=DIR",
        help="An OCI layout, in the same way.",
        refuses_empty=True,
    )
    llb: str | None = option(
        "--llb",
        default=None,
        metavar="PATH",
        help="LLB to solve instead of a Dockerfile; - is stdin.",
        outranked_by=("--file",),
    )


class ImageOptions(OptionGroup, panel="Image"):
    """What is built."""

    context: str | None = argument(
        "CONTEXT",
        default=None,
        help="A directory, a git or http URL, or - for an archive or a Dockerfile on stdin."
        " [dim]default: the working directory.[/]",
    )
    tags: list[str] | None = option(
        "--tag",
        "-t",
        default=None,
        metavar="NAME[:TAG]",
        help="A name for the image; repeatable.",
        refuses_empty=True,
    )
    file: str | None = option(
        "--file",
        "-f",
        default=None,
        metavar="PATH",
        help="The Dockerfile; - is stdin, a URL is downloaded. [dim]default: CONTEXT/Dockerfile.[/]",
        outranked_by=("--frontend", "--llb"),
    )
    build_args: list[str] | None = option(
        "--build-arg",
        default=None,
        metavar="NAME[=VALUE]",
        help="A build-time variable; NAME alone takes its value from the environment.",
        refuses_empty=True,
    )
    secrets: list[str] | None = option(
        "--secret",
        default=None,
        metavar="id=ID[,...]",
        help="A secret that steps can mount: src=PATH is a file, env=NAME a variable.",
    )
    labels: list[str] | None = option(
        "--label", default=None, metavar="NAME=VALUE", help="A label for the image.", refuses_empty=True
    )
    target: str = option("--target", default="", metavar="STAGE", help="The stage to build.")
    platforms: list[str] | None = option(
        "--platform",
        default=None,
        metavar="OS/ARCH",
        help="Platforms to build for; repeatable, comma lists too.",
        refuses_empty=True,
    )
    no_cache: bool = option("--no-cache", default=False, help="Build every step without the cache.")
    pull: bool = option("--pull", default=False, help="Always check for newer base images.")
    extra: ExtraOptions = ExtraOptions()
    steps: StepOptions = StepOptions()
    caches: CacheOptions = CacheOptions()
    attestations: AttestationOptions = AttestationOptions()
    generic: GenericOptions = GenericOptions()


class SubjectOptions(ImageOptions, panel="Image"):
    """The same for commands whose words are something else."""

    context: str | None = option(
        "--context",
        default=None,
        metavar="PATH",
        help="The build context. [dim]default: the working directory.[/]",
    )


# What a key is made of, and which daemons are fit.
Subject = Annotated[SubjectOptions, Only("--context", "--tag", "--platform")]


class ResultOptions(OptionGroup, panel="Result"):
    """What becomes of it."""

    push: bool | None = option(
        "--push", default=None, off="--no-push", help="Push the image to its registry."
    )
    load: bool | None = option(
        "--load", default=None, off="--no-load", help="Load the image into the Docker engine."
    )
    outputs: list[str] | None = option(
        "--output",
        "-o",
        default=None,
        metavar="type=TYPE[,...]",
        help="Where the result goes: image, registry, local, tar, oci, docker, cacheonly. A path alone"
        " is a local directory, - a tar on stdout.",
    )
    metadata_file: str | None = option(
        "--metadata-file", default=None, metavar="PATH", help="Write the result's metadata as JSON."
    )
    metrics_file: str | None = option(
        "--metrics-file",
        default=None,
        metavar="PATH",
        help="Append where the build was and how warm to this file, as a line of JSON.",
        files="user",
    )
    require_warm: float | None = option(
        "--require-warm",
        default=None,
        metavar="PERCENT",
        minimum=0,
        maximum=100,
        implied="100",
        help="Exit with 3 after a build of which less came from the cache. [dim]alone: 100, every step.[/]",
        files="all",
    )
    iidfile: str | None = option(
        "--iidfile", default=None, metavar="PATH", help="Write only the image's id to this file."
    )
    ref_file: str | None = option(
        "--ref-file",
        default=None,
        metavar="PATH",
        help="Write the build's reference to this file.",
        panel=_GENERIC,
    )
    trace: str | None = option(
        "--trace",
        default=None,
        metavar="PATH",
        help="Append every status of the daemon to this file, as JSON lines.",
        panel=_GENERIC,
    )
