"""`warmroute serve`: one address for every BuildKit client, and a home for each of their builds."""

from __future__ import annotations

import os
import resource
import shlex
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.chosen import announce
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, option
from cli.options import RoutingOptions, VerboseDisplay
from cli.render.output import say
from cli.stopping import Stop, stopping
from router import (
    Attempt,
    CancelledError,
    RouterError,
    TLSOptions,
    UnreachableError,
    UsageError,
    tls_options,
)

if TYPE_CHECKING:
    from router import Endpoint, Event, ListenAddress, Listener

__all__ = ["command"]


class EndpointOptions(OptionGroup, panel="Endpoint"):
    """Where clients connect, which ones may, and how the endpoint starts and stops."""

    listen: list[str] | None = option(
        "--listen",
        default=None,
        metavar="ADDRESS",
        help="Address for clients: unix://PATH, for your user only, or tcp://HOST:PORT; repeatable."
        " [dim]default: the socket shown by --print-env.[/]",
    )
    tls: str | None = option(
        "--listen-tls",
        default=None,
        metavar="DIR",
        help="Accept TCP clients only with a certificate: DIR has the CA of their certificates (ca.pem),"
        " and the endpoint's own cert.pem and key.pem.",
    )
    insecure: bool = option(
        "--insecure", default=False, help="Accept every TCP client that can connect, from any machine."
    )
    shared: bool = option(
        "--shared",
        default=False,
        help="Let all clients see each other's builds, whatever their certificates, machines or users:"
        " progress, logs and history records, which they can also delete.",
    )
    register: str | None = option(
        "--register",
        default=None,
        metavar="NAME",
        help="Create the buildx builder NAME for this endpoint, or point it here.",
    )
    print_env: bool = option(
        "--print-env", default=False, help="Print the BUILDKIT_HOST variable for clients, and exit."
    )
    ready_fd: float | None = option(
        "--ready-fd",
        default=None,
        metavar="FD",
        minimum=1,
        help="Once clients can connect, write the addresses to this file descriptor, one a line.",
    )
    grace: str = option(
        "--grace",
        default="10m",
        metavar="DURATION",
        help="On stop, let builds in flight run this long before they are canceled. [dim]default: 10m.[/]",
    )
    status: str | None = option(
        "--status",
        default=None,
        metavar="HOST:PORT",
        help="Serve a page with daemons and builds, and metrics for Prometheus, to this machine only.",
    )
    insecure_status: bool = option(
        "--insecure-status",
        default=False,
        help="Let everybody who can connect open the status page, from any machine.",
    )
    health: str | None = option(
        "--health",
        default=None,
        metavar="HOST:PORT",
        help="Answer health checks (GET /healthz) there, from any machine: 200 while it takes builds, else"
        " 503.",
    )


# A client's request is passed on unchanged: there is no backend to choose, and no build options.
_Routing = Annotated[
    RoutingOptions,
    Only("fleet", "home", "reach", "--wait", "--max-builds", "--spill", "--queue", "--retries", "tls"),
]


def command(options: EndpointOptions, routing: _Routing, display: VerboseDisplay) -> None:
    """Serve BuildKit clients at one address, and send each build to the daemon with its warm cache."""
    addresses = [library.parse_listen(text) for text in options.listen or ()]
    if options.print_env:
        where = addresses or [library.default_listen(os.environ, os.geteuid())]
        sys.stdout.write(f"export BUILDKIT_HOST={shlex.quote(_dialled(str(where[0])))}\n")
        return
    grace, config = _seconds(options.grace), router_config(routing)
    _open_as_many_as_allowed()
    with stopping() as stop, ExitStack() as opened:
        router = library.BuildRouter(config)
        listeners = _listen(addresses, options)
        for listener in listeners:
            opened.enter_context(listener)
        status = _open_status(options)
        if status is not None:
            opened.enter_context(status)
        health = library.open_health(library.parse_health(options.health)) if options.health else None
        if health is not None:
            opened.enter_context(health)
        # Other fleets may take a while to list, or can't be listed yet.
        if not config.selector:
            with suppress(UnreachableError):
                library.refuse_itself([listener.where for listener in listeners], router.fleet.daemons())
        with library.fleet_endpoint(
            listeners,
            router,
            library.EndpointTerms(key=config.key, shared=options.shared, status=status, health=health),
            on_event=_announce(display.verbose),
        ) as endpoint:
            endpoint.start()
            if status is not None:
                say(f"status page: {_url(status)}")
            if health is not None:
                say(f"health checks: {_url(health)}healthz")
            _tell_ready(listeners, options)
            library.notify_service_manager(os.environ, "READY=1")
            stop.wait()
            library.notify_service_manager(os.environ, "STOPPING=1")
            _drain(endpoint, grace, options.grace, stop)


def _open_as_many_as_allowed() -> None:
    """Raise the limit for file descriptors: a build takes seven, and 1024 are a usual soft limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a sandbox may forbid it; then the limit stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(addresses: Sequence[ListenAddress], options: EndpointOptions) -> Sequence[Listener]:
    inherited = library.inherited_sockets(os.environ)
    if not addresses and not inherited:
        addresses = [library.default_listen(os.environ, os.geteuid())]
    if options.shared:
        _require_several_users(addresses, inherited)
    tls = tls_options(TLSOptions(), options.tls) if options.tls else None
    if options.insecure and tls is not None:
        raise UsageError("--insecure and --listen-tls exclude each other", hint="leave out one of them")
    return library.listen_on(addresses, inherited, library.Admission(tls=tls, insecure=options.insecure), say)


def _require_several_users(addresses: Sequence[ListenAddress], inherited: Sequence[socket.socket]) -> None:
    """Raise ``UsageError`` where nobody can connect but one user: there is nothing to share."""
    if any(str(each).startswith("tcp:") for each in addresses):
        return
    if any(library.admits_several_users(each) for each in inherited):
        return
    mode = ", or set SocketMode=0660 in the .socket unit" if inherited else ""
    raise UsageError(
        "--shared needs clients of several users, and only one user can connect to this unix socket",
        hint=f"add --listen tcp://127.0.0.1:1234{mode}",
    )


def _open_status(options: EndpointOptions) -> socket.socket | None:
    if options.status is None:
        if options.insecure_status:
            raise UsageError("--insecure-status needs --status", hint="add --status 0.0.0.0:9090")
        return None
    address = library.parse_status(options.status)
    return library.open_status(address, insecure=options.insecure_status)


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _tell_ready(listeners: Sequence[Listener], options: EndpointOptions) -> None:
    addresses = [listener.address for listener in listeners]
    for address in dict.fromkeys(addresses):
        say(f"listening on {address}")
    if options.insecure:
        say("accepting every client that can connect, from any machine (--insecure)")
    if options.shared:
        say("clients can see each other's builds, logs and history, and delete their records (--shared)")
    if options.register:
        _register(options.register, addresses[0], options)
    if options.ready_fd is not None:
        _write(options.ready_fd, "".join(f"{_dialled(address)}\n" for address in addresses))


def _register(name: str, address: str, options: EndpointOptions) -> None:
    if options.tls and address.startswith("tcp:"):
        raise UsageError(
            "--register can't pass certificates to buildx",
            hint=f"docker buildx create --name {name} --driver remote"
            f" --driver-opt cacert=PATH,cert=PATH,key=PATH {_dialled(address)}",
        )
    buildx = " ".join(library.register_builder(name, _dialled(address), os.environ))
    say(f"buildx has the builder {name}: {buildx} build --builder {name}, or BUILDX_BUILDER={name}")
    say(f"undo it with: {buildx} rm {name}")


def _write(number: float, text: str) -> None:
    try:
        with open(int(number), "wb", buffering=0) as file:
            file.write(text.encode())
    except OSError as exc:
        raise UsageError(
            f"can't write to --ready-fd {number:g}: {library.os_reason(exc)}",
            hint="for example, in a shell: --ready-fd 3 3> ready",
        ) from exc


def _drain(endpoint: Endpoint, seconds: float, grace: str, stop: Stop) -> None:
    say(f"stopping ({stop.asked.why}): no new builds; those in flight have {grace}")
    try:
        ended = endpoint.drain(seconds, stop.insisted)
    except CancelledError as exc:
        raise CancelledError(f"stopped at once ({stop.insisted.why}): builds in flight are canceled") from exc
    if not ended:
        raise RouterError(f"canceled builds that had not ended within {grace}", reason="grace")


def _dialled(address: str) -> str:
    """Return the address that clients on this machine connect to."""
    return address.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace("tcp://[::]:", "tcp://[::1]:")


def _seconds(grace: str) -> float:
    return library.parse_duration(grace, library.Flag(name="--grace", example="10m"))


def _announce(verbosity: int) -> Callable[[Event], None]:
    tell_notice = announce(verbosity)

    def tell(event: Event) -> None:
        tell_notice(event)
        if isinstance(event, Attempt) and event.number > 1:
            say(f"{event.reason}; retrying on {event.daemon} (attempt {event.number})")

    return tell
