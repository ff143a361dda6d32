"""`warmroute exec`: a command with BUILDKIT_HOST of the chosen daemon."""

from __future__ import annotations

import sys
from typing import Annotated

from cli import options as o
from cli.command_line import Argument
from cli.commands.chosen import announce, end_as, warn
from cli.commands.requests import ImageOptions, asked_by_skaffold, build_request, skaffold_routing
from cli.commands.routing import RoutingOptions, TLSFlags, router_config

__all__ = ["command"]

_Command = Annotated[
    list[str],
    Argument(metavar="COMMAND", help="What to run, and its arguments.", required=True, rest=True),
]


def command(
    words: _Command,
    context: o.ContextOption = None,
    tag: o.Tags = None,
    platform: o.Platforms = None,
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
    key: o.KeyOption = None,
    identity: o.IdentityOption = "name",
    placement: o.PlacementChoice = "ring",
    via: o.ViaChoice = "auto",
    pod_port: o.PodPort = None,
    container: o.Container = None,
    connect_timeout: o.ConnectTimeout = 10.0,
    wait: o.Wait = None,
    tls_ca: o.TLSCa = None,
    tls_cert: o.TLSCert = None,
    tls_key: o.TLSKey = None,
    tls_server_name: o.TLSServerName = None,
    tls_dir: o.TLSDir = None,
    verbose: o.Verbose = 0,
) -> None:
    """Run a command with BUILDKIT_HOST of the daemon that a build would go to: buildctl, buildx, a script."""
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
                key=key,
                identity=identity,
                via=via,
                pod_port=pod_port,
                container=container,
                connect_timeout=connect_timeout,
                wait=wait,
                tls=TLSFlags(
                    ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name, directory=tls_dir
                ),
            ),
            asked,
        )
    )
    request = build_request(ImageOptions(context=context, tags=tag, platforms=platform), asked).request
    from router import BuildRouter
    from router.operations.run_with_daemon import run_with_daemon

    router = BuildRouter(config)
    with router.connect(request, on_event=announce(verbose)) as connection:
        code = run_with_daemon(connection, words, router.dial_options, tell=warn)
    if code:
        sys.stdout.flush()
        end_as(code)
