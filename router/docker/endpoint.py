"""Where the Docker engine is, found as the docker command finds it.

A named context first, then ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the current context of config.json, and
the default socket. Reads docker's own files; connects to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256

from router.docker import config as docker_config
from router.errors import UsageError, os_reason
from router.model.frozen import frozen
from router.model.tls import TLSOptions
from router.named_file import read_named
from router.notation.go_names import go_fields
from router.notation.quoting import quoted
from router.readable import is_missing
from router.untrusted_json import NotJSONError, read_json

__all__ = ["DEFAULT_HOST", "DockerEndpoint", "endpoint_of_host", "find_endpoint"]

DEFAULT_HOST = "unix:///var/run/docker.sock"


@frozen
class DockerEndpoint:
    """``source`` says who named it: a variable, a context, or nobody (``the default socket``).

    ``tls`` is None for a plain connection; ``verify`` says whether the engine's certificate is checked.
    """

    host: str
    source: str
    context: str | None = None
    tls: TLSOptions | None = None
    verify: bool = True


def find_endpoint(
    environment: Mapping[str, str],
    context: str | None = None,
    *,
    config: docker_config.DockerConfig | None = None,
) -> DockerEndpoint:
    """Return the engine that ``context`` or else the environment names; ``config`` is what was read of the
    docker config, where it was.

    Raises UsageError where a named context does not exist or its files can't be read. A config.json that
    can't be read names none.
    """
    if context is not None:
        return _endpoint_of_context(environment, context, f"the docker context {context}")
    if host := environment.get("DOCKER_HOST"):
        return endpoint_of_host(host, environment, source="DOCKER_HOST")
    if name := environment.get("DOCKER_CONTEXT"):
        return _endpoint_of_context(environment, name, "DOCKER_CONTEXT")
    config = config or docker_config.load(environment)
    if config.current_context:
        source = f"currentContext in {config.path}"
        return _endpoint_of_context(environment, config.current_context, source)
    return endpoint_of_host(DEFAULT_HOST, environment, source="the default socket")


def endpoint_of_host(host: str, environment: Mapping[str, str], *, source: str) -> DockerEndpoint:
    """Return a docker host with the TLS that ``DOCKER_TLS_VERIFY``, ``DOCKER_TLS`` and
    ``DOCKER_CERT_PATH`` give it."""
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    if not (verify or environment.get("DOCKER_TLS")):
        return DockerEndpoint(host=host, source=source)
    directory = environment.get("DOCKER_CERT_PATH") or docker_config.config_directory(environment)
    return DockerEndpoint(host=host, source=source, tls=_tls_in(directory), verify=verify)


def _endpoint_of_context(environment: Mapping[str, str], name: str, source: str) -> DockerEndpoint:
    if name == "default":
        host = environment.get("DOCKER_HOST") or DEFAULT_HOST
        return endpoint_of_host(host, environment, source=source)
    # Docker's context store names its directories by the digest of the context's name.
    identity = sha256(name.encode()).hexdigest()
    store = os.path.join(docker_config.config_directory(environment) or "/", "contexts")
    meta_path = os.path.join(store, "meta", identity, "meta.json")
    meta = _read_json(meta_path)
    endpoints = go_fields(meta, ("Endpoints",)).get("Endpoints")
    written = endpoints.get("docker") if isinstance(endpoints, dict) else None
    if not isinstance(written, dict):
        raise UsageError(
            f"the docker context {quoted(name)} ({source}) does not exist", hint="docker context ls"
        )
    docker = go_fields(written, ("Host", "SkipTLSVerify"))
    tls_directory = os.path.join(store, "tls", identity, "docker")
    verify = not docker.get("SkipTLSVerify")
    tls = _tls_in(tls_directory) if not is_missing(tls_directory) or not verify else None
    host = str(docker.get("Host") or DEFAULT_HOST)
    return DockerEndpoint(host=host, source=source, context=name, tls=tls, verify=verify)


def _tls_in(directory: str) -> TLSOptions:
    """Return the files by docker's names, those that are there."""
    if not directory:  # of a user without a home: the working directory is not meant
        return TLSOptions()
    found = {name: os.path.join(directory, f"{name}.pem") for name in ("ca", "cert", "key")}
    present = {name: path for name, path in found.items() if not is_missing(path)}
    return TLSOptions(ca=present.get("ca"), cert=present.get("cert"), key=present.get("key"))


def _read_json(path: str) -> Mapping[str, object]:
    """Return a JSON object; a missing file is an empty one."""
    try:
        value = read_json(read_named(path))
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise UsageError(
            f"can't read {path}: {os_reason(exc)}", hint="DOCKER_CONFIG names another directory"
        ) from exc
    except NotJSONError as exc:
        raise UsageError(
            f"{path} {exc}", hint="recreate it: docker context rm, docker context create"
        ) from exc
    return value if isinstance(value, dict) else {}
