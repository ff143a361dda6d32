"""`warmroute imagetools create`: one image of several."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.build_options import ExtraOptions, ImageOptions, ResultOptions
from cli.given.files import GivenFiles
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, argument, option
from cli.interruption import Silent, interruptible
from cli.options import DisplayOptions, RoutingOptions
from cli.render import open_renderer
from cli.render.output import say
from router import FileSink, UsageError, check_file

if TYPE_CHECKING:
    from router import Combined, ImageOrder, Reference, RegistryClient

__all__ = ["command"]

_Tags = Annotated[ImageOptions, Only("--tag")]
_Extra = Annotated[ExtraOptions, Only("--annotation", "--registry-auth-tlscontext")]
_Result = Annotated[ResultOptions, Only("--metadata-file")]
_Run = Annotated[RoutingOptions, Only("--dry-run", "--timeout")]
_Progress = Annotated[DisplayOptions, Only("--progress")]


class SourceOptions(OptionGroup, panel="Image"):
    """What the image is made of."""

    sources: list[str] | None = argument(
        "SOURCE",
        default=None,
        help="Images: names, digests in the repository of the tag, or descriptors in JSON.",
    )
    files: list[str] | None = option(
        "--file",
        "-f",
        default=None,
        metavar="PATH",
        help="A file that holds a source; repeatable.",
        env="WARMROUTE_SOURCE_FILE",
    )
    # Not the variable that says what to build for: it would drop images from every index made here.
    platforms: list[str] | None = option(
        "--platform",
        "-p",
        default=None,
        metavar="OS/ARCH",
        help="Keep only the images for these platforms; repeatable, or a list with commas.",
        env="WARMROUTE_KEEP_PLATFORM",
        refuses_empty=True,
    )
    append: bool = option("--append", default=False, help="Add to what the first tag names already.")
    prefer_index: bool = option(
        "--prefer-index",
        default=True,
        off="--no-prefer-index",
        panel="Result",
        help="Make an index of a single image too; else it is copied as it is.",
    )


def command(  # noqa: PLR0913, PLR0917 -- one for each group of options
    given: SourceOptions, image: _Tags, extra: _Extra, result: _Result, run: _Run, display: _Progress
) -> None:
    """Combine images in registries into one, or copy one. It is tagged once everything it needs is there."""
    with interruptible(Silent(heeds=False), timeout=router_config(run).timeout) as cancellation:
        order = _order(given, image, extra, GivenFiles(cancellation), dry_run=run.dry_run)
        if result.metadata_file:
            check_file(result.metadata_file, "--metadata-file")
        tls = library.parse_registry_tlss(extra.registry_tls or ())
        with library.RegistryClient(os.environ, tls) as client:
            combined = library.combine_image(client, order)
            if order.annotations and combined.is_docker:
                say("--annotation has no effect: the images have Docker's media types, without annotations")
            if run.dry_run:
                sys.stdout.buffer.write(combined.document.content + b"\n")
                return
            _publish(client, combined, order.tags, display)
    if result.metadata_file:
        _write_metadata(result.metadata_file, combined, order.tags)


def _order(
    given: SourceOptions, image: ImageOptions, extra: ExtraOptions, files: GivenFiles, *, dry_run: bool
) -> ImageOrder:
    sources = [
        *(
            files.text(path, "--file", "give a file with a name, a digest or a descriptor")
            for path in given.files or ()
        ),
        *(given.sources or ()),
    ]
    if not sources:
        raise UsageError("no source image is given", hint="name one or more: SOURCE, or --file")
    if not image.tags and not dry_run:
        raise UsageError("the new image has no name", hint="give --tag, or --dry-run to see what it would be")
    if given.append and image.tags:
        sources = [image.tags[0], *sources]
    local = library.local_platform()
    return library.ImageOrder(
        sources=library.parse_sources([each.strip() for each in sources]),
        tags=tuple(library.parse_reference(each) for each in image.tags or ()),
        annotations=library.parse_annotations(extra.annotations or (), local=local),
        platforms=library.parse_platforms(given.platforms or (), local=local),
        prefer_index=given.prefer_index,
    )


def _publish(
    client: RegistryClient, combined: Combined, tags: Sequence[Reference], display: DisplayOptions
) -> None:
    renderer = open_renderer(display.mode, stream=sys.stderr, environment=os.environ, verbosity=0)
    try:
        library.publish_image(client, combined, tags, renderer.event)
    except BaseException as exc:
        renderer.close(exc)
        raise
    renderer.close(None)


def _write_metadata(path: str, combined: Combined, tags: Sequence[Reference]) -> None:
    values = {
        "containerimage.descriptor": library.descriptor_json(combined.document.descriptor),
        "image.name": ",".join(sorted({each.repository for each in tags})),
    }
    sink = FileSink(path)
    try:
        sink.write(memoryview(library.go_json(values).encode()))
    except BaseException:
        sink.abort()
        raise
    sink.commit()
