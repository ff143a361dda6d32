"""Whether a build whose daemon was lost during the push had pushed its image by then.

The daemon announces the digest before it pushes the manifest, which is the last thing that is pushed. If the
registry has exactly that under the name, nothing is left to do: a digest names one content, whoever pushed
it. What was not announced, or has other results beside the push, is built again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from router.errors import CancelledError, RouterError
from router.model.address import TcpAddress, UnixAddress
from router.model.build_options import RegistryTLS
from router.model.daemon import Daemon
from router.model.events import SolveStatus
from router.model.frozen import replace
from router.model.request import Output
from router.model.result import BuildResult
from router.net.deadline import Deadline
from router.notation.boolean import parse_bool
from router.notation.loopback import is_loopback
from router.notation.tag import format_reference, parse_reference
from router.registry.client import RegistryClient
from router.solve.prepared import PreparedBuild
from router.untrusted_json import NotJSONError, read_json, text

__all__ = ["Pushes", "pushes_of"]

_ANNOUNCED = r"pushing manifest for (\S+)@(sha256:[0-9a-f]{64})"
# For all names together.
_TIMEOUT = 10.0


def pushes_of(build: PreparedBuild) -> Pushes | None:
    """Return what is to be watched for, None where a push is not all that comes of the build."""
    request, outputs = build.request, build.outputs
    if not outputs or request.call != "build" or request.cache_to or not all(map(_is_a_push, outputs)):
        return None
    insecure = {
        _whole(name): bool(parse_bool(output.attrs.get("registry.insecure", "")))
        for output in outputs
        for name in output.attrs["name"].split(",")
    }
    return Pushes(insecure)


class Pushes:
    """Remembers the digests that a daemon announces. ``wanted`` says of each name whether it is insecure."""

    def __init__(self, wanted: Mapping[str, bool]) -> None:
        self._wanted = wanted
        self._digests: dict[str, str] = {}

    def see(self, status: SolveStatus) -> None:
        """Take note of one message."""
        for transfer in status.statuses:
            found = re.fullmatch(_ANNOUNCED, transfer.id)
            if found and found[1] in self._wanted:
                self._digests[found[1]] = found[2]

    def forget(self) -> None:
        """Begin anew, with another attempt."""
        self._digests.clear()

    def result(self, daemon: Daemon, environment: Mapping[str, str]) -> BuildResult | None:
        """Return the result if every name has in its registry what was announced, else None.

        Registries that can't be asked from here have nothing, as far as is known. Raises ``CancelledError``.
        """
        if self._digests.keys() != self._wanted.keys() or len(set(self._digests.values())) != 1:
            return None
        deadline = Deadline(_TIMEOUT)
        manifest = b""
        for name, digest in self._digests.items():
            found = self._manifest(name, daemon, environment, deadline)
            if found is None or f"sha256:{sha256(found).hexdigest()}" != digest:
                return None
            manifest = found
        metadata = {
            "containerimage.digest": next(iter(self._digests.values())),
            "image.name": ",".join(self._wanted),
            **_config_digest(manifest),
        }
        # Which build it was the daemon alone could tell.
        return BuildResult(daemon=daemon.name, address=daemon.address, ref="", metadata=metadata)

    def _manifest(
        self, name: str, daemon: Daemon, environment: Mapping[str, str], deadline: Deadline
    ) -> bytes | None:
        reference = parse_reference(name)
        if is_loopback(reference.domain) and not _is_here(daemon):
            return None  # the daemon means a registry on its own machine
        trusted = (RegistryTLS(host=reference.domain, insecure=True),) if self._wanted[name] else ()
        try:
            with RegistryClient(environment, trusted, deadline=deadline) as client:
                return client.pull(replace(reference, digest="")).content
        except CancelledError:
            raise  # that says nothing of the registry
        except (RouterError, TimeoutError):
            return None


def _is_a_push(output: Output) -> bool:
    attrs = output.attrs
    if parse_bool(attrs.get("push-by-digest", "")):
        return False  # then no digest is announced
    return bool(output.type == "image" and parse_bool(attrs.get("push", "")) and attrs.get("name"))


def _whole(name: str) -> str:
    reference = parse_reference(name)
    return format_reference(reference) if reference.tag else f"{reference.repository}:latest"


def _is_here(daemon: Daemon) -> bool:
    if isinstance(daemon.address, TcpAddress):
        return is_loopback(daemon.address.host)
    return isinstance(daemon.address, UnixAddress)


def _config_digest(manifest: bytes) -> Mapping[str, str]:
    """Return the config's digest, as the daemon tells it; an index has none."""
    try:
        digest = text(read_json(manifest), "config", "digest")
    except NotJSONError:
        return {}
    return {"containerimage.config.digest": digest} if digest else {}
