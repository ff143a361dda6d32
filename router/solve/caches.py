"""``--cache-from`` and ``--cache-to``: the attributes for daemon and frontend, the directories that the
session offers, and the index that is written after the build.

The options' keys go to the daemon unchanged. Only a cache in a directory is handled on this side: we look up
the manifest that an import begins at, and name an export in the directory's index.
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
    """A directory that the cache is exported to; ``reset``: remove everything that the index doesn't name."""

    layout: OCILayout
    tag: str
    reset: bool


@frozen
class Caches:
    """``request`` has the caches in the daemon's form; ``attrs`` go to the frontend, ``layouts`` into the
    session by the daemon's names for them. ``warnings`` name the imports that were left out."""

    request: BuildRequest
    attrs: Mapping[str, str] = field(repr=False)  # with the credentials
    layouts: Mapping[str, OCILayout]
    exports: tuple[Export, ...]
    warnings: tuple[str, ...]

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the inputs together with those of the caches."""
        return replace(
            inputs, attrs={**inputs.attrs, **self.attrs}, layouts={**inputs.layouts, **self.layouts}
        )

    def keep(self, response: Mapping[str, str]) -> None:
        """Name the exported caches in their directories' indexes. Raises ``OutputError``."""
        if not self.exports or _MANIFEST not in response:
            return
        descriptor = None
        with suppress(NotJSONError):
            descriptor = read_json(response[_MANIFEST])
        if not isinstance(descriptor, dict):
            raise OutputError("the daemon's description of the exported cache is not a JSON object")
        for export in self.exports:
            try:
                put_image(export.layout, descriptor, [by_tag(export.tag)])
                if export.reset:
                    remove_unnamed(export.layout)
            except UsageError as exc:
                text = f"can't add the cache to the index of {export.layout.path}: {exc}"
                raise OutputError(text, hint=exc.hint) from exc


def open_caches(request: BuildRequest, environment: Mapping[str, str]) -> Caches:
    """Return the caches of a request; credentials are taken from the environment.

    Raises ``UsageError`` if a cache lacks an attribute that its type needs. It is no error if a directory to
    import from holds no cache: the first build has none.
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
            warnings.append(f"no cache was imported from {option.attrs['src']}: {exc}")
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
    """Return the option with the digest of its manifest. Raises ``UsageError`` if there is none."""
    path, tag = option.attrs["src"], option.attrs.get("tag", _LATEST)
    layout = layouts.get(_store(path), OCILayout(path))
    digest = option.attrs.get("digest") or resolve_image(layout, tag)
    if not digest:
        raise UsageError(f"its index has no {tag}")
    if layout.find(digest) is None:
        raise UsageError(f"{digest} is missing")
    layouts[_store(path)] = layout
    return CacheOption(type=option.type, attrs={**option.attrs, "digest": digest})


def _check(option: CacheOption, flag: Flag) -> None:
    needed = _NEEDED.get((flag, option.type))
    if needed and not option.attrs.get(needed):
        raise flag.error("", f"a cache of type={option.type} needs {needed}=...")


def _reset(option: CacheOption) -> bool:
    reset = parse_bool(option.attrs.get("reset", "false"))
    if reset is None:
        raise CACHE_TO.error("", "reset must be true or false")
    return reset


def _frontend_attrs(frontend: str, options: Iterable[CacheOption]) -> dict[str, str]:
    """Return the imports in the frontend's form: the frontend asks for them, stage by stage."""
    listed = [{"Type": option.type, "Attrs": dict(option.attrs)} for option in options]
    return {"cache-imports": json.dumps(listed, separators=(",", ":"))} if listed and frontend else {}


def _store(path: str) -> str:
    return f"local:{path}"
