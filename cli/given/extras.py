"""From the options that few builds have to a BuildRequest. Loaded when one of them is given."""

from __future__ import annotations

from collections.abc import Iterable

import router as library
from cli.build_options import (
    AttestationOptions,
    CacheOptions,
    ExtraOptions,
    GenericOptions,
    ImageOptions,
    StepOptions,
)
from cli.given.files import GivenFiles
from cli.given.stdin import read_stdin, refuse_second_use
from router import BuildRequest, Flag, replace, same_source

__all__ = ["with_extras"]

_LOCAL = Flag(name="--local", example="context=.")
_OCI_LAYOUT = Flag(name="--oci-layout", example="base=./layout")
_OPT = Flag(name="--opt", example="target=app", secret=True)
_POLICY = "--source-policy-file"


def with_extras(
    request: BuildRequest, image: ImageOptions, local_platform: str, files: GivenFiles | None = None
) -> BuildRequest:
    """Return the request with what these options give. Raises ``UsageError``."""
    files = files or GivenFiles()
    request = _image(request, image.extra, local_platform)
    request = _steps(request, image.steps)
    request = _caches(request, image.caches)
    request = _attestations(request, image.attestations, files)
    request = _generic(request, image.generic, files)
    _refuse_second_use(request, image)
    return request


def _image(request: BuildRequest, options: ExtraOptions, local_platform: str) -> BuildRequest:
    return replace(
        request,
        build_contexts=library.parse_build_contexts(options.build_contexts or ()),
        annotations=library.parse_annotations(options.annotations or (), local=local_platform),
        registry_tls=library.parse_registry_tlss(options.registry_tls or ()),
        context_times=options.context_times,
        call=request.call if options.question == "build" else library.parse_call(options.question).method,
    )


def _steps(request: BuildRequest, options: StepOptions) -> BuildRequest:
    return replace(
        request,
        ssh=library.parse_sshs(options.ssh or ()),
        network=library.parse_network(options.network),
        add_hosts=tuple(map(library.parse_add_host, filter(None, options.add_hosts or ()))),
        allow=library.parse_entitlements(options.allow or ()),
        shm_size=library.parse_size(options.shm_size, library.SHM_SIZE) if options.shm_size else 0,
        ulimits=library.parse_ulimits(filter(None, options.ulimits or ())),
        resources=library.parse_resources(options.resources or ()),
        cgroup_parent=options.cgroup_parent,
        proxy_network=bool(options.proxy_network),
    )


def _caches(request: BuildRequest, options: CacheOptions) -> BuildRequest:
    return replace(
        request,
        cache_from=library.parse_caches(options.cache_from or (), library.CACHE_FROM),
        cache_to=library.parse_caches(options.cache_to or (), library.CACHE_TO),
        no_cache_filter=library.parse_stages(options.no_cache_filter or ()),
    )


def _attestations(request: BuildRequest, options: AttestationOptions, files: GivenFiles) -> BuildRequest:
    policy = options.source_policy_file
    return replace(
        request,
        attestations=library.parse_attests(
            options.attests or (), sbom=options.sbom, provenance=options.provenance
        ),
        source_policy="" if policy is None else files.text(policy, _POLICY, "give a file in JSON"),
    )


def _generic(request: BuildRequest, options: GenericOptions, files: GivenFiles) -> BuildRequest:
    request = replace(
        request,
        frontend=request.frontend if options.frontend is None else options.frontend,
        frontend_options=_pairs(options.frontend_options or (), _OPT),
        local_dirs=_pairs(options.local_dirs or (), _LOCAL),
        oci_layouts=_pairs(options.oci_layouts or (), _OCI_LAYOUT),
    )
    llb = options.llb
    if llb is None and not options.frontend and (options.local_dirs or options.oci_layouts):
        llb = "-"  # without a frontend directories are for LLB, which buildctl takes from stdin
    if llb is not None:
        return replace(request, definition=_llb(llb, files), frontend=options.frontend or "", generic=True)
    return replace(request, generic=True) if options.frontend else request


def _pairs(texts: Iterable[str], flag: Flag) -> dict[str, str]:
    """Read NAME=VALUE, as buildctl does; the last of those with the same name counts."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise flag.error(text, "it is not of the form NAME=VALUE")
        pairs[name] = value
    return pairs


def _llb(path: str, files: GivenFiles) -> bytes:
    if path == "-":
        return read_stdin("the LLB", "--llb -")
    return files.content(path, "--llb", "give a file with marshalled LLB, or - for stdin")


def _refuse_second_use(request: BuildRequest, image: ImageOptions) -> None:
    """Raise ``UsageError`` where stdin, which has been read for this, is to give something else as well."""
    llb, policy = image.generic.llb, image.attestations.source_policy_file
    others = request.files
    if policy is not None and same_source(policy, 0):
        build = (request.context, request.dockerfile or "")
        named = ("/dev/stdin" if path == "-" and not request.generic else path for path in build)
        refuse_second_use("the source policy", (*others, *named))
        others = (*others, policy)
    if request.definition is not None and (llb in {None, "-"} or same_source(llb, 0)):
        refuse_second_use("the LLB", others)
