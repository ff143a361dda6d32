"""How steps run and which attestations are made, as options of the Dockerfile frontend. Pure.

The names and the forms of the values are the frontend's:
https://github.com/moby/buildkit/blob/master/frontend/dockerui/config.go
"""

from __future__ import annotations

from collections.abc import Sequence

from router.model.build_options import Annotation, Attestation, ExtraHost, Ulimit
from router.model.request import BuildRequest
from router.notation.csv import format_pairs

__all__ = ["annotation_keys", "step_attrs"]


def step_attrs(request: BuildRequest) -> dict[str, str]:
    """Return the options for the request's fields of this kind; none for an empty field."""
    attrs = {f"attest:{one.type}": _attest(one) for one in _attestations(request) if not one.disabled}
    attrs |= request.resources
    if request.network != "default":
        attrs["force-network-mode"] = request.network
    if request.add_hosts:
        attrs["add-hosts"] = _hosts(request.add_hosts)
    if request.shm_size:
        attrs["shm-size"] = str(request.shm_size)
    if request.ulimits:
        attrs["ulimit"] = _ulimits(request.ulimits)
    if request.cgroup_parent:
        attrs["cgroup-parent"] = request.cgroup_parent
    if request.no_cache_filter and not request.no_cache:
        attrs["no-cache"] = ",".join(request.no_cache_filter)
    return attrs


def annotation_keys(annotations: Sequence[Annotation]) -> dict[str, str]:
    """Return the annotations as keys of an exporter that writes an image."""
    return {_annotation_key(annotation): annotation.value for annotation in annotations}


def _attestations(request: BuildRequest) -> Sequence[Attestation]:
    """Return the attestations. buildx adds a provenance to every image, which makes each an index; we do the
    same if an annotation is for an index and there would be none."""
    asked = request.attestations
    wants_index = any(annotation.type.startswith("index") for annotation in request.annotations)
    is_index = len(request.platforms) > 1 or any(not one.disabled for one in asked)
    if not wants_index or is_index or any(one.type == "provenance" for one in asked):
        return asked
    return (*asked, Attestation(type="provenance", attrs={"mode": "min", "inline-only": "true"}))


def _attest(attestation: Attestation) -> str:
    return format_pairs({"type": attestation.type, **attestation.attrs})


def _hosts(hosts: Sequence[ExtraHost]) -> str:
    return ",".join(f"{host.host}={address}" for host in hosts for address in host.addresses)


def _ulimits(limits: Sequence[Ulimit]) -> str:
    return ",".join(f"{limit.name}={limit.soft}:{limit.hard}" for limit in limits)


def _annotation_key(annotation: Annotation) -> str:
    kind = f"-{annotation.type}" if annotation.type else ""
    platform = f"[{annotation.platform}]" if annotation.platform else ""
    return f"annotation{kind}{platform}.{annotation.key}"
