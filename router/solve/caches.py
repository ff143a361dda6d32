"""``--cache-from`` and ``--cache-to``: what daemon and frontend are told, which directories the session
offers, and what is written down when the build is done.

Keys go to the daemon as they are. A cache in a directory is one that this side looks into: which manifest
an import begins at, and that an export is named in the directory's index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress

from router.errors import OutputError, UsageError
from router.files import check_directory
from router.flags.cache import CACHE_FROM, CACHE_TO, with_credentials
from router.model.frozen import field, frozen, replace
from router.model.request import BuildRequest, CacheOption
from router.notation.boolean import parse_bool
from router.notation.flag import Flag
from router.providers.oci_index import by_tag, put_image, remove_unnamed, resolve_image
from router.providers.oci_layout import OCILayout
from router.solve.inputs import Inputs
from router.untrusted_json import NotJSONError, read_json

__all__ = ["Caches", "open_caches"]

_LATEST = "latest"
# In the exporters' response: the descriptor of the cache's manifest, as JSON.
_MANIFEST = "cache.manifest"
_NEEDED = {
    (CACHE_FROM, "local"): "src",
    (CACHE_TO, "local"): "dest",
    (CACHE_FROM, "registry"): "ref",
    (CACHE_TO, "registry"): "ref",
}


@frozen
class Export:
    """A directory that cache is exported to; ``reset``: what the index doesn't name is removed then."""

    layout: OCILayout
    tag: str
    reset: bool


@frozen
class Caches:
    """``request`` has the caches as the daemon gets them; ``attrs`` go to the frontend, ``layouts`` into the
    session by the names that the daemon has for them. ``warnings`` tell which imports were left out."""

    request: BuildRequest
    attrs: Mapping[str, str] = field(repr=False)  # with the credentials
    layouts: Mapping[str, OCILayout]
    exports: tuple[Export, ...]
    warnings: tuple[str, ...]

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the inputs with what the caches add to them."""
        return replace(
            inputs, attrs={**inputs.attrs, **self.attrs}, layouts={**inputs.layouts, **self.layouts}
        )

    def keep(self, response: Mapping[str, str]) -> None:
        """Name in their directories' indexes what a build has exported. Raises ``OutputError``."""
        if not self.exports or _MANIFEST not in response:
            return
        descriptor = None
        with suppress(NotJSONError):
            descriptor = read_json(response[_MANIFEST])
        if not isinstance(descriptor, dict):
            raise OutputError("the daemon's description of the cache that it exported is not a JSON object")
        for export in self.exports:
            try:
                put_image(export.layout, descriptor, [by_tag(export.tag)])
                if export.reset:
                    remove_unnamed(export.layout)
            except UsageError as exc:
                text = f"the cache in {export.layout.path} can't be named there: {exc}"
                raise OutputError(text, hint=exc.hint) from exc


def open_caches(request: BuildRequest, environment: Mapping[str, str]) -> Caches:
    """Return what the caches of a request come to; credentials are taken from the environment.

    Raises ``UsageError`` for one that lacks what its type needs. A directory to import from that holds no
    cache is no error: the first build has none.
    """
    cache_to = list(with_credentials(request.cache_to, environment))
    if parse_bool(request.build_args.get("BUILDKIT_INLINE_CACHE", "")):
        cache_to.append(CacheOption(type="inline"))
    layouts: dict[str, OCILayout] = {}
    exports = tuple(_exports(cache_to, layouts))
    warnings: list[str] = []
    cache_from: list[CacheOption] = []
    for option in with_credentials(request.cache_from, environment):
        _check(option, CACHE_FROM)
        if option.type != "local":
            cache_from.append(option)
            continue
        try:
            cache_from.append(_import(option, layouts))
        except UsageError as exc:
            warnings.append(f"no cache is imported from {option.attrs['src']}: {exc}")
    return Caches(
        request=replace(request, cache_from=tuple(cache_from), cache_to=tuple(cache_to)),
        attrs=_frontend_attrs(request.frontend, cache_from),
        layouts=layouts,
        exports=exports,
        warnings=tuple(warnings),
    )


def _exports(options: Iterable[CacheOption], layouts: dict[str, OCILayout]) -> Iterable[Export]:
    for option in options:
        _check(option, CACHE_TO)
        if option.type == "local":
            path = option.attrs["dest"]
            check_directory(path, f"{CACHE_TO.name} type=local:")
            yield Export(
                layout=layouts.setdefault(_store(path), OCILayout(path, writable=True)),
                tag=option.attrs.get("tag", _LATEST),
                reset=_reset(option),
            )


def _import(option: CacheOption, layouts: dict[str, OCILayout]) -> CacheOption:
    """Return the option with the digest that it begins at. Raises ``UsageError`` where there is none."""
    path, tag = option.attrs["src"], option.attrs.get("tag", _LATEST)
    layout = layouts.get(_store(path), OCILayout(path))
    digest = option.attrs.get("digest") or resolve_image(layout, tag)
    if not digest:
        raise UsageError(f"its index names no {tag}")
    if layout.find(digest) is None:
        raise UsageError(f"{digest} is not there")
    layouts[_store(path)] = layout
    return CacheOption(type=option.type, attrs={**option.attrs, "digest": digest})


def _check(option: CacheOption, flag: Flag) -> None:
    needed = _NEEDED.get((flag, option.type))
    if needed and not option.attrs.get(needed):
        raise flag.error("", f"a cache of type={option.type} needs {needed}=...")


def _reset(option: CacheOption) -> bool:
    reset = parse_bool(option.attrs.get("reset", "false"))
    if reset is None:
        raise CACHE_TO.error("", "reset is true or false")
    return reset


def _frontend_attrs(frontend: str, options: Iterable[CacheOption]) -> dict[str, str]:
    """Return the imports as the frontend has them: it is what asks for them, stage by stage."""
    listed = [{"Type": option.type, "Attrs": dict(option.attrs)} for option in options]
    return {"cache-imports": json.dumps(listed, separators=(",", ":"))} if listed and frontend else {}


def _store(path: str) -> str:
    return f"local:{path}"
