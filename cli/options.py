"""Every option that more than one command has, once; and the options of `build`, by panel.

Names and meanings are buildx's where buildx has the option. Each can come from WARMROUTE_<NAME>.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cli.command_line import Argument, Option

__all__ = [
    "Addresses",
    "BackendChoice",
    "BuildArgs",
    "ConnectTimeout",
    "Container",
    "ContextArgument",
    "ContextOption",
    "DryRun",
    "FallbackChoice",
    "File",
    "Format",
    "IdentityOption",
    "IidFile",
    "KeyOption",
    "KubeContext",
    "Kubeconfig",
    "Labels",
    "Load",
    "MaxBuilds",
    "MetadataFile",
    "Namespace",
    "NoCache",
    "Outputs",
    "PlacementChoice",
    "Platforms",
    "PodPort",
    "Progress",
    "Pull",
    "Push",
    "Queue",
    "Quiet",
    "Retries",
    "Secrets",
    "Selector",
    "TLSCa",
    "TLSCert",
    "TLSDir",
    "TLSKey",
    "TLSServerName",
    "Tags",
    "Target",
    "Timeout",
    "Verbose",
    "ViaChoice",
    "Wait",
]

_IMAGE = "Image"
_RESULT = "Result"
_ROUTING = "Routing"
_TLS = "TLS"
_DISPLAY = "Display"

ContextArgument = Annotated[
    str | None,
    Argument(
        metavar="CONTEXT",
        help="A directory, a git or http URL, or - for an archive or a Dockerfile on stdin. "
        "[dim]default: the working directory.[/]",
    ),
]
ContextOption = Annotated[
    str | None,
    Option(
        names=("--context",),
        metavar="PATH",
        help="The build context. [dim]default: the working directory.[/]",
        panel=_IMAGE,
    ),
]
Tags = Annotated[
    list[str] | None,
    Option(
        names=("--tag", "-t"),
        metavar="NAME[:TAG]",
        help="A name for the image; repeatable.",
        panel=_IMAGE,
        refuses_empty=True,
    ),
]
File = Annotated[
    str | None,
    Option(
        names=("--file", "-f"),
        metavar="PATH",
        help="The Dockerfile; - is stdin, a URL is downloaded. [dim]default: CONTEXT/Dockerfile.[/]",
        panel=_IMAGE,
    ),
]
BuildArgs = Annotated[
    list[str] | None,
    Option(
        names=("--build-arg",),
        metavar="NAME[=VALUE]",
        help="A build-time variable; NAME alone takes its value from the environment.",
        panel=_IMAGE,
        refuses_empty=True,
    ),
]
Secrets = Annotated[
    list[str] | None,
    Option(
        names=("--secret",),
        metavar="id=ID[,src=PATH|,env=NAME]",
        help="A secret that steps can mount.",
        panel=_IMAGE,
    ),
]
Labels = Annotated[
    list[str] | None,
    Option(
        names=("--label",),
        metavar="NAME=VALUE",
        help="A label for the image.",
        panel=_IMAGE,
        refuses_empty=True,
    ),
]
Target = Annotated[
    str, Option(names=("--target",), metavar="STAGE", help="The stage to build.", panel=_IMAGE)
]
Platforms = Annotated[
    list[str] | None,
    Option(
        names=("--platform",),
        metavar="OS/ARCH",
        help="Platforms to build for; repeatable, comma lists too.",
        panel=_IMAGE,
        refuses_empty=True,
    ),
]
NoCache = Annotated[bool, Option(names=("--no-cache",), help="Build every step anew.", panel=_IMAGE)]
Pull = Annotated[bool, Option(names=("--pull",), help="Look for newer base images.", panel=_IMAGE)]
Push = Annotated[
    bool | None,
    Option(names=("--push",), off="--no-push", help="Push the image to its registry.", panel=_RESULT),
]
Load = Annotated[
    bool | None,
    Option(names=("--load",), off="--no-load", help="Load the image into the Docker engine.", panel=_RESULT),
]
Outputs = Annotated[
    list[str] | None,
    Option(
        names=("--output", "-o"),
        metavar="type=TYPE[,...]",
        help="Where the result goes: image, registry, local, tar, oci, docker, cacheonly."
        " A path alone is a local directory, - a tar on stdout.",
        panel=_RESULT,
    ),
]
MetadataFile = Annotated[
    str | None,
    Option(
        names=("--metadata-file",),
        metavar="PATH",
        help="Write there what came of the build, as JSON.",
        panel=_RESULT,
    ),
]
IidFile = Annotated[
    str | None,
    Option(
        names=("--iidfile",),
        metavar="PATH",
        help="Write the image's id there, and nothing else.",
        panel=_RESULT,
    ),
]
Selector = Annotated[
    str | None,
    Option(
        names=("--selector", "-l"),
        aliases=("--kube-pod-selector",),
        metavar="LABELS",
        help="Pods that run buildkitd, by label.",
        panel=_ROUTING,
    ),
]
Namespace = Annotated[
    str | None,
    Option(
        names=("--namespace", "-n"),
        metavar="NAME",
        help="Their namespace. [dim]default: the context's.[/]",
        panel=_ROUTING,
    ),
]
KubeContext = Annotated[
    str | None,
    Option(names=("--kube-context",), metavar="NAME", help="The context of the kubeconfig.", panel=_ROUTING),
]
Kubeconfig = Annotated[
    str | None,
    Option(
        names=("--kubeconfig",),
        metavar="PATH",
        help="The kubeconfig. [dim]default: $KUBECONFIG, ~/.kube/config, in-cluster.[/]",
        panel=_ROUTING,
    ),
]
Addresses = Annotated[
    list[str] | None,
    Option(
        names=("--addr",),
        metavar="[NAME=]URL",
        help="A daemon: tcp://, unix://, kube-pod://, ssh://, docker-container:// and more, or a fleet:"
        " dns://; repeatable, comma lists too.",
        panel=_ROUTING,
    ),
]
ViaChoice = Annotated[
    Literal["auto", "pod-ip", "port-forward", "exec"],
    Option(names=("--via",), help="The way to pods.", panel=_ROUTING),
]
PodPort = Annotated[
    float | None,
    Option(
        names=("--pod-port",),
        metavar="PORT",
        help="Where buildkitd listens in pods. [dim]default: what they declare, else 1234.[/]",
        panel=_ROUTING,
    ),
]
Container = Annotated[
    str | None,
    Option(
        names=("--container",),
        metavar="NAME",
        help="The pods' container that runs buildkitd.",
        panel=_ROUTING,
    ),
]
KeyOption = Annotated[
    str | None,
    Option(
        names=("--key",),
        aliases=("--kube-pod-balancing-hash-key",),
        metavar="KEY",
        help="The balancing key: the same key goes to the same daemon."
        " [dim]default: by the image's name, else the git remote, else the path.[/]",
        panel=_ROUTING,
    ),
]
PlacementChoice = Annotated[
    Literal["ring", "rendezvous", "buildx"],
    Option(names=("--placement",), help="How keys are spread over daemons.", panel=_ROUTING),
]
IdentityOption = Annotated[
    str,
    Option(
        names=("--identity",),
        metavar="WHAT",
        help="What of a pod decides about its keys: name, node, label:KEY or annotation:KEY."
        " [dim]default: name.[/]",
        panel=_ROUTING,
    ),
]
BackendChoice = Annotated[
    Literal["native", "buildctl", "docker"],
    Option(names=("--backend",), aliases=("--cli",), help="What carries the build out.", panel=_ROUTING),
]
FallbackChoice = Annotated[
    Literal["none", "docker", "daemonless"],
    Option(
        names=("--fallback",),
        help="Where to build when the fleet can't: in the local Docker engine, or on a buildkitd of PATH that"
        " is started for this build.",
        panel=_ROUTING,
    ),
]
MaxBuilds = Annotated[
    float,
    Option(
        names=("--max-builds",),
        metavar="N",
        minimum=0,
        help="A daemon with N builds in flight gets no more while another has fewer; 0 is no bound. A pod's"
        " annotation warmroute.dev/max-builds wins.",
        panel=_ROUTING,
    ),
]
Queue = Annotated[
    str | None,
    Option(
        names=("--queue",),
        metavar="DURATION",
        help="Where every daemon has its bound of builds, wait so long in line."
        " [dim]default: take the least loaded.[/]",
        panel=_ROUTING,
    ),
]
Retries = Annotated[
    float,
    Option(
        names=("--retries",),
        metavar="N",
        minimum=0,
        help="How often a build is begun anew that its daemon has lost.",
        panel=_ROUTING,
    ),
]
Timeout = Annotated[
    str | None,
    Option(
        names=("--timeout",),
        metavar="DURATION",
        help="How long the whole build may take. [dim]default: no limit.[/]",
        panel=_ROUTING,
    ),
]
ConnectTimeout = Annotated[
    float,
    Option(
        names=("--connect-timeout",),
        metavar="SECONDS",
        minimum=0.1,
        help="How long a daemon may take to answer.",
        panel=_ROUTING,
    ),
]
Wait = Annotated[
    str | None,
    Option(
        names=("--wait",),
        metavar="DURATION",
        help="Where no daemon can take the build, wait so long for one (scale from zero, rollouts)."
        " [dim]default: don't wait.[/]",
        panel=_ROUTING,
    ),
]
DryRun = Annotated[
    bool, Option(names=("--dry-run",), help="Print where and what would be built, and stop.", panel=_ROUTING)
]
TLSCa = Annotated[
    str | None,
    Option(
        names=("--tls-ca",), metavar="PATH", help="The CA that signed the daemons' certificates.", panel=_TLS
    ),
]
TLSCert = Annotated[
    str | None,
    Option(names=("--tls-cert",), metavar="PATH", help="The certificate that we show.", panel=_TLS),
]
TLSKey = Annotated[
    str | None, Option(names=("--tls-key",), metavar="PATH", help="The key of our certificate.", panel=_TLS)
]
TLSServerName = Annotated[
    str | None,
    Option(
        names=("--tls-server-name",),
        metavar="NAME",
        help="The name in the daemons' certificates.",
        panel=_TLS,
    ),
]
TLSDir = Annotated[
    str | None,
    Option(
        names=("--tls-dir",), metavar="DIR", help="A directory with ca.pem, cert.pem and key.pem.", panel=_TLS
    ),
]
Progress = Annotated[
    Literal["auto", "tty", "plain", "rawjson", "quiet", "none"],
    Option(names=("--progress",), help="How progress is shown, on stderr.", panel=_DISPLAY),
]
Quiet = Annotated[bool, Option(names=("--quiet", "-q"), help="Print the image's id alone.", panel=_DISPLAY)]
Verbose = Annotated[
    int,
    Option(
        names=("--verbose", "-v"),
        help="Say which key and which daemon were chosen, and why; expand warnings.",
        panel=_DISPLAY,
    ),
]
Format = Annotated[
    Literal["table", "json"], Option(names=("--format",), help="For people or for programs.", panel=_DISPLAY)
]
