"""Additional contexts: the session's offer for each, and the frontend's attributes.

As for the main context, directories and layouts are looked up here; URLs are left to the daemon.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import assert_never

from router.errors import UsageError
from router.flags.build_context import BUILD_CONTEXT, context_kind
from router.model.frozen import frozen
from router.notation.oci_reference import OCIReference, format_oci_reference, parse_oci_reference
from router.notation.url import parse_url
from router.providers.oci_index import only_image, resolve_image
from router.providers.oci_layout import OCILayout
from router.readable import Fault, directory_fault, file_fault, is_missing

__all__ = [
    "DirectoryContext",
    "LayoutContext",
    "NamedContext",
    "Offers",
    "RemoteContext",
    "directories",
    "has_query",
    "locate_contexts",
    "offer",
    "open_layout",
]

# A capability that the frontend must have; one without it reports that, instead of ignoring the contexts.
_CONTEXTS = "moby.buildkit.frontend.contexts+forward"
_GIT_QUERY = "moby.buildkit.frontend.gitquerystring+forward"

# The frontend's own names, for the main context and the Dockerfile's folder.
_TAKEN = ("context", "dockerfile")


@frozen
class Offers:
    """``directories`` and ``layouts`` by the daemon's names for them, ``attrs`` for the frontend, and the
    capabilities that the frontend needs."""

    directories: Mapping[str, str]
    layouts: Mapping[str, OCILayout]
    attrs: Mapping[str, str]
    capabilities: frozenset[str]


@frozen
class DirectoryContext:
    """A directory on this machine."""

    name: str
    path: str


@frozen
class LayoutContext:
    """An image in an OCI layout."""

    name: str
    layout: OCILayout
    tag: str
    digest: str


@frozen
class RemoteContext:
    """A context that the daemon fetches. ``by_query``: a git URL with a query; only newer daemons read it."""

    name: str
    url: str
    by_query: bool


NamedContext = DirectoryContext | LayoutContext | RemoteContext


def locate_contexts(contexts: Mapping[str, str]) -> tuple[NamedContext, ...]:
    """Look up contexts by name. Raises ``UsageError`` if one doesn't exist."""
    return tuple(_located(name, value) for name, value in contexts.items())


def _located(name: str, value: str) -> NamedContext:
    match context_kind(value):
        case "directory":
            return DirectoryContext(name=name, path=_directory(name, value))
        case "oci-layout":
            reference = parse_oci_reference(value, BUILD_CONTEXT)
            layout = open_layout(reference.path, _told(name, value))
            digest = _resolve(layout, reference, name)
            return LayoutContext(name=name, layout=layout, tag=reference.tag, digest=digest)
        case kind:
            return RemoteContext(name=name, url=value, by_query=kind == "git" and has_query(value))


def directories(contexts: Iterable[NamedContext]) -> list[str]:
    """Return the directories on this machine among the contexts."""
    return [context.path for context in contexts if isinstance(context, DirectoryContext)]


def offer(contexts: Iterable[NamedContext]) -> Offers:
    """Return the offers for one attempt of a build; the names of layouts mean nothing."""
    directories: dict[str, str] = {}
    layouts: dict[str, OCILayout] = {}
    attrs: dict[str, str] = {}
    capabilities = {_CONTEXTS}
    for context in contexts:
        match context:
            case DirectoryContext(name=name, path=path):
                local = f"_{name}" if name in _TAKEN else name
                directories[local] = path
                attrs[f"context:{name}"] = f"local:{local}"
                # Part of the key under which the daemon keeps the files; the machine is no part of it.
                attrs[f"sharedkey:localdir:{name}"] = os.path.basename(os.path.abspath(path))
            case LayoutContext(name=name, layout=layout, tag=tag, digest=digest):
                store = os.urandom(16).hex()
                layouts[f"oci:{store}"] = layout
                found = OCIReference(path=store, tag=tag, digest=digest)
                attrs[f"context:{name}"] = format_oci_reference(found)
            case RemoteContext(name=name, url=url, by_query=by_query):
                attrs[f"context:{name}"] = url
                if by_query:
                    capabilities.add(_GIT_QUERY)
            case _:
                assert_never(context)
    return Offers(directories=directories, layouts=layouts, attrs=attrs, capabilities=frozenset(capabilities))


def open_layout(path: str, what: str) -> OCILayout:
    """Open a layout for reading. Raises ``UsageError`` if there is none; ``what`` names the option."""
    index = os.path.join(path, "index.json")
    fault = directory_fault(path)
    if fault is None and is_missing(index):
        fault = Fault(text=f"has no index.json: {path} is not an OCI layout")
    if fault is not None:
        raise UsageError(
            f"{what}: {path} {fault.text}",
            hint=fault.hint or "skopeo copy, crane pull or --output type=oci,tar=false create one",
        )
    if fault := file_fault(index):
        raise UsageError(
            f"{what}: {index} {fault.text}",
            hint=fault.hint or "every OCI image layout has this file",
        )
    return OCILayout(path)


def has_query(url: str) -> bool:
    """Say whether the URL of a git context has a query (``?ref=...``); only newer daemons read it."""
    parsed = parse_url(url)
    return parsed is not None and bool(parsed.query)


def _told(name: str, value: str) -> str:
    return f"{BUILD_CONTEXT.name} {name}={value}"


def _directory(name: str, path: str) -> str:
    if fault := directory_fault(path):
        raise UsageError(
            f"{_told(name, path)}: {path} {fault.text}",
            hint=fault.hint
            or "give a directory, a git or http URL, docker-image://NAME, or oci-layout://DIRECTORY",
            reason="context",
        )
    return path


def _resolve(layout: OCILayout, reference: OCIReference, name: str) -> str:
    # As in buildx: a layout's only image needs no name.
    digest = reference.digest or resolve_image(layout, reference.tag) or only_image(layout)
    if digest is None or layout.find(digest) is None:
        why = f"has no image {reference.tag}" if digest is None else f"lacks the blob {digest}"
        raise UsageError(
            f"{_told(name, format_oci_reference(reference))}: {layout.path} {why}",
            hint=f"the tags are in {layout.path}/index.json: oci-layout://DIRECTORY:TAG",
        )
    return digest
