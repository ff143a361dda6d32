"""Writes container images as OCI layouts and tars, without any container program.

An image here is layers, each a list of entries (files, folders, links), and a config. The tar is one that
`ctr images import` reads as an OCI layout and `docker load` as its own format. Pushing is `registry`'s.

Does not compress: the files stay on this machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import struct
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file, symbolic link or folder of an image; a folder when it has no content, source and link."""

    path: str
    content: bytes | None = None
    source: Path | None = None
    link: str | None = None
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    capabilities: int = 0

    def add_to(self, archive: tarfile.TarFile) -> None:
        """Append this entry to a layer; nothing in it depends on when or where that happens."""
        info = tarfile.TarInfo(self.path)
        info.mode, info.uid, info.gid = self.mode, self.uid, self.gid
        if self.capabilities:
            info.pax_headers = {"SCHILY.xattr.security.capability": _capability_xattr(self.capabilities)}
        if self.link is not None:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, self.link, 0o777
            archive.addfile(info)
        elif self.source is not None:
            info.size = self.source.stat().st_size
            with self.source.open("rb") as content:
                archive.addfile(info, content)
        elif self.content is not None:
            info.size = len(self.content)
            archive.addfile(info, io.BytesIO(self.content))
        else:
            info.type = tarfile.DIRTYPE
            archive.addfile(info)


CAP_SETGID = 1 << 6
CAP_SETUID = 1 << 7


def _capability_xattr(permitted: int) -> str:
    # struct vfs_cap_data, revision 2, with the effective flag (linux/capability.h). PAX values are text in
    # Python; surrogates make tarfile write the bytes as they are.
    raw = struct.pack("<IIIII", 0x02000001, permitted, 0, 0, 0)
    return raw.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Layers, lowest first, and how to run them. `config` holds OCI's own keys (Entrypoint, User ...)."""

    reference: str
    layers: tuple[tuple[Entry, ...], ...]
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A written OCI layout: its folder, and the digest of the one manifest in it."""

    directory: Path
    reference: str
    digest: str

    def blob(self, digest: str) -> Path:
        """Return the file of a blob."""
        return self.directory / "blobs" / digest.replace(":", "/")


def write_layout(image: Image, directory: Path) -> Layout:
    """Write the image as an OCI layout."""
    (directory / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    layers = [_write_layer(entries, directory) for entries in image.layers]
    config = _write_blob(directory, _json(_config(image, [digest for digest, _ in layers])))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, **config},
        "layers": [{"mediaType": LAYER_TYPE, "digest": digest, "size": size} for digest, size in layers],
    }
    described = {"mediaType": MANIFEST_TYPE, **_write_blob(directory, _json(manifest))}
    _write_index(image.reference, described, directory)
    _write_docker_manifest(
        image.reference, str(config["digest"]), [digest for digest, _ in layers], directory
    )
    return Layout(directory=directory, reference=image.reference, digest=str(described["digest"]))


def write_tar(image: Image, path: Path) -> Layout:
    """Write the image as one tar, which containerd reads as an OCI layout and docker as its own format."""
    aside = path.with_name(path.name + ".layout")
    layout = write_layout(image, aside)
    with tarfile.open(path, "w") as archive:
        for file in sorted(aside.rglob("*")):
            archive.add(file, arcname=str(file.relative_to(aside)), recursive=False)
    shutil.rmtree(aside)
    return layout


def _write_layer(entries: Iterable[Entry], directory: Path) -> tuple[str, int]:
    aside = directory / "layer"
    with aside.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            entry.add_to(archive)
    with aside.open("rb") as content:
        digest = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
    size = aside.stat().st_size
    aside.rename(directory / "blobs" / digest.replace(":", "/"))
    return digest, size


def _write_blob(directory: Path, content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (directory / "blobs" / "sha256" / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def _config(image: Image, layers: Sequence[str]) -> dict[str, object]:
    return {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": dict(image.config),
        "rootfs": {"type": "layers", "diff_ids": list(layers)},
    }


def _write_index(reference: str, described: dict[str, object], directory: Path) -> None:
    # containerd names the image by its own annotation, everybody else by OCI's.
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [{**described, "annotations": names}]}
    (directory / "index.json").write_bytes(_json(index))
    (directory / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def _write_docker_manifest(reference: str, config: str, layers: Sequence[str], directory: Path) -> None:
    described = {
        "Config": f"blobs/{config.replace(':', '/')}",
        "RepoTags": [familiar(reference)],
        "Layers": [f"blobs/{layer.replace(':', '/')}" for layer in layers],
    }
    (directory / "manifest.json").write_bytes(_json([described]))


def familiar(reference: str) -> str:
    """Return the name as docker shows it, without its default registry."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
