"""The index of an OCI image layout, ``index.json``: which blobs are images, and by which names.

Several programs may change it at once. They lock ``index.json.lock`` beside it as BuildKit's clients do, and
replace the file whole, so that whoever reads sees the old index or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from router.errors import OutputError, UsageError, os_reason
from router.files import create_aside
from router.named_file import read_named
from router.notation.digest import is_digest
from router.providers.oci_layout import OCILayout
from router.untrusted_json import NotJSONError, read_json

__all__ = ["Descriptor", "by_name", "by_tag", "only_image", "put_image", "remove_unnamed", "resolve_image"]

_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
# The names of an image: containerd's annotation holds the whole one, OCI's the tag alone.
_NAME = "io.containerd.image.name"
_TAG = "org.opencontainers.image.ref.name"
_WITH_CHILDREN = (".image.index.", ".manifest.list.", ".image.manifest.", "distribution.manifest.v2")

# An index that is larger is no index; nor is a manifest.
_MAX_JSON = 16 * 1024 * 1024
# Another program holds the lock while it writes one small file.
_LOCK_TIMEOUT = 10.0
_LOCK_POLL = 0.01

Descriptor = Mapping[str, Any]


def by_tag(tag: str) -> Mapping[str, str]:
    """Return what an index says of an image that has a tag only."""
    return {_TAG: tag}


def by_name(name: str) -> Mapping[str, str]:
    """Return what an index says of an image with a whole name, ``registry/repository:tag``."""
    _, colon, tag = name.rpartition(":")
    return {_NAME: name, _TAG: tag if colon and "/" not in tag else name}


def resolve_image(layout: OCILayout, tag: str) -> str | None:
    """Return the digest of the image that is named ``tag``, wholly or by its tag; None where there is none.

    Raises ``UsageError`` where there is no index, or none that can be read.
    """
    manifests = _manifests(_read(_path(layout)))
    for annotation in (_NAME, _TAG):
        for manifest in manifests:
            if _annotations(manifest).get(annotation) == tag:
                return str(manifest["digest"])
    return None


def only_image(layout: OCILayout) -> str | None:
    """Return the digest of the only image, None where there are none or several. Raises ``UsageError``."""
    manifests = _manifests(_read(_path(layout)))
    return str(manifests[0]["digest"]) if len(manifests) == 1 else None


def put_image(layout: OCILayout, descriptor: Descriptor, names: Sequence[Mapping[str, str]]) -> None:
    """Name an image in the index; whatever had one of the names until now loses it.

    Names are what ``by_tag`` and ``by_name`` make. Returns when all is on the disk. Raises ``OutputError``,
    and ``UsageError`` for an index that is none.
    """
    if not is_digest(str(descriptor.get("digest", ""))):
        raise OutputError(f"the daemon's description of what it wrote to {layout.path} has no digest")
    layout.sync()
    with _errors(layout), _locked(layout):
        path = _path(layout)
        index = _read(path) if os.path.lexists(path) else {}
        manifests = _manifests(index)
        for name in names:
            described = {**_annotations(descriptor), **name}
            manifests = [
                known
                for known in manifests
                if any(_annotations(known).get(key) != name.get(key) for key in (_NAME, _TAG))
            ]
            manifests.append({**descriptor, "annotations": described})
        _write(os.path.join(layout.path, "oci-layout"), {"imageLayoutVersion": "1.0.0"})
        _write(path, {"schemaVersion": 2, "mediaType": _INDEX_TYPE, **index, "manifests": manifests})


def remove_unnamed(layout: OCILayout) -> None:
    """Remove the blobs that no image of the index has. Raises ``OutputError``, ``UsageError``."""
    with _errors(layout), _locked(layout):
        wanted: set[str] = set()
        waiting = list(_manifests(_read(_path(layout))))
        while waiting:
            descriptor = waiting.pop()
            digest = str(descriptor.get("digest", ""))
            if digest not in wanted:
                wanted.add(digest)
                waiting += _children(layout, descriptor)
        for blob in layout.blobs():
            if blob.digest not in wanted:
                layout.remove(blob.digest)


def _children(layout: OCILayout, descriptor: Descriptor) -> list[Descriptor]:
    digest = str(descriptor.get("digest", ""))
    blob = layout.find(digest)
    if blob is None or not any(kind in str(descriptor.get("mediaType", "")) for kind in _WITH_CHILDREN):
        return []
    content = _parsed(layout.read(digest, 0, _MAX_JSON), f"{layout.path}, blob {digest}")
    found = [*_list(content, "manifests"), *_list(content, "layers"), content.get("config")]
    return [child for child in found if isinstance(child, dict)]


def _path(layout: OCILayout) -> str:
    return os.path.join(layout.path, "index.json")


def _read(path: str) -> dict[str, Any]:
    try:
        data = read_named(path)
    except OSError as exc:
        raise UsageError(
            f"can't read {path}: {os_reason(exc)}", hint="a directory of the OCI image layout has this file"
        ) from exc
    return _parsed(data, path)


def _parsed(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = read_json(data, most=_MAX_JSON)
    except NotJSONError as exc:
        raise UsageError(f"{what} {exc}", hint="check that the directory is an OCI image layout") from exc
    if not isinstance(found, dict):
        raise UsageError(f"{what} holds no object", hint="check that the directory is an OCI image layout")
    return found


def _manifests(index: Mapping[str, Any]) -> list[Descriptor]:
    found = _list(index, "manifests")
    return [item for item in found if isinstance(item, dict) and is_digest(str(item.get("digest", "")))]


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _annotations(descriptor: Descriptor) -> dict[str, str]:
    found = descriptor.get("annotations")
    return found if isinstance(found, dict) else {}


def _write(path: str, value: Mapping[str, Any]) -> None:
    descriptor, temporary = create_aside(os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(value, separators=(",", ":")).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def _errors(layout: OCILayout) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise OutputError(f"can't write the index of {layout.path}: {os_reason(exc)}") from exc


@contextmanager
def _locked(layout: OCILayout) -> Iterator[None]:
    """Hold the lock of the index. Raises OSError, and ``OutputError`` when it isn't to be had in time."""
    path = f"{_path(layout)}.lock"
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while (descriptor := _try_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise OutputError(
                f"another program holds {path} for more than {_LOCK_TIMEOUT:.0f} s",
                hint=f"fuser {path} shows which; if none does, remove the file",
            )
        time.sleep(_LOCK_POLL)
    try:
        yield
    finally:
        # Removed while it is locked: who waits for it finds that it is gone, and makes a new one.
        with suppress(OSError):
            os.unlink(path)
        os.close(descriptor)


def _try_lock(path: str) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
