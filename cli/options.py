"""Every option that more than one command has, once; and the options of `build`, by panel.

Names and meanings are buildx's where buildx has the option. Each can come from WARMROUTE_<NAME>.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

__all__ = [
    "Addresses",
    "BackendChoice",
    "BuildArgs",
    "ConnectTimeout",
    "ContextArgument",
    "DryRun",
    "FallbackChoice",
    "File",
    "Format",
    "IidFile",
    "KeyOption",
    "KubeContext",
    "Kubeconfig",
    "Labels",
    "Load",
    "MetadataFile",
    "Namespace",
    "NoCache",
    "Outputs",
    "PlacementChoice",
    "Platforms",
    "Progress",
    "Pull",
    "Push",
    "Quiet",
    "Secrets",
    "Selector",
    "TLSCa",
    "TLSCert",
    "TLSDir",
    "TLSKey",
    "TLSServerName",
    "Tags",
    "Target",
    "Verbose",
]

_IMAGE = "Image"
_RESULT = "Result"
_ROUTING = "Routing"
_TLS = "TLS"
_DISPLAY = "Display"

ContextArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="CONTEXT",
        help="A directory, or a git or http URL. [dim]default: the working directory[/]",
    ),
]

Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        "-t",
        metavar="NAME[:TAG]",
        envvar="WARMROUTE_TAG",
        help="Name of the image; repeatable.",
        rich_help_panel=_IMAGE,
    ),
]
File = Annotated[
    str | None,
    typer.Option(
        "--file",
        "-f",
        metavar="PATH",
        envvar="WARMROUTE_FILE",
        help="The Dockerfile; - is stdin. [dim]default: CONTEXT/Dockerfile[/]",
        rich_help_panel=_IMAGE,
    ),
]
BuildArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--build-arg",
        metavar="NAME[=VALUE]",
        envvar="WARMROUTE_BUILD_ARG",
        help="A build-time variable; NAME alone takes its value from the environment.",
        rich_help_panel=_IMAGE,
    ),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="id=ID[,src=PATH|,env=NAME]",
        envvar="WARMROUTE_SECRET",
        help="A secret that steps can mount.",
        rich_help_panel=_IMAGE,
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="NAME=VALUE",
        envvar="WARMROUTE_LABEL",
        help="A label of the image.",
        rich_help_panel=_IMAGE,
    ),
]
Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="STAGE",
        envvar="WARMROUTE_TARGET",
        help="The stage to build.",
        show_default=False,
        rich_help_panel=_IMAGE,
    ),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        metavar="OS/ARCH",
        envvar="WARMROUTE_PLATFORM",
        help="Platforms to build for; repeatable, comma lists too.",
        rich_help_panel=_IMAGE,
    ),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache", envvar="WARMROUTE_NO_CACHE", help="Build every step anew.", rich_help_panel=_IMAGE
    ),
]
Pull = Annotated[
    bool,
    typer.Option(
        "--pull", envvar="WARMROUTE_PULL", help="Look for newer base images.", rich_help_panel=_IMAGE
    ),
]

Push = Annotated[
    bool | None,
    typer.Option(
        "--push/--no-push",
        envvar="WARMROUTE_PUSH",
        help="Push the image to its registry.",
        show_default=False,
        rich_help_panel=_RESULT,
    ),
]
Load = Annotated[
    bool | None,
    typer.Option(
        "--load/--no-load",
        envvar="WARMROUTE_LOAD",
        help="Load the image into the Docker engine.",
        show_default=False,
        rich_help_panel=_RESULT,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="type=TYPE[,KEY=VALUE]",
        envvar="WARMROUTE_OUTPUT",
        help="Where the result goes: image, registry, local, tar, oci, docker, cacheonly;"
        " a path alone is a local directory, - a tar on stdout.",
        rich_help_panel=_RESULT,
    ),
]
MetadataFile = Annotated[
    str | None,
    typer.Option(
        "--metadata-file",
        metavar="PATH",
        envvar="WARMROUTE_METADATA_FILE",
        help="Write what came of the build there, as JSON.",
        rich_help_panel=_RESULT,
    ),
]
IidFile = Annotated[
    str | None,
    typer.Option(
        "--iidfile",
        metavar="PATH",
        envvar="WARMROUTE_IIDFILE",
        help="Write the image's id there.",
        rich_help_panel=_RESULT,
    ),
]

Selector = Annotated[
    str | None,
    typer.Option(
        "--selector",
        "-l",
        "--kube-pod-selector",
        metavar="LABELS",
        envvar="WARMROUTE_SELECTOR",
        help="Pods that run buildkitd, by label.",
        rich_help_panel=_ROUTING,
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        envvar="WARMROUTE_NAMESPACE",
        help="Their namespace. [dim]default: the context's[/]",
        rich_help_panel=_ROUTING,
    ),
]
KubeContext = Annotated[
    str | None,
    typer.Option(
        "--kube-context",
        metavar="NAME",
        envvar="WARMROUTE_KUBE_CONTEXT",
        help="The context of the kubeconfig.",
        rich_help_panel=_ROUTING,
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        metavar="PATH",
        envvar="WARMROUTE_KUBECONFIG",
        help="The kubeconfig. [dim]default: $KUBECONFIG, ~/.kube/config, in-cluster[/]",
        rich_help_panel=_ROUTING,
    ),
]
Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "--addr",
        metavar="[NAME=]URL",
        envvar="WARMROUTE_ADDR",
        help="A daemon: tcp://, unix://, kube-pod://, docker://; repeatable, comma lists too.",
        rich_help_panel=_ROUTING,
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        "--kube-pod-balancing-hash-key",
        metavar="KEY",
        envvar="WARMROUTE_KEY",
        help="The balancing key: the same key goes to the same daemon."
        " [dim]default: by the image's name, else the git remote, else the path[/]",
        rich_help_panel=_ROUTING,
    ),
]
PlacementChoice = Annotated[
    Literal["ring", "rendezvous", "buildx"],
    typer.Option(
        "--placement",
        envvar="WARMROUTE_PLACEMENT",
        help="How keys are spread over daemons.",
        rich_help_panel=_ROUTING,
    ),
]
BackendChoice = Annotated[
    Literal["native", "buildctl", "docker"],
    typer.Option(
        "--backend",
        "--cli",
        envvar="WARMROUTE_BACKEND",
        help="What carries the build out.",
        rich_help_panel=_ROUTING,
    ),
]
FallbackChoice = Annotated[
    Literal["none", "docker"],
    typer.Option(
        "--fallback",
        envvar="WARMROUTE_FALLBACK",
        help="Where to build when no daemon can be reached.",
        rich_help_panel=_ROUTING,
    ),
]
ConnectTimeout = Annotated[
    float,
    typer.Option(
        "--connect-timeout",
        metavar="SECONDS",
        envvar="WARMROUTE_CONNECT_TIMEOUT",
        min=0.1,
        help="How long a daemon may take to answer.",
        rich_help_panel=_ROUTING,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print where and what would be built, and stop.", rich_help_panel=_ROUTING
    ),
]

TLSCa = Annotated[
    str | None,
    typer.Option(
        "--tls-ca",
        metavar="PATH",
        envvar="WARMROUTE_TLS_CA",
        help="The CA that signed the daemons' certificates.",
        rich_help_panel=_TLS,
    ),
]
TLSCert = Annotated[
    str | None,
    typer.Option(
        "--tls-cert",
        metavar="PATH",
        envvar="WARMROUTE_TLS_CERT",
        help="Our certificate.",
        rich_help_panel=_TLS,
    ),
]
TLSKey = Annotated[
    str | None,
    typer.Option(
        "--tls-key", metavar="PATH", envvar="WARMROUTE_TLS_KEY", help="Its key.", rich_help_panel=_TLS
    ),
]
TLSServerName = Annotated[
    str | None,
    typer.Option(
        "--tls-server-name",
        metavar="NAME",
        envvar="WARMROUTE_TLS_SERVER_NAME",
        help="The name in the daemons' certificates.",
        rich_help_panel=_TLS,
    ),
]
TLSDir = Annotated[
    str | None,
    typer.Option(
        "--tls-dir",
        metavar="DIR",
        envvar="WARMROUTE_TLS_DIR",
        help="A directory with ca.pem, cert.pem and key.pem.",
        rich_help_panel=_TLS,
    ),
]

Progress = Annotated[
    Literal["auto", "tty", "plain", "rawjson", "quiet"],
    typer.Option(
        "--progress",
        envvar="WARMROUTE_PROGRESS",
        help="How progress is shown, on stderr.",
        rich_help_panel=_DISPLAY,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        envvar="WARMROUTE_QUIET",
        help="Print the image's digest alone.",
        rich_help_panel=_DISPLAY,
    ),
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        envvar="WARMROUTE_VERBOSE",
        help="Say how the daemon was chosen; twice: every attempt.",
        show_default=False,
        rich_help_panel=_DISPLAY,
    ),
]
Format = Annotated[
    Literal["table", "json"],
    typer.Option(
        "--format", envvar="WARMROUTE_FORMAT", help="For people or for programs.", rich_help_panel=_DISPLAY
    ),
]
