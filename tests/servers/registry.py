"""A real image registry (Debian's docker-registry): open, with one user and a password, or one that demands
tokens of a token server; plain HTTP.

Also the few requests that tests make of it themselves: push an image, read a manifest, its digest, a blob.
"""

from __future__ import annotations

import base64
import ctypes
import json
import secrets
import string
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.response import addinfourl

from tests.servers import binaries
from tests.servers.cache import ServerError
from tests.servers.oci import INDEX_TYPE, MANIFEST_TYPE, Image, Layout, write_layout
from tests.servers.ports import free_port, tcp_listens
from tests.servers.process import ManagedProcess
from tests.servers.token_server import ISSUER, SERVICE, TokenServer

_DOCKER_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ACCEPTED = ", ".join((MANIFEST_TYPE, INDEX_TYPE, *_DOCKER_TYPES))


@dataclass(kw_only=True)
class Registry:
    """A running registry; a context manager that stops it."""

    process: ManagedProcess
    address: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tokens: TokenServer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The registry's name in image references: ADDRESS:PORT."""
        return f"{self.address}:{self.port}"

    @property
    def log(self) -> Path:
        """The file that holds the registry's log, requests included."""
        return self.process.log

    def stop(self) -> None:
        """End the registry."""
        self.process.stop()

    def docker_config(self, directory: Path) -> Path:
        """Write a config.json with this registry's credentials; return the directory, for DOCKER_CONFIG."""
        directory.mkdir(parents=True, exist_ok=True)
        auths = {} if self.user is None else {self.host: {"auth": self._basic()}}
        (directory / "config.json").write_text(json.dumps({"auths": auths}))
        return directory

    def digest(self, repository: str, tag: str) -> str:
        """Return the digest that the registry gives for a tag."""
        with self._request("HEAD", f"{repository}/manifests/{tag}", accept=_ACCEPTED) as reply:
            return str(reply.headers["Docker-Content-Digest"])

    def manifest(self, repository: str, reference: str) -> dict[str, object]:
        """Return a manifest or an index, by tag or digest."""
        with self._request("GET", f"{repository}/manifests/{reference}", accept=_ACCEPTED) as reply:
            content: dict[str, object] = json.load(reply)
            return content

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a blob's content."""
        with self._request("GET", f"{repository}/blobs/{digest}") as reply:
            return bytes(reply.read())

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of a repository, () when it doesn't exist."""
        try:
            with self._request("GET", f"{repository}/tags/list") as reply:
                return tuple(json.load(reply)["tags"] or ())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return ()
            raise

    def push(self, image: Image, repository: str, tag: str = "latest") -> str:
        """Push an image; return the reference that names it by tag: HOST/REPOSITORY:TAG."""
        with tempfile.TemporaryDirectory() as directory:
            self.push_layout(write_layout(image, Path(directory)), repository, tag)
        return f"{self.host}/{repository}:{tag}"

    def push_layout(self, layout: Layout, repository: str, tag: str) -> None:
        """Push the one image of an OCI layout."""
        manifest = layout.blob(layout.digest).read_bytes()
        described = json.loads(manifest)
        for descriptor in (described["config"], *described["layers"]):
            self.push_blob(repository, descriptor["digest"], layout.blob(descriptor["digest"]).read_bytes())
        self.push_manifest(repository, tag, manifest, MANIFEST_TYPE)

    def push_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> None:
        """Put a manifest or an index under a tag or its digest."""
        self._request(
            "PUT", f"{repository}/manifests/{reference}", body=content, content_type=media_type
        ).close()

    def raw_manifest(self, repository: str, reference: str) -> bytes:
        """Return a manifest or an index byte for byte."""
        with self._request("GET", f"{repository}/manifests/{reference}", accept=_ACCEPTED) as reply:
            return bytes(reply.read())

    def push_blob(self, repository: str, digest: str, content: bytes) -> None:
        """Put a blob."""
        with self._request("POST", f"{repository}/blobs/uploads/", body=b"") as reply:
            location = str(reply.headers["Location"])
        joint = "&" if "?" in location else "?"
        self._request("PUT", f"{location}{joint}digest={digest}", body=content).close()

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        accept: str = "*/*",
        content_type: str = "application/octet-stream",
    ) -> addinfourl:
        url = path if path.startswith("http://") else f"http://{self.host}/v2/{path}"
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("Accept", accept)
        if body is not None:
            request.add_header("Content-Type", content_type)
        if self.user is not None:
            request.add_header("Authorization", f"Basic {self._basic()}")
        elif self.tokens is not None:
            repository = url.partition("/v2/")[2].rsplit("/manifests/")[0].rsplit("/blobs/")[0]
            scope = f"repository:{repository.removesuffix('/tags/list')}:pull,push"
            request.add_header("Authorization", f"Bearer {self.tokens.issue(self.tokens.user, (scope,))}")
        reply: addinfourl = _direct.open(request, timeout=60)
        return reply

    def _basic(self) -> str:
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


# The environment's proxy, if there is one, can't reach this machine's loopback.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start_registry(
    directory: Path,
    user: str | None = None,
    password: str | None = None,
    *,
    tokens: TokenServer | None = None,
    address: str = "127.0.0.1",
    outlive: bool = False,
) -> Registry:
    """Start a registry that keeps its files below `directory`; with `user`, it refuses everybody else, and
    with `tokens` everybody without a token of that server.

    `address` is the one to listen on: a bridge's, when pods are to reach the registry.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = directory / "registry.json"  # YAML's subset
    config.write_text(json.dumps(_config(directory, f"{address}:{port}", user, password, tokens), indent=1))
    process = ManagedProcess(
        [binaries.docker_registry(), "serve", config],
        log=directory / "registry.log",
        env={"OTEL_TRACES_EXPORTER": "none"},
        outlive=outlive,
    )
    try:
        process.wait_until(lambda: tcp_listens(port, address), within=30)
    except BaseException:
        process.kill()
        raise
    return Registry(process=process, address=address, port=port, user=user, password=password, tokens=tokens)


def _config(
    directory: Path, listen: str, user: str | None, password: str | None, tokens: TokenServer | None
) -> dict[str, object]:
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "blobs")}, "delete": {"enabled": True}},
        "http": {"addr": listen},
    }
    if user is not None:
        htpasswd = directory / "htpasswd"
        htpasswd.write_text(f"{user}:{bcrypt(password or '')}\n")
        config["auth"] = {"htpasswd": {"realm": "warmroute tests", "path": str(htpasswd)}}
    elif tokens is not None:
        config["auth"] = {
            "token": {
                "realm": tokens.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(tokens.certificates),
            }
        }
    return config


def bcrypt(password: str) -> str:
    """Hash a password the only way the registry reads it: the system's libcrypt (Python's crypt is gone)."""
    alphabet = "./" + string.ascii_uppercase + string.ascii_lowercase + string.digits
    # The last character carries 4 bits only; "." is one of those that are valid there.
    salt = "".join(secrets.choice(alphabet) for _ in range(21)) + "."
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    hashed: bytes | None = library.crypt(password.encode(), f"$2b$05${salt}".encode())
    if hashed is None or not hashed.startswith(b"$2b$"):
        raise ServerError("this system's libcrypt knows no bcrypt")
    return hashed.decode()
