"""`warmroute imagetools inspect`: what a registry has under a name."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.build_options import ExtraOptions
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, argument, option
from cli.interruption import Silent, interruptible
from cli.options import RoutingOptions
from cli.render.foreign import printable
from cli.render.go_template import check, fill
from router import UsageError

if TYPE_CHECKING:
    from router import Descriptor, Document, Reference

__all__ = ["command"]

_Limit = Annotated[RoutingOptions, Only("--timeout")]
_RegistryTLS = Annotated[ExtraOptions, Only("--registry-auth-tlscontext")]


class Named(OptionGroup):
    """Which image is meant."""

    name: str = argument("NAME", default="", help="The image's name.", missing="the image's name is missing")


class Shown(OptionGroup, panel="Output"):
    """What of it is printed."""

    format: str = option(
        "--format",
        default="",
        metavar="TEMPLATE",
        help="Print fields of a Go template: '{{.Manifest.Digest}}', '{{json .Manifest}}'; json is short for"
        " the latter, table is the default.",
        # Not the variable of the tables' form: a word of it is a template that prints itself.
        env="WARMROUTE_TEMPLATE",
    )
    raw: bool = option("--raw", default=False, help="Print the manifest as it was pushed.")


def command(image: Named, shown: Shown, registries: _RegistryTLS, limit: _Limit) -> None:
    """Show what a registry has under a name: the manifest, or the images of an index."""
    if shown.format and shown.raw:
        raise UsageError("--format and --raw exclude each other", hint="leave out one of them")
    if not _is_table(shown.format):
        check(shown.format)
    reference = library.tagged(library.parse_reference(image.name))
    tls = library.parse_registry_tlss(registries.registry_tls or ())
    with (
        interruptible(Silent(heeds=False), timeout=router_config(limit).timeout),
        library.RegistryClient(os.environ, tls) as client,
    ):
        document = client.pull(reference)
    if shown.raw:
        sys.stdout.buffer.write(document.content)  # no line end, so that the digest stays
        return
    sys.stdout.write(_shown(shown.format, image.name, reference, document))


def _shown(template: str, name: str, reference: Reference, document: Document) -> str:
    if template == "json":
        template = "{{json .Manifest}}"
    if _is_table(template):
        return "".join(f"{line}\n" for line in _lines(reference, document))
    return fill(template, {"Name": name, "Manifest": _fields(library.manifest_view(document))})


def _is_table(template: str) -> bool:
    return template in {"", "table"} or bool(re.fullmatch(r"\s*\{\{\s*\.Manifest\s*\}\}\s*", template))


def _fields(view: Mapping[str, object]) -> dict[str, object]:
    """Return values under Go's names of their fields, and the whole under none."""
    names = {"urls": "URLs", "mediaType": "MediaType", "schemaVersion": "SchemaVersion"}
    fields = {names.get(name, name[:1].upper() + name[1:]): value for name, value in view.items()}
    return {"": view, **fields}


def _lines(reference: Reference, document: Document) -> Iterator[str]:
    found = document.descriptor
    name = library.format_reference(reference)
    yield from _columns(
        [("Name:", name), ("MediaType:", found.media_type), ("Digest:", found.digest)], indent=""
    )
    if document.is_index:
        yield from _columns([("", ""), ("Manifests:", "")], indent="")
        yield from _children(reference, document.manifests)


def _children(reference: Reference, manifests: Sequence[Descriptor]) -> Iterator[str]:
    """Yield the lines of an index's images, in columns as buildx sets them: up to the next annotations."""
    rows: list[tuple[str, str]] = []
    for number, each in enumerate(manifests):
        if number:
            rows.append(("", ""))
        rows += _facts(reference, each)
        annotations = {} if each.platform is None else each.annotations
        if annotations:
            yield from _columns([*rows, ("  Annotations:", "")], indent="")
            yield from _columns(
                [(f"{key}:", said) for key, said in sorted(annotations.items())], indent="    "
            )
            rows = []
    yield from _columns(rows, indent="")


def _facts(reference: Reference, child: Descriptor) -> Iterator[tuple[str, str]]:
    yield "  Name:", library.format_reference(library.replace(reference, digest=child.digest))
    yield "  MediaType:", child.media_type
    platform = child.platform
    if platform is None:
        return
    yield "  Platform:", platform.name
    further = (
        ("OSVersion", platform.os_version),
        ("OSFeatures", ", ".join(platform.os_features)),
        ("URLs", ", ".join(child.urls)),
    )
    yield from ((f"  {title}:", value) for title, value in further if value)


def _columns(rows: Sequence[tuple[str, str]], *, indent: str) -> Iterator[str]:
    titles = [f"{indent}{printable(title)}" for title, _ in rows]
    width = max(map(len, titles), default=0) + 1
    for title, (_, value) in zip(titles, rows, strict=True):
        yield f"{title:<{width}}{printable(value)}"
