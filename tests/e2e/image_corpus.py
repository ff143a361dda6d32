"""Images, indexes and attestations for tests of registries: small, of both media types, made by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.oci import CONFIG_TYPE, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE
from tests.servers.registry import Registry

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest_of(content: bytes) -> str:
    """Return the digest by which a registry knows some content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Pushes into one repository of a registry."""

    registry: Registry
    repository: str

    def name(self, tag: str) -> str:
        """Return the whole name of what has a tag."""
        return f"{self.registry.host}/{self.repository}:{tag}"

    def image(
        self, tag: str, platform: Mapping[str, str], *, docker: bool = False, layer: bytes = b""
    ) -> dict[str, Any]:
        """Push an image of one layer; return its descriptor, with the platform."""
        config = {**platform, "rootfs": {"type": "layers", "diff_ids": []}, "config": {"Env": [tag]}}
        content = layer or f"layer of {tag}".encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if docker else MANIFEST_TYPE,
            "config": self._blob(json.dumps(config).encode(), _DOCKER_CONFIG if docker else CONFIG_TYPE),
            "layers": [self._blob(content, _DOCKER_LAYER if docker else LAYER_TYPE)],
        }
        return {**self._manifest(tag, manifest), "platform": dict(platform)}

    def attestation(self, subject: Mapping[str, Any]) -> dict[str, Any]:
        """Push a manifest that attests to another one, as buildkitd does; return its descriptor."""
        layer = self._blob(json.dumps({"of": subject["digest"]}).encode(), "application/vnd.in-toto+json")
        config = {"architecture": "unknown", "os": "unknown", "config": {}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self._blob(json.dumps(config).encode(), CONFIG_TYPE),
            "layers": [
                {**layer, "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}}
            ],
        }
        return {
            **self._manifest("", manifest),
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": subject["digest"],
            },
            "platform": {"architecture": "unknown", "os": "unknown"},
        }

    def index(
        self,
        tag: str,
        manifests: Sequence[Mapping[str, Any]],
        *,
        docker: bool = False,
        annotations: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Push an index; return its descriptor."""
        index: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST if docker else INDEX_TYPE,
            "manifests": list(manifests),
        }
        return self._manifest(tag, {**index, **({"annotations": annotations} if annotations else {})})

    def _blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = digest_of(content)
        self.registry.push_blob(self.repository, digest, content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _manifest(self, tag: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        content = json.dumps(manifest).encode()
        digest, media_type = digest_of(content), manifest["mediaType"]
        self.registry.push_manifest(self.repository, tag or digest, content, media_type)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


AMD64 = {"architecture": "amd64", "os": "linux"}
ARM64 = {"architecture": "arm64", "os": "linux", "variant": "v8"}
ARMV7 = {"architecture": "arm", "os": "linux", "variant": "v7"}
WINDOWS = {"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.2227"}


def push_corpus(registry: Registry, repository: str) -> Corpus:
    """Push images of every kind that ``imagetools`` meets: amd64, arm64, ... by tag."""
    corpus = Corpus(registry=registry, repository=repository)
    amd64, arm64 = corpus.image("amd64", AMD64), corpus.image("arm64", ARM64)
    corpus.image("armv7", ARMV7)
    windows = corpus.image("windows", WINDOWS)
    docker = [
        corpus.image("docker-amd64", AMD64, docker=True),
        corpus.image("docker-arm64", ARM64, docker=True),
    ]
    corpus.index("docker", docker, docker=True)
    attested = [amd64, arm64, corpus.attestation(amd64), corpus.attestation(arm64)]
    corpus.index("attested", attested)
    said = {"org.example.said": "a < b & c > d, \u2028 and \u00e4", "another": "one"}
    annotated = [
        {**amd64, "annotations": said},
        {**windows, "platform": {**WINDOWS, "os.features": ["win32k"]}},
    ]
    corpus.index("annotated", annotated, annotations=said)
    return corpus
