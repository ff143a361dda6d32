"""`warmroute build`."""

from __future__ import annotations

from cli import options as o
from cli.commands.requests import (
    ImageOptions,
    asked_by_skaffold,
    build_request,
    skaffold_routing,
)
from cli.commands.routing import RoutingOptions, TLSFlags, router_config

__all__ = ["command"]


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
    asked = asked_by_skaffold()
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
            ),
            asked,
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
        ),
        asked,
    )
    from cli.commands.running import Reporting, build_and_report, print_plan

    if dry_run:
        print_plan(config, prepared)
        return
    build_and_report(
        config,
        prepared,
        Reporting(
            progress="quiet" if quiet else progress,
            verbosity=verbose,
            metadata_file=metadata_file,
            iidfile=iidfile,
        ),
    )
