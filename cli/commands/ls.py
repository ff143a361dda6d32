"""`warmroute ls`: every daemon, asked in parallel."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from cli import options as o
from cli.commands.interruption import interruptible
from cli.commands.routing import RoutingOptions, TLSFlags, router_config

if TYPE_CHECKING:
    from router import DaemonReport

__all__ = ["command"]


def command(
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
    connect_timeout: o.ConnectTimeout = 5.0,
    tls_ca: o.TLSCa = None,
    tls_cert: o.TLSCert = None,
    tls_key: o.TLSKey = None,
    tls_server_name: o.TLSServerName = None,
    tls_dir: o.TLSDir = None,
    format: o.Format = "table",
) -> None:
    """List the daemons: state, version, platforms, and builds in flight."""
    config = router_config(
        RoutingOptions(
            addresses=addr,
            selector=selector,
            namespace=namespace,
            kube_context=kube_context,
            kubeconfig=kubeconfig,
            connect_timeout=connect_timeout,
            tls=TLSFlags(
                ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name, directory=tls_dir
            ),
        )
    )
    from router import BuildRouter, inspect

    router = BuildRouter(config)
    with interruptible(_Asking(), grace=0.0):
        daemons = sorted(router.fleet.daemons(), key=lambda daemon: daemon.name)
        reports = inspect(daemons, router.dial_options)
    sys.stdout.write(f"{_json(reports) if format == 'json' else _table(reports)}\n")
    if not reports:
        sys.stderr.write(f"no {router.fleet.describe()}\n")


class _Asking:
    """Hears of an interruption: there is nothing to say, and nothing to put right."""

    def tell(self, text: str) -> None:
        """Say nothing."""

    def leave(self) -> None:
        """Leave."""


def _table(reports: tuple[DaemonReport, ...]) -> str:
    from cli.commands.table import table

    lines = table(
        ("NAME", "ADDRESS", "STATE", "VERSION", "BUILDS", "PLATFORMS"),
        [
            (
                report.daemon.name,
                report.daemon.address,
                _state(report),
                report.version,
                "" if report.builds is None else str(report.builds),
                ", ".join(report.platforms),
            )
            for report in reports
        ],
    )
    faults = [
        f"{report.daemon.name}: {report.error}"
        for report in reports
        if report.error and report.error != report.daemon.state
    ]
    return "\n".join([lines, *(["", *faults] if faults else [])])


def _state(report: DaemonReport) -> str:
    return "unreachable" if report.error and report.daemon.ready else report.daemon.state


def _json(reports: tuple[DaemonReport, ...]) -> str:
    return json.dumps(
        [
            {
                "name": report.daemon.name,
                "address": report.daemon.address,
                "state": _state(report),
                "version": report.version,
                "platforms": list(report.platforms),
                "builds": report.builds,
                "error": report.error,
            }
            for report in reports
        ],
        indent=2,
    )
