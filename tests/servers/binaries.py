"""Every program the tests run for real, by name: each function builds or installs it and returns its path.

Tests use these pinned builds. A demo that would rather take what the user already has asks `find_buildkitd`
and its like, which look at PATH first.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from tests.servers import debian
from tests.servers.cache import built
from tests.servers.debian import DebianFiles
from tests.servers.golang import GoProgram, GoSource
from tests.servers.gomatch import GoMatch
from tests.servers.kubernetes_recipe import KubernetesProgram, version_flags

BUILDKIT = GoProgram(
    name="buildkit",
    version="v0.32.1",
    packages=("github.com/moby/buildkit/cmd/buildctl", "github.com/moby/buildkit/cmd/buildkitd"),
    tags=("osusergo", "netgo", "static_build", "seccomp"),
    ldflags=("-s", "-w", "-X github.com/moby/buildkit/version.Version=v0.32.1"),
)
# What a `# syntax=` line names: the Dockerfile frontend as a program of its own, to be put into an image.
DOCKERFILE_FRONTEND = GoProgram(
    name="dockerfile-frontend",
    version=BUILDKIT.version,
    packages=("github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend",),
    tags=("osusergo", "netgo", "static_build"),
)
# BuildKit's example of consistent hashing, which benchmarks compare with; no test needs it.
CONSISTENTHASH = GoProgram(
    name="consistenthash",
    version=BUILDKIT.version,
    packages=("github.com/moby/buildkit/examples/kubernetes/consistenthash",),
)
# Static, so that the same file runs inside an image that has no C library.
RUNC = GoProgram(
    name="runc",
    version="v1.3.3",
    packages=("github.com/opencontainers/runc",),
    tags=("seccomp", "netgo", "osusergo"),
    ldflags=("-s", "-w", "-extldflags=-static"),
    cgo=True,
    debian=("gcc", "libc6-dev", "libseccomp-dev", "pkg-config"),
)
BUILDX = GoProgram(
    name="buildx",
    version="v0.35.0",
    packages=("github.com/docker/buildx/cmd/buildx",),
    ldflags=("-s", "-w", "-X github.com/docker/buildx/version.Version=v0.35.0"),
    renames={"buildx": "docker-buildx"},  # the name under which the docker CLI finds its plugin
)
# No server. Of this version most modules are those of our buildx, which are compiled anyway.
COMPOSE = GoProgram(
    name="compose",
    version="v5.2.0",
    packages=("github.com/docker/compose/v5/cmd",),
    ldflags=("-s", "-w", "-X github.com/docker/compose/v5/internal.Version=v5.2.0"),
    renames={"cmd": "docker-compose"},
)
# No server: a client that breaks HTTP/2 in every way of the RFC, and says what came of it.
H2SPEC = GoSource(
    name="h2spec",
    version="v2.2.1",
    source=Path(__file__).parent / "h2spec" / "main.go",
    modules=("github.com/summerwind/h2spec@v2.2.1+incompatible",),
)
ROOTLESSKIT = GoProgram(
    name="rootlesskit",
    version="v2.3.6",
    packages=("github.com/rootless-containers/rootlesskit/v2/cmd/rootlesskit",),
)
ETCD = GoProgram(
    name="etcd",
    version="v3.6.5",
    packages=("go.etcd.io/etcd/server/v3",),
    renames={"server": "etcd"},
)
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
CONTAINERD = GoProgram(
    name="containerd",
    version="v2.2.0",
    packages=(f"{_CONTAINERD}/containerd", f"{_CONTAINERD}/containerd-shim-runc-v2", f"{_CONTAINERD}/ctr"),
    tags=("osusergo", "netgo", "static_build", "no_btrfs"),
)
# An OpenTelemetry Collector of the parts that the tests need.
_CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"
_OTEL = "go.opentelemetry.io/collector"
COLLECTOR = GoSource(
    name="collector",
    version="v0.165.0",
    source=Path(__file__).parent / "collector" / "main.go",
    modules=(
        f"{_CONTRIB}/exporter/fileexporter@v0.165.1",
        f"{_CONTRIB}/exporter/prometheusexporter@v0.165.1",
        f"{_CONTRIB}/processor/deltatocumulativeprocessor@v0.165.1",
        f"{_OTEL}/otelcol@v0.165.0",
        f"{_OTEL}/receiver/otlpreceiver@v0.165.0",
        f"{_OTEL}/service@v0.165.0",
        f"{_OTEL}/confmap/provider/fileprovider@v1.71.0",
    ),
)
# No server: Prometheus's own readers of rules, and its engine for queries.
PROMCHECK = GoSource(
    name="promcheck",
    version="v0.315.1",
    source=Path(__file__).parent / "promcheck" / "main.go",
    modules=("github.com/prometheus/prometheus@v0.315.1",),
)
_KUBERNETES = "k8s.io/kubernetes/cmd"
KUBERNETES = KubernetesProgram(
    name="kubernetes",
    version="v1.36.3",
    packages=(
        f"{_KUBERNETES}/kube-apiserver",
        f"{_KUBERNETES}/kube-controller-manager",
        f"{_KUBERNETES}/kube-scheduler",
        f"{_KUBERNETES}/kubelet",
        f"{_KUBERNETES}/kubectl",
    ),
    ldflags=("-s", "-w", *version_flags("v1.36.3")),
)


@functools.cache
def buildkitd() -> Path:
    """Return the pinned buildkitd."""
    return built(BUILDKIT) / "buildkitd"


@functools.cache
def buildctl() -> Path:
    """Return the pinned buildctl."""
    return built(BUILDKIT) / "buildctl"


@functools.cache
def dockerfile_frontend() -> Path:
    """Return the Dockerfile frontend of the pinned BuildKit, statically linked."""
    return built(DOCKERFILE_FRONTEND) / "dockerfile-frontend"


@functools.cache
def consistenthash() -> Path:
    """Return BuildKit's example of a program that chooses a daemon by consistent hashing."""
    return built(CONSISTENTHASH) / "consistenthash"


@functools.cache
def runc() -> Path:
    """Return the pinned runc, statically linked."""
    return built(RUNC) / "runc"


@functools.cache
def buildx() -> Path:
    """Return the pinned docker-buildx: a plain command, and a CLI plugin by its name."""
    return built(BUILDX) / "docker-buildx"


@functools.cache
def compose() -> Path:
    """Return the pinned docker-compose: a plain command, and a CLI plugin by its name."""
    return built(COMPOSE) / "docker-compose"


@functools.cache
def gomatch() -> Path:
    """Return our program around Go's matchers of file patterns."""
    return built(GoMatch()) / "gomatch"


@functools.cache
def collector() -> Path:
    """Return an OpenTelemetry Collector of few parts."""
    return built(COLLECTOR) / "collector"


@functools.cache
def promcheck() -> Path:
    """Return our program around Prometheus's readers of rules and queries."""
    return built(PROMCHECK) / "promcheck"


@functools.cache
def h2spec() -> Path:
    """Return our program around the pinned h2spec."""
    return built(H2SPEC) / "h2spec"


@functools.cache
def rootlesskit() -> Path:
    """Return the pinned rootlesskit."""
    return built(ROOTLESSKIT) / "rootlesskit"


@functools.cache
def etcd() -> Path:
    """Return the pinned etcd."""
    return built(ETCD) / "etcd"


@functools.cache
def containerd() -> Path:
    """Return the cluster's containerd; its shim and ctr stand beside it."""
    return built(CONTAINERD) / "containerd"


@functools.cache
def ctr() -> Path:
    """Return containerd's own client."""
    return built(CONTAINERD) / "ctr"


@functools.cache
def kubernetes(program: str) -> Path:
    """Return one of Kubernetes' programs, by its name."""
    return built(KUBERNETES) / program


@functools.cache
def kubectl() -> Path:
    """Return the kubectl of the cluster's own version."""
    return kubernetes("kubectl")


@functools.cache
def busybox() -> Path:
    """Return Debian's static busybox."""
    return built(DebianFiles(name="busybox-static")) / "bin" / "busybox"


@functools.cache
def docker_registry() -> Path:
    """Return Debian's docker-registry (2.8)."""
    return built(DebianFiles(name="docker-registry")) / "usr" / "bin" / "docker-registry"


@functools.cache
def cni_plugins() -> Path:
    """Return the folder of Debian's CNI plugins."""
    return built(DebianFiles(name="containernetworking-plugins")) / "usr" / "lib" / "cni"


@functools.cache
def dockerd() -> Path:
    """Return Debian's dockerd (20.10), installing the package docker.io; it brings containerd and runc."""
    debian.ensure("docker.io")
    return Path("/usr/sbin/dockerd")


@functools.cache
def docker() -> Path:
    """Return the docker CLI of the same package (20.10, no buildx; BuildKit by DOCKER_BUILDKIT=1)."""
    debian.ensure("docker.io")
    return Path("/usr/bin/docker")


@functools.cache
def sshd() -> Path:
    """Return OpenSSH's server, installing it with its client."""
    debian.ensure("openssh-server", "openssh-client")
    return Path("/usr/sbin/sshd")


@functools.cache
def dnsmasq() -> Path:
    """Return Debian's dnsmasq, without the service around it."""
    debian.ensure("dnsmasq-base")
    return Path("/usr/sbin/dnsmasq")


@functools.cache
def podman() -> Path:
    """Return Debian's podman (4.3)."""
    debian.ensure("podman")
    return Path("/usr/bin/podman")


@functools.cache
def mksquashfs() -> Path:
    """Return the program that packs a directory into an image, installing it."""
    debian.ensure("squashfs-tools")
    return Path("/usr/bin/mksquashfs")


@functools.cache
def mkfs_ext4() -> Path:
    """Return the program that makes an ext4 image, installing it where a container's Debian lacks it."""
    debian.ensure("e2fsprogs")
    return Path("/usr/sbin/mkfs.ext4")


@functools.cache
def chromium() -> Path:
    """Return Debian's Chromium, installing it."""
    debian.ensure("chromium")
    return Path("/usr/bin/chromium")


@functools.cache
def newuidmap() -> tuple[Path, Path]:
    """Return newuidmap and newgidmap, which a rootless buildkitd maps its users with."""
    debian.ensure("uidmap")
    return Path("/usr/bin/newuidmap"), Path("/usr/bin/newgidmap")


def find_docker() -> Path:
    """Return the docker CLI from PATH, else Debian's."""
    return _on_path("docker") or docker()


def find_buildkitd() -> Path:
    """Return buildkitd from PATH, else the pinned one."""
    return _on_path("buildkitd") or buildkitd()


def find_buildctl() -> Path:
    """Return buildctl from PATH, else the pinned one."""
    return _on_path("buildctl") or buildctl()


def find_runc() -> Path:
    """Return runc from PATH, else the pinned one."""
    return _on_path("runc") or runc()


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
