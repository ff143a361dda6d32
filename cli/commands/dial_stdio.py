"""`warmroute dial-stdio`: the chosen daemon on stdin and stdout."""

from __future__ import annotations

import os
import sys

from cli import options as o
from cli.commands.chosen import announce
from cli.commands.requests import ImageOptions, asked_by_skaffold, build_request, skaffold_routing
from cli.commands.routing import RoutingOptions, TLSFlags, router_config
from router.errors import UsageError

__all__ = ["command"]


def command(
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
    """Connect stdin and stdout to the daemon that a build would go to, as `buildctl dial-stdio` does."""
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
    if os.isatty(sys.stdin.fileno()):
        raise UsageError(
            "stdin is a terminal, and what a daemon speaks is not for people",
            hint="dial-stdio is for programs; `warmroute exec -- buildctl ...` runs one",
        )
    from router import BuildRouter
    from router.operations.dial_stdio import dial_stdio

    with BuildRouter(config).connect(request, on_event=announce(verbose)) as connection:
        dial_stdio(connection)
