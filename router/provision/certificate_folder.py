"""The directory on this machine that has a fleet's certificates, and the Secret that its daemons read."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

from router.errors import UsageError, os_reason
from router.model.frozen import field, frozen
from router.named_file import read_named
from router.provision.certificates import CA_FILE, CA_KEY_FILE, FleetNames, certificate_files
from router.provision.contract import Objects
from router.provision.kinds import KINDS
from router.provision.manifests import Object
from router.provision.spec import FLEET_LABEL, FleetSpec

__all__ = ["Certificates", "make_certificates"]

_PARTS = ("ca.pem", "cert.pem", "key.pem")
_NAMES = (CA_FILE, CA_KEY_FILE, *(f"{folder}/{name}" for folder in ("daemons", "client") for name in _PARTS))


@frozen
class Certificates:
    """The directory ``client`` for --tls-dir, the ``server_name`` for --tls-server-name, the daemons' Secret.

    ``digest`` changes with the daemons' certificate.
    """

    client: str
    server_name: str
    digest: str
    secret: Object = field(repr=False)


def make_certificates(kube: Objects, spec: FleetSpec, directory: str) -> Certificates:
    """Make the certificates that a directory lacks, and return what is there then.

    Raises ``UsageError`` where the directory can't be used, and where the fleet has certificates already
    whose CA is not there: with a new one, those who build would be turned away.
    """
    there = _read(directory)
    names = FleetNames(fleet=spec.name, namespace=spec.namespace)
    if CA_FILE not in there and kube.get(KINDS["Secret"], f"{spec.name}-tls") is not None:
        raise UsageError(
            f"the fleet {spec.name} has certificates already, and {directory} does not have their CA",
            hint="name the directory that has it with --certificates; for a new CA delete the Secret"
            f" {spec.name}-tls first",
        )
    made = certificate_files(there, names)
    _write(directory, made)
    files = {**there, **made}
    data = {name: files[f"daemons/{name}"] for name in _PARTS}
    return Certificates(
        client=os.path.join(directory, "client"),
        server_name=names.first,
        digest=hashlib.sha256(data["cert.pem"]).hexdigest()[:16],
        secret=_secret(spec, data),
    )


def _secret(spec: FleetSpec, data: Mapping[str, bytes]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{spec.name}-tls",
            "namespace": spec.namespace,
            "labels": {FLEET_LABEL: spec.name},
        },
        "type": "Opaque",
        "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
    }


def _read(directory: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in _NAMES:
        try:
            found[name] = read_named(os.path.join(directory, name))
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise _unusable(directory, name, exc) from exc
    return found


def _write(directory: str, files: Mapping[str, bytes]) -> None:
    """Write each file aside and rename it; only their owner can read them."""
    for name, content in files.items():
        path = os.path.join(directory, name)
        aside = f"{path}.new"
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(aside, path)
        except OSError as exc:
            raise _unusable(directory, name, exc) from exc


def _unusable(directory: str, name: str, exc: OSError) -> UsageError:
    return UsageError(
        f"can't use {os.path.join(directory, name)}: {os_reason(exc)}",
        hint="--certificates names the directory for the fleet's certificates",
    )
