"""A build as facts of its span: what was asked for, and what came of it. Pure.

Values that may be secrets are left out: of build arguments, labels, outputs and caches there are the names
alone. Facts that buildx has too have its names.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.config import RouterConfig
from router.flags.context import GitContext, HTTPContext, parse_context
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.notation.url import without_credentials
from router.tracing import Attribute

__all__ = ["asked", "done"]


def asked(request: BuildRequest, config: RouterConfig) -> Mapping[str, Attribute]:
    """Return what a build is to be; what isn't given is left out."""
    facts: dict[str, Attribute] = {
        "builder": config.selector or " ".join(name for name, _ in config.addresses),
        "context": "" if request.generic else _context(request),
        "dockerfile": _dockerfile(request),
        "warmroute.backend": config.backend,
        "warmroute.placement": config.placement,
        "warmroute.call": request.call,
        "warmroute.frontend": request.frontend,
        "warmroute.target": request.target,
        "warmroute.platforms": request.platforms,
        "warmroute.tags": request.tags,
        "warmroute.build_args": tuple(request.build_args),
        "warmroute.outputs": tuple(output.type for output in request.outputs),
        "warmroute.cache_from": tuple(cache.type for cache in request.cache_from),
        "warmroute.cache_to": tuple(cache.type for cache in request.cache_to),
    }
    return {name: value for name, value in facts.items() if value}


def done(result: BuildResult) -> Mapping[str, Attribute]:
    """Return where a build was, and how warm that daemon was for it."""
    return {
        "warmroute.daemon": result.daemon,
        "warmroute.place": result.place.number,
        "warmroute.place.home": result.place.home,
        "warmroute.place.reason": result.place.reason,
        "warmroute.ref": result.ref,
        "warmroute.digest": result.digest,
        "warmroute.steps": result.steps,
        "warmroute.steps.cached": result.cached,
    }


def _context(request: BuildRequest) -> str:
    if request.context_archive is not None:
        return "-"
    if isinstance(parse_context(request.context), GitContext | HTTPContext):
        # The query may hold a signature.
        return without_credentials(request.context).partition("?")[0]
    return request.context


def _dockerfile(request: BuildRequest) -> str:
    if request.dockerfile_text is not None:
        return "-"
    return without_credentials(request.dockerfile or "").partition("?")[0]
