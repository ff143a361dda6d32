"""From the outputs of a request to exporters of the daemon, and how each result is delivered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from router.errors import UsageError
from router.flags.output import is_directory
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest, Output
from router.solve.prepared import PreparedBuild
from router.solve.request import Exporter

__all__ = ["Delivery", "ExportPlan", "export_plans"]

_IMAGES = frozenset({"image", "registry", "oci", "docker"})

Delivery = Literal["none", "tree", "image-directory", "file", "load"]
"""The form of a result that comes back over the session: nothing, a tree of files, an image's blobs, one
file, an archive for the Docker engine."""


@frozen
class ExportPlan:
    """One exporter; ``dest`` is the path of a directory or a file (``-``: stdout), empty otherwise."""

    exporter: Exporter
    delivery: Delivery = "none"
    dest: str = ""


def export_plans(build: PreparedBuild, *, engine: bool) -> tuple[ExportPlan, ...]:
    """Return the exporters in the daemon's order. ``engine``: the daemon is a Docker engine's BuildKit.

    Raises ``UsageError`` for an output without a destination.
    """
    outputs, request = build.outputs, build.request
    if not outputs and engine:
        # docker build always keeps the image in its engine.
        outputs = (Output(type="image"),)
    return tuple(
        _plan(_annotated(output, request), request.tags, engine=engine)
        for output in outputs
        if output.type != "cacheonly"
    )


def _annotated(output: Output, request: BuildRequest) -> Output:
    if not request.annotations or output.type not in _IMAGES:
        return output
    from router.solve.step_options import annotation_keys

    return replace(output, attrs={**output.attrs, **annotation_keys(request.annotations)})


def _plan(output: Output, tags: Sequence[str], *, engine: bool) -> ExportPlan:
    attrs = dict(output.attrs)
    if tags and output.type in _IMAGES:
        attrs["name"] = ",".join(tags)
    match output.type:
        case "image" | "registry":
            return _image(attrs, engine=engine)
        case "docker" if output.dest is None:
            if engine:
                return _image(attrs, engine=True)
            return ExportPlan(exporter=Exporter(type="docker", attrs=attrs), delivery="load")
        case "local" | "tar" | "oci" | "docker" | "cacheonly":
            return ExportPlan(
                exporter=Exporter(type=output.type, attrs=attrs),
                delivery=_delivery(output),
                dest=_dest(output),
            )


def _delivery(output: Output) -> Delivery:
    if output.type == "local":
        return "tree"
    return "image-directory" if is_directory(output) else "file"


def _image(attrs: dict[str, str], *, engine: bool) -> ExportPlan:
    # The engine's image store has an exporter of its own, which takes the same attributes.
    return ExportPlan(exporter=Exporter(type="moby" if engine else "image", attrs=attrs))


def _dest(output: Output) -> str:
    if not output.dest:
        raise UsageError(
            f"--output type={output.type} needs a destination",
            hint=f"for example --output type={output.type},dest=PATH",
        )
    return output.dest
