"""`skaffold-buildkit-wrapper build`: `warmroute build` as the older program takes it."""

from __future__ import annotations

import os

from cli import options as o
from cli.commands.requests import (
    ImageOptions,
    asked_by_skaffold,
    build_request,
    skaffold_routing,
)
from cli.commands.routing import RoutingOptions, router_config
from cli.commands.running import Reporting, build_and_report, print_plan
from router.config import environment
from router.model.frozen import replace

__all__ = ["command"]

# What BuildKit's own programs use where nothing is said.
_DEFAULT_ADDRESS = "unix:///run/buildkit/buildkitd.sock"


def command(
    file: o.File = None,
    build_arg: o.BuildArgs = None,
    secret: o.Secrets = None,
    addr: o.Addresses = None,
    selector: o.Selector = None,
    key: o.KeyOption = None,
    backend: o.BackendChoice = "docker",
    dry_run: o.DryRun = False,
    progress: o.Progress = "auto",
    verbose: o.Verbose = 0,
) -> None:
    """Build the image that skaffold asks for, with docker or on a buildkitd."""
    asked = asked_by_skaffold()
    routing = RoutingOptions(addresses=addr, selector=selector, key=key, backend=backend)
    routing, warnings = _as_wrapper_routes(routing, has_host=bool(environment().get("BUILDKIT_HOST")))
    if asked is not None and file and backend != "docker":
        # The name of a Dockerfile was buildctl's, which looks for it in the context.
        file = os.path.join(asked.context, file)
    prepared = build_request(ImageOptions(file=file, build_args=build_arg, secrets=secret), asked)
    prepared = replace(prepared, warnings=(*warnings, *prepared.warnings))
    config = router_config(skaffold_routing(routing, asked))
    if dry_run:
        print_plan(config, prepared)
        return
    build_and_report(config, prepared, Reporting(progress=progress, verbosity=verbose))


def _as_wrapper_routes(options: RoutingOptions, *, has_host: bool) -> tuple[RoutingOptions, tuple[str, ...]]:
    """Return where the old program would have built, and what it would not have looked at."""
    if options.backend == "docker":
        given = (("--addr", options.addresses), ("--kube-pod-selector", options.selector))
        unused = " and ".join(name for name, value in given if value)
        said = (f"with --cli docker the local engine builds: {unused} is not looked at",) if unused else ()
        return replace(options, addresses=None, selector=None), said
    if options.selector and options.addresses and options.key:
        return replace(options, addresses=None), ("--kube-pod-selector is given: --addr is not looked at",)
    if options.selector and options.addresses:
        said = ("--addr is given, and no hash key: --kube-pod-selector is not looked at",)
        return replace(options, selector=None), said
    if not options.selector and not options.addresses and not has_host:
        return replace(options, addresses=[_DEFAULT_ADDRESS]), ()
    return options, ()
