"""The options that several commands have: where builds go, and what is shown.

Names and meanings are buildx's where buildx has the option. The annotations are values, not texts: each
start reads them.
"""

from typing import Annotated, Literal

from cli.groups import Only, OptionGroup, option
from router import BackendName, Fallback, GrpcEngine, Placement, Spill, Via

__all__ = [
    "FLEET_TIMEOUT",
    "ChosenDaemons",
    "ConnectionRouting",
    "DetailDisplay",
    "DisplayOptions",
    "FleetOptions",
    "FleetRouting",
    "FormatDisplay",
    "HomeOptions",
    "HomeRouting",
    "LimitOptions",
    "PeriodOptions",
    "ProgressDisplay",
    "ReachOptions",
    "RecordFilters",
    "RoutingOptions",
    "TLSFlags",
    "VerboseDisplay",
]


_Progress = Literal["auto", "tty", "plain", "rawjson", "quiet", "none"]

FLEET_TIMEOUT = 5.0
"""Seconds that a daemon has to answer a command that asks a whole fleet. A build waits longer, because the
next daemon has a colder cache."""


class FleetOptions(OptionGroup, panel="Routing"):
    """Which daemons there are."""

    name: str | None = option(
        "--fleet",
        default=None,
        metavar="NAME",
        help="The fleet that a configuration file has under this name.",
        outranked_by=("--addr", "--selector"),
        files="all",
    )
    selector: str | None = option(
        "--selector",
        "-l",
        default=None,
        aliases=("--kube-pod-selector",),
        metavar="LABELS",
        help="Pods that run buildkitd, by label.",
        outranked_by=("--addr", "--fleet"),
        files="all",
    )
    namespace: str | None = option(
        "--namespace",
        "-n",
        default=None,
        metavar="NAME",
        help="Their namespace. [dim]default: the context's.[/]",
        files="all",
    )
    kube_context: str | None = option(
        "--kube-context",
        default=None,
        metavar="NAME",
        help="The context of the kubeconfig.",
        files="all",
    )
    kubeconfig: str | None = option(
        "--kubeconfig",
        default=None,
        metavar="PATH",
        help="The kubeconfig. [dim]default: $KUBECONFIG, ~/.kube/config, in-cluster.[/]",
        files="user",
    )
    addresses: list[str] | None = option(
        "--addr",
        default=None,
        metavar="[NAME=]URL",
        help="A daemon: tcp://, unix://, kube-pod://, ssh://, docker-container:// and more, or a fleet:"
        " dns://; repeatable, comma lists too.",
        outranked_by=("--selector", "--fleet"),
        files="all",
        rival="BUILDKIT_HOST",
    )


class HomeOptions(OptionGroup, panel="Routing"):
    """Which of them is a build's home."""

    key: str | None = option(
        "--key",
        default=None,
        aliases=("--kube-pod-balancing-hash-key",),
        metavar="KEY",
        help="The balancing key: the same key goes to the same daemon. [dim]default: by the image's"
        " name, else the git remote, else the path.[/]",
        files="all",
    )
    placement: Placement = option(
        "--placement",
        default="ring",
        help="How keys are spread over daemons.",
        files="all",
    )


class ReachOptions(OptionGroup, panel="Routing"):
    """What a pod's name is to placement, and how a daemon is reached."""

    identity: str = option(
        "--identity",
        default="name",
        metavar="WHAT",
        help="The property of a pod that decides its keys: name, node, label:KEY or annotation:KEY."
        " [dim]default: name.[/]",
        outranked_by=("--addr",),
        files="all",
    )
    via: Via = option(
        "--via",
        default="auto",
        help="The way to pods.",
        files="all",
    )
    pod_port: float | None = option(
        "--pod-port",
        default=None,
        metavar="PORT",
        help="Where buildkitd listens in pods. [dim]default: what they declare, else 1234.[/]",
        files="all",
    )
    container: str | None = option(
        "--container",
        default=None,
        metavar="NAME",
        help="The pods' container that runs buildkitd.",
        files="all",
    )
    connect_timeout: float = option(
        "--connect-timeout",
        default=10.0,
        metavar="DURATION",
        minimum=0.1,
        help="How long a daemon may take to answer; a number alone is seconds.",
        files="all",
        seconds=True,
    )


class LimitOptions(OptionGroup, panel="Routing"):
    """What bounds load, attempts and time."""

    max_builds: float = option(
        "--max-builds",
        default=8,
        metavar="N",
        minimum=0,
        help="A daemon with N builds in flight gets no more while another has fewer; 0 is no bound. A"
        " pod's annotation warmroute.dev/max-builds wins.",
        files="all",
    )
    spill: Spill = option(
        "--spill",
        default="warm",
        help="Where a build goes when its home is full or has never built it: to a daemon that has, or to"
        " the next in its order.",
        files="all",
    )
    queue: str | None = option(
        "--queue",
        default=None,
        metavar="DURATION",
        help="When all daemons are full, wait this long in line. [dim]default: take the least loaded.[/]",
        files="all",
    )
    retries: float = option(
        "--retries",
        default=2,
        metavar="N",
        minimum=0,
        help="How often to retry a build whose daemon was lost.",
        files="all",
    )
    timeout: str | None = option(
        "--timeout",
        default=None,
        metavar="DURATION",
        help="How long the whole build, or the whole command, may take. [dim]default: no limit.[/]",
        files="all",
    )


class ChosenDaemons(OptionGroup, panel="Routing"):
    """Which daemons of the fleet are meant."""

    names: list[str] | None = option(
        "--daemon",
        default=None,
        metavar="NAME",
        help="Only this daemon; repeatable. [dim]default: all of the fleet.[/]",
    )


class PeriodOptions(OptionGroup, panel="Builds"):
    """Which builds of the daemons' histories are meant."""

    since: str | None = option(
        "--since",
        default=None,
        metavar="DURATION",
        help="Only builds begun in this time, such as 24h. [dim]default: all that the daemons remember.[/]",
    )


class RecordFilters(OptionGroup, panel="Records"):
    """Which records of the daemons' stores are meant."""

    texts: list[str] | None = option(
        "--filter",
        default=None,
        metavar="CONDITION",
        help="Only records that match: type=exec.cachemount, id=ID, description~=EXPRESSION, mutable, shared,"
        " until=24h (not used since) and more; repeatable, all have to match.",
    )


class TLSFlags(OptionGroup, panel="TLS"):
    """What a daemon is known by, and we are to it."""

    ca: str | None = option(
        "--tls-ca",
        default=None,
        metavar="PATH",
        help="The CA that signed the daemons' certificates.",
        outranked_by=("--tls-dir",),
        files="user",
    )
    cert: str | None = option(
        "--tls-cert",
        default=None,
        metavar="PATH",
        help="The client certificate.",
        outranked_by=("--tls-dir",),
        files="user",
    )
    key: str | None = option(
        "--tls-key",
        default=None,
        metavar="PATH",
        help="Its private key.",
        outranked_by=("--tls-dir",),
        files="user",
    )
    server_name: str | None = option(
        "--tls-server-name",
        default=None,
        metavar="NAME",
        help="The name in the daemons' certificates.",
        files="all",
    )
    directory: str | None = option(
        "--tls-dir",
        default=None,
        metavar="DIR",
        help="A directory with ca.pem, cert.pem and key.pem.",
        outranked_by=("--tls-ca", "--tls-cert", "--tls-key"),
        files="user",
    )


class RoutingOptions(OptionGroup, panel="Routing"):
    """Where a build goes."""

    fleet: FleetOptions = FleetOptions()
    home: HomeOptions = HomeOptions()
    backend: BackendName = option(
        "--backend",
        default="native",
        aliases=("--cli",),
        help="What runs the build.",
        files="user",
    )
    fallback: Fallback = option(
        "--fallback",
        default="none",
        help="Where to build when the fleet can't: in the local Docker engine, or on a buildkitd of PATH"
        " that is started for this build.",
        files="user",
    )
    reach: ReachOptions = ReachOptions()
    wait: str | None = option(
        "--wait",
        default=None,
        metavar="DURATION",
        help="When no daemon can take the build, wait this long for one (scale from zero, rollouts)."
        " [dim]default: don't wait.[/]",
        files="all",
    )
    limits: LimitOptions = LimitOptions()
    grpc_engine: GrpcEngine = option(
        "--grpc-engine",
        default="builtin",
        help="The gRPC engine; grpcio, a package, is for proxies that the builtin one can't handle.",
        files="user",
    )
    dry_run: bool = option(
        "--dry-run", default=False, help="Print where and what would be built, pushed or deleted, and stop."
    )
    tls: TLSFlags = TLSFlags()


class DisplayOptions(OptionGroup, panel="Display"):
    """What is shown."""

    progress: Literal["auto", "tty", "plain", "rawjson", "quiet", "none"] = option(
        "--progress",
        default="auto",
        help="How progress is shown, on stderr.",
        files="user",
    )
    quiet: bool = option(
        "--quiet",
        "-q",
        default=False,
        help="Print only the image's id.",
        outranked_by=("--progress",),
    )
    verbose: int = option(
        "--verbose",
        "-v",
        default=0,
        help="Say more: which key and which daemon were chosen, and why; warnings in full; each item of a"
        " listing.",
    )
    format: Literal["table", "json"] = option("--format", default="table", help="For people or for programs.")

    @property
    def mode(self) -> _Progress:
        """How progress is shown, whichever of the two options says so."""
        return "quiet" if self.quiet else self.progress


# For commands that ask all daemons of a fleet, or the home of a key, or connect to one as a build does.
FleetRouting = Annotated[
    RoutingOptions, Only("fleet", "reach", "--grpc-engine", "tls", connect_timeout=FLEET_TIMEOUT)
]
HomeRouting = Annotated[
    RoutingOptions, Only("fleet", "home", "reach", "--grpc-engine", "tls", connect_timeout=FLEET_TIMEOUT)
]
ConnectionRouting = Annotated[RoutingOptions, Only("fleet", "home", "reach", "--wait", "tls")]

ProgressDisplay = Annotated[DisplayOptions, Only("--progress", "--verbose")]
VerboseDisplay = Annotated[DisplayOptions, Only("--verbose")]
DetailDisplay = Annotated[DisplayOptions, Only("--verbose", "--format")]
FormatDisplay = Annotated[DisplayOptions, Only("--format")]
