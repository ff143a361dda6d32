"""The options of `warmroute fleet`: which fleet, and what it is to be.

Where buildx's kubernetes driver has an option (``--driver-opt``), the names are made of its words.
"""

from typing import Annotated, Literal

from cli.groups import Only, OptionGroup, argument, option
from cli.options import DisplayOptions, RoutingOptions

__all__ = [
    "DEFAULT_FLEET",
    "AccessOptions",
    "AnyFleet",
    "CacheOptions",
    "ClusterRouting",
    "FleetName",
    "MakingOptions",
    "NamedFleet",
    "PodOptions",
    "ReadyWithin",
    "Removal",
    "Replicas",
    "ShapeOptions",
    "SizeOptions",
]

DEFAULT_FLEET = "buildkitd"

# Where fleets are: a namespace of a cluster.
ClusterRouting = Annotated[RoutingOptions, Only("--namespace", "--kube-context", "--kubeconfig")]


class FleetName(OptionGroup, panel="Fleet"):
    """Which fleet."""

    name: str | None = argument(
        "NAME", default=None, help=f"The fleet's name. [dim]default: {DEFAULT_FLEET}.[/]"
    )


class NamedFleet(OptionGroup, panel="Fleet"):
    """Which fleet, said by name."""

    name: str = argument(
        "NAME", missing="name the fleet: warmroute fleet status lists them", help="The fleet's name."
    )


class AnyFleet(OptionGroup, panel="Fleet"):
    """Which fleets."""

    name: str | None = argument("NAME", default=None, help="A fleet. [dim]default: all of the namespace.[/]")


class SizeOptions(OptionGroup, panel="Fleet"):
    """How many daemons."""

    replicas: float | None = option(
        "--replicas",
        default=None,
        metavar="N",
        minimum=0,
        help="How many daemons, of each --arch. [dim]default: as many as there are, 3 for a new fleet.[/]",
    )
    arch: list[str] | None = option(
        "--arch",
        default=None,
        metavar="ARCH",
        help="A pool of daemons on nodes of this architecture; repeatable, comma lists too: amd64,arm64.",
    )


class CacheOptions(OptionGroup, panel="Cache"):
    """Where the daemons' caches are."""

    storage: str | None = option(
        "--storage",
        default=None,
        metavar="SIZE",
        help="Give each daemon a volume of this size; its cache outlives its pod. [dim]default: none.[/]",
    )
    storage_class: str | None = option(
        "--storage-class",
        default=None,
        metavar="NAME",
        help="The volumes' class. [dim]default: the cluster's.[/]",
    )
    memory_volume: str | None = option(
        "--memory-volume", default=None, metavar="SIZE", help="Keep each daemon's cache in memory."
    )


class PodOptions(OptionGroup, panel="Daemons"):
    """What each daemon is like."""

    image: str | None = option(
        "--image", default=None, metavar="IMAGE", env="WARMROUTE_FLEET_IMAGE", help="The image of buildkitd."
    )
    rootless: bool = option(
        "--rootless", default=False, help="Run buildkitd as an ordinary user, in a user namespace."
    )
    worker: Literal["oci", "containerd"] = option(
        "--worker",
        default="oci",
        help="What runs steps: containerd is the node's own, with one daemon on each node.",
    )
    config: str | None = option(
        "--config",
        default=None,
        metavar="FILE",
        env="WARMROUTE_FLEET_CONFIG",
        help="A buildkitd.toml. Without a gc policy in it one is added, made from the volume's size.",
    )
    flags: list[str] | None = option(
        "--buildkitd-flag", default=None, metavar="FLAG", help="A flag for buildkitd; repeatable."
    )
    environment: list[str] | None = option(
        "--env",
        default=None,
        metavar="NAME=VALUE",
        env="WARMROUTE_FLEET_ENV",
        help="A variable of buildkitd; repeatable.",
    )
    requests: list[str] | None = option(
        "--requests",
        default=None,
        metavar="RESOURCE=QUANTITY",
        help="The resources that a daemon requests; repeatable, comma lists too."
        " [dim]default: cpu=500m,memory=512Mi.[/]",
    )
    limits: list[str] | None = option(
        "--limits",
        default=None,
        metavar="RESOURCE=QUANTITY",
        help="The resources that it is limited to; repeatable, comma lists too. [dim]default: no limit.[/]",
    )
    node_selector: list[str] | None = option(
        "--node-selector",
        default=None,
        metavar="LABEL=VALUE",
        help="Nodes for the daemons; repeatable, comma lists too.",
    )
    tolerations: list[str] | None = option(
        "--toleration",
        default=None,
        metavar="KEY=VALUE,...",
        help="A taint that the pods tolerate, by its fields: key, operator, value, effect,"
        " tolerationSeconds; repeatable.",
    )
    labels: list[str] | None = option(
        "--pod-label",
        default=None,
        metavar="NAME=VALUE",
        help="A label of the pods; repeatable.",
    )
    annotations: list[str] | None = option(
        "--pod-annotation",
        default=None,
        metavar="NAME=VALUE",
        help="An annotation of the pods; repeatable.",
    )
    service_account: str | None = option(
        "--service-account", default=None, metavar="NAME", help="The service account of the pods."
    )
    scheduler: str | None = option(
        "--scheduler", default=None, metavar="NAME", help="The scheduler of the pods."
    )
    grace_period: str = option(
        "--grace-period",
        default="15m",
        metavar="DURATION",
        help="How long a daemon has to finish its builds when it is stopped. [dim]default: 15m.[/]",
    )


class AccessOptions(OptionGroup, panel="Access"):
    """Who may build, and how they get there."""

    builder_account: str | None = option(
        "--builder-account",
        default=None,
        metavar="NAME",
        help="The service account to make for builds. [dim]default: NAME-builder.[/]",
    )
    builder_via: Literal["exec", "port-forward", "pod-ip"] | None = option(
        "--builder-via",
        default=None,
        help="The way to pods that its Role allows. [dim]default: exec, with --mtls port-forward.[/]",
    )
    mtls: bool = option(
        "--mtls",
        default=False,
        help="Let the daemons listen on TCP too, for clients with a certificate; makes the certificates.",
    )
    certificates: str | None = option(
        "--certificates",
        default=None,
        metavar="DIR",
        help="Where the CA and the certificates are, or are made. [dim]default: NAME-certificates.[/]",
    )
    network_policy: bool = option(
        "--network-policy",
        default=False,
        help="Let the daemons reach names and the internet, and nothing inside the cluster.",
    )
    allow_from: list[str] | None = option(
        "--allow-from",
        default=None,
        metavar="NAMESPACE",
        help="A namespace that the network policy lets in; repeatable, comma lists too.",
    )


class ShapeOptions(OptionGroup):
    """What a fleet is to be."""

    size: SizeOptions = SizeOptions()
    cache: CacheOptions = CacheOptions()
    pods: PodOptions = PodOptions()
    access: AccessOptions = AccessOptions()


class MakingOptions(OptionGroup, panel="Making"):
    """How it is made."""

    print: bool = option("--print", default=False, help="Print the objects as YAML, and make nothing.")
    create_namespace: bool = option(
        "--create-namespace", default=False, help="Make the namespace, with what Pod Security asks for."
    )
    force_conflicts: bool = option(
        "--force-conflicts",
        default=False,
        help="Take over objects, and fields, that others have made or set.",
    )
    ready_within: str = option(
        "--ready-within",
        default="5m",
        metavar="DURATION",
        help="How long to wait until the daemons are ready, or gone. [dim]default: 5m.[/]",
    )


class RemovalOptions(OptionGroup, panel="Removal"):
    """What goes beside the daemons, and how it is told."""

    volumes: bool = option(
        "--volumes", default=False, help="Delete the volumes too, and the caches on them; else they stay."
    )
    display: DisplayOptions = DisplayOptions()


Replicas = Annotated[SizeOptions, Only("--replicas")]
ReadyWithin = Annotated[MakingOptions, Only("--ready-within")]
Removal = Annotated[RemovalOptions, Only("--volumes", "--format")]
