"""`warmroute build`."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from cli import options as o
from cli.commands.interruption import interruptible
from cli.commands.requests import ImageOptions, Prepared, build_request, skaffold_routing
from cli.commands.results import check_directory, metadata, write_whole
from cli.commands.routing import RoutingOptions, TLSFlags, router_config
from cli.render import ProgressMode, open_renderer
from router.config import RouterConfig, environment
from router.errors import UsageError
from router.model.events import Notice
from router.model.request import BuildRequest

if TYPE_CHECKING:
    from router import BuildResult, BuildRouter

__all__ = ["command", "run_build"]


def command(
    context: o.ContextArgument = None,
    tag: o.Tags = None,
    file: o.File = None,
    build_arg: o.BuildArgs = None,
    secret: o.Secrets = None,
    label: o.Labels = None,
    target: o.Target = "",
    platform: o.Platforms = None,
    no_cache: o.NoCache = False,
    pull: o.Pull = False,
    push: o.Push = None,
    load: o.Load = None,
    output: o.Outputs = None,
    metadata_file: o.MetadataFile = None,
    iidfile: o.IidFile = None,
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
    key: o.KeyOption = None,
    placement: o.PlacementChoice = "ring",
    backend: o.BackendChoice = "native",
    fallback: o.FallbackChoice = "none",
    connect_timeout: o.ConnectTimeout = 10.0,
    dry_run: o.DryRun = False,
    tls_ca: o.TLSCa = None,
    tls_cert: o.TLSCert = None,
    tls_key: o.TLSKey = None,
    tls_server_name: o.TLSServerName = None,
    tls_dir: o.TLSDir = None,
    progress: o.Progress = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
) -> None:
    """Build an image on the daemon that is warm for it."""
    config = router_config(
        skaffold_routing(
            RoutingOptions(
                addresses=addr,
                selector=selector,
                namespace=namespace,
                kube_context=kube_context,
                kubeconfig=kubeconfig,
                placement=placement,
                backend=backend,
                fallback=fallback,
                key=key,
                connect_timeout=connect_timeout,
                tls=TLSFlags(
                    ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name, directory=tls_dir
                ),
            )
        )
    )
    prepared = build_request(
        ImageOptions(
            context=context,
            file=file,
            tags=tag,
            build_args=build_arg,
            secrets=secret,
            labels=label,
            target=target,
            platforms=platform,
            no_cache=no_cache,
            pull=pull,
            push=push,
            load=load,
            outputs=output,
        )
    )
    check_directory("--metadata-file", metadata_file)
    check_directory("--iidfile", iidfile)
    prepared = replace(prepared, request=_with_stdin(prepared.request))
    if dry_run:
        _print_plan(config, prepared.request)
        return
    result = run_build(config, prepared, progress="quiet" if quiet else progress, verbosity=verbose)
    if metadata_file:
        write_whole(metadata_file, json.dumps(metadata(result), indent=2) + "\n")
    if iidfile:
        write_whole(iidfile, result.image_id)
    if (quiet or progress == "quiet") and result.image_id:
        typer.echo(result.image_id)


def run_build(
    config: RouterConfig, prepared: Prepared, *, progress: ProgressMode, verbosity: int
) -> BuildResult:
    """Build with a display on stderr; signals cancel it. Raises what ``BuildRouter.build`` raises."""
    from router import BuildRouter

    router = BuildRouter(config)
    renderer = open_renderer(progress, stream=sys.stderr, environment=environment(), verbosity=verbosity)
    for warning in prepared.warnings:
        renderer.event(Notice(level="warning", text=warning))
    with interruptible(
        watch_parent=prepared.by_skaffold, at_once=lambda: renderer.close(KeyboardInterrupt())
    ) as cancellation:
        try:
            result = router.build(prepared.request, on_event=renderer.event, cancellation=cancellation)
        except BaseException as exc:
            renderer.close(exc)
            raise
    renderer.close(None)
    return result


def _with_stdin(request: BuildRequest) -> BuildRequest:
    """Read what stdin is to give; keep a terminal free of archives."""
    if any(output.dest == "-" for output in request.outputs) and sys.stdout.isatty():
        raise UsageError(
            "the output is an archive, and stdout is a terminal", hint="redirect stdout, or give dest=FILE"
        )
    if request.dockerfile != "-":
        return request
    return replace(request, dockerfile=None, dockerfile_text=sys.stdin.buffer.read())


def _print_plan(config: RouterConfig, request: BuildRequest) -> None:
    from router import BuildRouter

    router: BuildRouter = BuildRouter(config)
    route, argv = router.command(request)
    typer.echo(f"key {route.key.key} (rule: {route.key.rule}), placement {route.placement}", err=True)
    typer.echo(shlex.join(argv))
