"""`warmroute debug info`: the version of each daemon."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli import options as o
from cli.commands.debug.asking import ask
from cli.commands.routing import RoutingOptions, TLSFlags

if TYPE_CHECKING:
    from router.operations.debug_daemon import Answer, DaemonVersion

__all__ = ["command"]


def command(
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
    key: o.KeyOption = None,
    placement: o.PlacementChoice = "ring",
    identity: o.IdentityOption = "name",
    via: o.ViaChoice = "auto",
    pod_port: o.PodPort = None,
    container: o.Container = None,
    connect_timeout: o.ConnectTimeout = 5.0,
    tls_ca: o.TLSCa = None,
    tls_cert: o.TLSCert = None,
    tls_key: o.TLSKey = None,
    tls_server_name: o.TLSServerName = None,
    tls_dir: o.TLSDir = None,
    format: o.Format = "table",
) -> None:
    """Show the versions of daemons: each of the fleet, or the home of --key."""
    from router.operations.debug_daemon import ask_info

    answers = ask(
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
            tls=TLSFlags(
                ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name, directory=tls_dir
            ),
        ),
        ask_info,
    )
    sys.stdout.write(f"{_json(answers) if format == 'json' else _table(answers)}\n")


def _table(answers: Sequence[Answer[DaemonVersion]]) -> str:
    from cli.commands.table import table

    return table(
        ("DAEMON", "ADDRESS", "BUILDKIT", "REVISION", "DOCKERFILE", "PACKAGE"),
        [
            (
                answer.daemon.name,
                str(answer.daemon.address),
                said.version,
                said.revision,
                said.dockerfile,
                said.package,
            )
            for answer in answers
            if (said := answer.value) is not None
        ],
    )


def _json(answers: Sequence[Answer[DaemonVersion]]) -> str:
    from cli.commands.debug.names import version

    listed = [
        {
            "daemon": answer.daemon.name,
            "address": str(answer.daemon.address),
            "buildkitVersion": None if answer.value is None else version(answer.value),
            "error": str(answer.error or ""),
        }
        for answer in answers
    ]
    return json.dumps(listed, indent=2)
