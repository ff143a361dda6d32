"""`warmroute drain-check`: whether a daemon may be stopped, for a preStop hook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cli import options as o
from cli.command_line import Argument, Option
from cli.commands.interruption import Silent, interruptible
from cli.commands.routing import RoutingOptions, TLSFlags, router_config
from cli.render.foreign import own_line, printable
from router.errors import NoDaemonError, RouterError, UsageError

if TYPE_CHECKING:
    from router import Daemon

__all__ = ["command"]

_Name = Annotated[
    str | None,
    Argument(metavar="NAME", help="A daemon of the fleet. [dim]default: the only one that there is.[/]"),
]
_WaitIdle = Annotated[
    str | None,
    Option(
        names=("--wait-idle",),
        metavar="DURATION",
        help="Wait so long for its builds to end. [dim]default: don't wait.[/]",
        panel="Draining",
    ),
]


def command(
    name: _Name = None,
    wait_idle: _WaitIdle = None,
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
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
) -> None:
    """Succeed if a daemon has no build in flight, else say how many it has, and fail."""
    seconds = _seconds(wait_idle) if wait_idle else 0.0
    config = router_config(
        RoutingOptions(
            addresses=addr,
            selector=selector,
            namespace=namespace,
            kube_context=kube_context,
            kubeconfig=kubeconfig,
            identity=identity,
            via=via,
            pod_port=pod_port,
            container=container,
            connect_timeout=connect_timeout,
            tls=TLSFlags(
                ca=tls_ca, cert=tls_cert, key=tls_key, server_name=tls_server_name, directory=tls_dir
            ),
        )
    )
    from router import BuildRouter, drain

    with BuildRouter(config) as router, interruptible(Silent(heeds=True)) as cancellation:
        daemon = _chosen(router.fleet.daemons(), name, router.fleet.describe(), router.fleet.hint)
        builds = drain(
            daemon,
            router.dial_options,
            wait=seconds,
            on_change=lambda builds: _tell(f"{daemon.name} has {_counted(builds)} in flight"),
            cancellation=cancellation,
        )
    if builds:
        still = f" after {seconds:g} s" if seconds else ""
        raise RouterError(f"{daemon.name} has {_counted(builds)} in flight{still}", reason="busy")
    sys.stdout.write(f"{own_line(printable(daemon.name))} has no build in flight\n")


def _chosen(daemons: Sequence[Daemon], name: str | None, where: str, hint: str | None) -> Daemon:
    names = ", ".join(sorted(daemon.name for daemon in daemons))
    if name is None and len(daemons) > 1:
        raise UsageError(f"which of {names}?", hint="warmroute drain-check NAME")
    found = [daemon for daemon in daemons if name in {None, daemon.name}]
    if not found:
        wanted = f"{name} is not among them: {names}" if names else "there are none"
        raise NoDaemonError(f"no such daemon among the {where} ({wanted})", hint=hint)
    return found[0]


def _counted(builds: int) -> str:
    return f"{builds} build{'' if builds == 1 else 's'}"


def _seconds(wait: str) -> float:
    from router.notation.duration import parse_duration
    from router.notation.flag import Flag

    return parse_duration(wait, Flag(name="--wait-idle", example="10m"))


def _tell(text: str) -> None:
    sys.stderr.write(f"warmroute: {printable(text)}\n")
    sys.stderr.flush()
