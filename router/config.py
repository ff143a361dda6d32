"""What the router is told besides the build: which daemons, how they are ranked and reached.

The only module that looks at the process's surroundings, and only when a function is called: the
environment, the user's home, the machine's platform, which configuration files there are, which files a TLS
directory has. Everything else is handed in.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from types import MappingProxyType

from router.errors import UsageError, os_reason
from router.flags.platform import normalize
from router.model.address import NamedAddress
from router.model.frozen import frozen
from router.model.identity import Identity
from router.model.routing import BackendName, Fallback, GrpcEngine, Placement, Spill, Via
from router.model.tls import TLSOptions

__all__ = [
    "RouterConfig",
    "environment",
    "home_directory",
    "kubeconfig_paths",
    "local_platform",
    "project_file",
    "tls_options",
    "user_file",
]

_PROJECT_FILE = "warmroute.toml"


@frozen
class RouterConfig:
    """Where to look for daemons, and how to choose and reach one.

    ``addresses`` are pairs of a name and an address or a name of DNS, as ``parse_addresses`` returns them.
    ``selector`` is a Kubernetes label selector; ``namespace``,
    ``kube_context`` and ``kubeconfig`` None mean what kubectl would use. ``key`` is the user's own balancing
    key, empty for the rules. ``via`` is the way to pods; ``pod_port`` and ``container`` say where buildkitd
    is in them, None what they declare. ``connect_timeout`` is seconds for the whole of connecting to one
    daemon, ``timeout`` for the whole build, None for no limit. A daemon with ``max_builds`` builds in flight
    gets no more while another has fewer; 0 is no bound. ``spill`` says where a build goes whose home is full,
    or has never built it. ``queue`` is how many seconds to wait in line where
    all have as many. ``retries`` is how often a build is retried whose daemon was lost. ``identity`` says
    what of a pod placement hashes. ``wait`` is how many seconds to wait for a daemon that can take the build,
    where none can. ``grpc_engine`` is what speaks gRPC with daemons.
    """

    addresses: tuple[NamedAddress, ...] = ()
    selector: str = ""
    namespace: str | None = None
    kube_context: str | None = None
    kubeconfig: str | None = None
    placement: Placement = "ring"
    backend: BackendName = "native"
    fallback: Fallback = "none"
    key: str = ""
    via: Via = "auto"
    pod_port: int | None = None
    container: str | None = None
    tls: TLSOptions | None = None
    connect_timeout: float = 10.0
    max_builds: int = 8
    spill: Spill = "warm"
    queue: float = 0.0
    retries: int = 2
    timeout: float | None = None
    identity: Identity = Identity()
    wait: float = 0.0
    grpc_engine: GrpcEngine = "builtin"


def environment() -> Mapping[str, str]:
    """Return the process's environment as it is now; it doesn't change afterwards, and can't be changed."""
    return MappingProxyType(dict(os.environ))


def home_directory(environment: Mapping[str, str]) -> str:
    """Return the user's home as an absolute path, empty where there is none.

    Without a ``HOME`` it is what the machine's list of users says, as for docker and Go. A relative one is
    no home: what is in the working directory may have come with a checkout.
    """
    given = environment.get("HOME", "")
    if given.startswith("/"):
        return given
    listed = _listed_home()
    return listed if listed.startswith("/") else ""


def kubeconfig_paths(named: str | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kubeconfig files to read, as kubectl looks for them; ``named`` is --kubeconfig.

    The first counts most. Empty for a user without a home.
    """
    if named is not None:
        return (named,)
    listed = tuple(path for path in environment.get("KUBECONFIG", "").split(os.pathsep) if path)
    home = home_directory(environment)
    return listed or ((os.path.join(home, ".kube", "config"),) if home else ())


def _listed_home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""  # a container's user that is only a number


def user_file(environment: Mapping[str, str]) -> str:
    """Return where the user's configuration file is or would be, empty for a user without a home."""
    base = environment.get("XDG_CONFIG_HOME", "")
    if not base.startswith("/"):  # a relative one is to be ignored, says the XDG base directory specification
        home = home_directory(environment)
        base = os.path.join(home, ".config") if home else ""
    return os.path.join(base, "warmroute", "config.toml") if base else ""


def project_file(directory: str) -> str:
    """Return the ``warmroute.toml`` of the project that a directory is in, empty where there is none.

    It is the nearest above the directory, up to the root of its repository. Outside of a repository only the
    directory itself is looked at: what lies above, in /tmp, say, can be anybody's.
    """
    found, here = "", directory
    while True:
        path = os.path.join(here, _PROJECT_FILE)
        found = found or (path if os.path.isfile(path) else "")
        above = os.path.dirname(here)
        if os.path.lexists(os.path.join(here, ".git")):
            return found
        if above == here:
            return found if os.path.dirname(found) == directory else ""
        here = above


def local_platform() -> str:
    """Return the platform of the images that this machine runs: Linux, on its own processor."""
    return normalize(f"linux/{os.uname().machine}")


def tls_options(options: TLSOptions, directory: str | None = None) -> TLSOptions | None:
    """Combine ``--tls-ca``, ``--tls-cert``, ``--tls-key`` and ``--tls-server-name`` with ``--tls-dir``.

    A ``directory`` holds the three files under buildctl's names, or those of a Kubernetes TLS secret. None
    where nothing was given. Raises ``UsageError`` where files are given both ways, a directory lacks one, or
    one of certificate and key is missing. The files aren't read.
    """
    given = {"--tls-ca": options.ca, "--tls-cert": options.cert, "--tls-key": options.key}
    files = ", ".join(name for name, path in given.items() if path)
    if directory:
        if files:
            raise UsageError(
                f"--tls-dir and {files} name the same files", hint="leave out --tls-dir, or the others"
            )
        return TLSOptions(
            ca=_one_of(directory, "ca.pem", "ca.crt"),
            cert=_one_of(directory, "cert.pem", "tls.crt"),
            key=_one_of(directory, "key.pem", "tls.key"),
            server_name=options.server_name,
        )
    if bool(options.cert) != bool(options.key):
        here, there = ("--tls-cert", "--tls-key") if options.cert else ("--tls-key", "--tls-cert")
        raise UsageError(f"{here} is given without {there}", hint=f"give {there} as well")
    return options if files or options.server_name else None


def _one_of(directory: str, *names: str) -> str:
    for path in (os.path.join(directory, name) for name in names):
        try:
            os.stat(path)
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise UsageError(
                f"can't read --tls-dir {directory}: {os_reason(exc)}",
                hint=f"namei -l {path} shows the rights on the way",
            ) from exc
        return path
    raise UsageError(
        f"--tls-dir {directory} has no {' or '.join(names)}",
        hint="it must hold ca.pem, cert.pem and key.pem (or ca.crt, tls.crt and tls.key)",
    )
