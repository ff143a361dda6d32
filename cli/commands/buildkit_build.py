"""`buildkit-build`: a command line like docker's, for one buildkitd.

As in the program of that name the image stays in the daemon's own store, which is containerd's where the
daemon has that worker. No Docker engine is asked for anything unless ``--load`` says so.
"""

from __future__ import annotations

from typing import Annotated

from cli.build_options import ImageOptions, ResultOptions
from cli.building.running import build_and_report
from cli.given.requests import Prepared, Unread, build_request
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, argument, option
from cli.options import FleetOptions, ProgressDisplay, RoutingOptions
from router import CacheOption, UsageError, replace

__all__ = ["ContextOptions", "command"]

# What BuildKit's own programs use where nothing is said.
_DEFAULT_ADDRESS = "unix:///run/buildkit/buildkitd.sock"


class ContextOptions(ImageOptions, panel="Image"):
    """What is built, with a context that has to be named."""

    context: str = argument(
        "PATH|URL",
        help="The build context; - is stdin.",
        missing="the build context is missing: a directory, a URL, or - for stdin",
    )


class DaemonOptions(OptionGroup, panel="Daemon and cache"):
    """The one daemon, and cache in directories."""

    address: str = option(
        "--buildkit-addr",
        default=_DEFAULT_ADDRESS,
        env="BUILDKIT_HOST",
        metavar="URL",
        help=f"The daemon. [dim]default: $BUILDKIT_HOST, {_DEFAULT_ADDRESS}[/]",
    )
    cache_import: str | None = option(
        "--local-cache-import",
        default=None,
        env="BUILDKIT_LOCAL_CACHE_IMPORT",
        metavar="DIR",
        help="A directory with cache to use. [dim]default: $BUILDKIT_LOCAL_CACHE_IMPORT[/]",
    )
    cache_export: str | None = option(
        "--local-cache-export",
        default=None,
        env="BUILDKIT_LOCAL_CACHE_EXPORT",
        metavar="DIR",
        help="A directory to write cache to. [dim]default: $BUILDKIT_LOCAL_CACHE_EXPORT[/]",
    )


_Image = Annotated[
    ContextOptions, Only("PATH|URL", "--tag", "--file", "--build-arg", "--label", "--target", "--no-cache")
]
_Result = Annotated[ResultOptions, Only("--push", "--load")]


def command(image: _Image, result: _Result, daemon: DaemonOptions, display: ProgressDisplay) -> None:
    """Build an image with a command line like docker's, and leave it in the daemon's own image store."""
    if not image.tags:
        raise UsageError("the image has no name", hint="give it one: --tag NAME[:TAG]")
    if not (result.push or result.load):
        result = result.replaced(outputs=["type=image"])
    config = router_config(RoutingOptions(fleet=FleetOptions(addresses=[daemon.address])))
    build = Unread(prepare=lambda files: _with_local_cache(build_request(image, None, result, files), daemon))
    build_and_report(config, build, display)


def _with_local_cache(prepared: Prepared, daemon: DaemonOptions) -> Prepared:
    """Add the caches. That there is none to import yet is a warning, as in the old program."""
    source, destination = daemon.cache_import, daemon.cache_export
    cache_from = (CacheOption(type="local", attrs={"src": source}),) if source else ()
    cache_to = (CacheOption(type="local", attrs={"dest": destination}),) if destination else ()
    return prepared._replace(request=replace(prepared.request, cache_from=cache_from, cache_to=cache_to))
