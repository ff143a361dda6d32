"""`buildkit-build`: a command line like docker's, for one buildkitd.

As in the program of that name the image stays in the daemon's own store, which is containerd's where the
daemon has that worker. No Docker engine is asked for anything unless ``--load`` says so.
"""

from __future__ import annotations

from typing import Annotated

from cli import options as o
from cli.command_line import Argument, Option
from cli.commands.requests import ImageOptions, Prepared, build_request
from cli.commands.routing import RoutingOptions, router_config
from cli.commands.running import Reporting, build_and_report
from router.errors import UsageError
from router.model.frozen import replace
from router.model.request import CacheOption

__all__ = ["command"]

# What BuildKit's own programs use where nothing is said.
_DEFAULT_ADDRESS = "unix:///run/buildkit/buildkitd.sock"
_DAEMON = "Daemon and cache"

_Context = Annotated[str, Argument(metavar="PATH|URL", help="The build context; - is stdin.", required=True)]
_Address = Annotated[
    str,
    Option(
        names=("--buildkit-addr",),
        env="BUILDKIT_HOST",
        metavar="URL",
        help=f"The daemon. [dim]default: $BUILDKIT_HOST, {_DEFAULT_ADDRESS}[/]",
        panel=_DAEMON,
    ),
]
_CacheImport = Annotated[
    str | None,
    Option(
        names=("--local-cache-import",),
        env="BUILDKIT_LOCAL_CACHE_IMPORT",
        metavar="DIR",
        help="A directory with cache to use. [dim]default: $BUILDKIT_LOCAL_CACHE_IMPORT[/]",
        panel=_DAEMON,
    ),
]
_CacheExport = Annotated[
    str | None,
    Option(
        names=("--local-cache-export",),
        env="BUILDKIT_LOCAL_CACHE_EXPORT",
        metavar="DIR",
        help="A directory to write cache to. [dim]default: $BUILDKIT_LOCAL_CACHE_EXPORT[/]",
        panel=_DAEMON,
    ),
]


def command(
    context: _Context,
    tag: o.Tags = None,
    file: o.File = None,
    build_arg: o.BuildArgs = None,
    label: o.Labels = None,
    target: o.Target = "",
    no_cache: o.NoCache = False,
    push: o.Push = None,
    load: o.Load = None,
    addr: _Address = _DEFAULT_ADDRESS,
    local_cache_import: _CacheImport = None,
    local_cache_export: _CacheExport = None,
    progress: o.Progress = "auto",
    verbose: o.Verbose = 0,
) -> None:
    """Build an image with a command line like docker's, and leave it in the daemon's own image store."""
    if not tag:
        raise UsageError("the image has no name", hint="give it one: --tag NAME[:TAG]")
    prepared = build_request(
        ImageOptions(
            context=context,
            file=file,
            tags=tag,
            build_args=build_arg,
            labels=label,
            target=target,
            no_cache=no_cache,
            push=push,
            load=load,
            outputs=None if push or load else ["type=image"],
        ),
        asked=None,
    )
    config = router_config(RoutingOptions(addresses=[addr]))
    if local_cache_import or local_cache_export:
        prepared = _with_local_cache(prepared, local_cache_import, local_cache_export)
    build_and_report(config, prepared, Reporting(progress=progress, verbosity=verbose))


def _with_local_cache(prepared: Prepared, source: str | None, destination: str | None) -> Prepared:
    """Add the caches. That there is none to import yet is a warning, as in the old program."""
    cache_from = (CacheOption(type="local", attrs={"src": source}),) if source else ()
    cache_to = (CacheOption(type="local", attrs={"dest": destination}),) if destination else ()
    return replace(prepared, request=replace(prepared.request, cache_from=cache_from, cache_to=cache_to))
