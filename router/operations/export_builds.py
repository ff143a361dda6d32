"""Builds of the history as an archive that Docker Desktop imports: a ``.dockerbuild``, as buildx writes it.

It is an OCI layout in a compressed tar. A manifest stands for each build: its config is the record, as Go
writes it as JSON, its layers are the blobs that the daemon keeps with the record.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, BinaryIO

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from router._proto import control_pb2 as pb
from router.errors import RpcError, UsageError
from router.net.deadline import Deadline
from router.operations.blobs import Parts, read_blob
from router.operations.records import DaemonRecord, to_end
from router.rpc import RpcChannel, open_channel
from router.rpc.grpc import Status
from router.solve.answers import parsed
from router.solve.control import Control
from router.transport.options import DialOptions
from router.untrusted_json import NotJSONError, elements, members, read_json, text

__all__ = ["export_builds"]

_RECORD = "application/vnd.buildkit.historyrecord.v0"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_MEDIA_TYPE, _REFERENCE = "vnd.export-build.descriptor.mediatype", "vnd.buildkit.history.reference"
_IMPORTS = "cache-imports"
# Of one build: its logs and trace, and for each platform what was made and what attests it.
_MOST_BLOBS = 1000
# Of one archive, which is put together in memory.
_MOST_BYTES = 128 << 20
# Values of options that name a credential of a cache, in the commands that a trace holds.
_CREDENTIALS = re.compile(
    rb'(?i)(ghtoken|token|access_key_id|secret_access_key|session_token)=[^ ,"\\]+'
    rb"|gh[us]_\w{36}|github_pat_\w{82}"
)

_Descriptor = dict[str, Any]


def export_builds(builds: Sequence[DaemonRecord], options: DialOptions, archive: BinaryIO) -> None:
    """Write builds that are over into an archive.

    ``options.timeout`` is the deadline for connecting to a build's daemon, for the end of its trace, and for
    its record with all blobs. Raises ``UsageError`` for one that runs, ``UnreachableError``, ``RpcError``,
    also for more than an archive takes, and ``OSError``.
    """
    blobs = _Blobs()
    manifests = [_manifest(build, options, blobs) for build in builds]
    if len(manifests) == 1:
        top = manifests[0]
    else:
        for manifest, build in zip(manifests, builds, strict=True):
            manifest["annotations"] = {_REFERENCE: build.record.ref}
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
        top = blobs.add(_INDEX, _json(index))
    _write(archive, blobs.kept, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [top]})


class _Blobs:
    """What an archive holds, by digest."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._left = _MOST_BYTES

    def add(self, media_type: str, data: bytes) -> _Descriptor:
        """Take in one more, and return its descriptor. Raises ``RpcError`` where it is too much in all."""
        digest = f"sha256:{sha256(data).hexdigest()}"
        if digest not in self.kept:
            self._left -= len(data)
            if self._left < 0:
                raise RpcError(
                    f"what belongs to the builds takes more than {_MOST_BYTES >> 20} MiB",
                    code=Status.RESOURCE_EXHAUSTED,
                    hint="export fewer builds at once",
                )
            self.kept[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}


class _Reading:
    """Reads what a daemon keeps of one build, under one deadline."""

    def __init__(self, channel: RpcChannel, timeout: float) -> None:
        self._channel = channel
        self._control = Control(channel)
        self._deadline = Deadline(timeout)
        self._blobs_left = _MOST_BLOBS

    def record(self, ref: str) -> pb.BuildHistoryRecord:
        parts = Parts()
        asked = pb.BuildHistoryRequest(Ref=ref, EarlyExit=True).SerializeToString()
        to_end(self._control, self._control.records(asked, parts.add), self._remaining())
        if not parts.kept:
            raise UsageError(f"the build {ref} is gone from the history of {self._channel.peer}")
        return parsed(pb.BuildHistoryEvent(), parts.kept[-1], deadline=self._deadline).record

    def blob(self, digest: str) -> bytes:
        if not self._blobs_left:
            raise RpcError(
                f"the record that {self._channel.peer} keeps names more than {_MOST_BLOBS} blobs",
                code=Status.RESOURCE_EXHAUSTED,
            )
        self._blobs_left -= 1
        return read_blob(self._channel, digest, self._remaining())

    def platform(self) -> str:
        """Return the platform of the daemon's first worker, an empty text where it tells none."""
        workers = self._control.list_workers(timeout=self._remaining()).record[:1]
        if not workers or not workers[0].platforms:
            return ""
        found = workers[0].platforms[0]
        return "/".join(filter(None, (found.OS, found.Architecture, found.Variant)))

    def _remaining(self) -> float:
        try:
            return self._deadline.remaining()
        except TimeoutError as exc:
            raise RpcError(
                f"{self._channel.peer} did not tell all of a build within {self._deadline.seconds:g} s",
                code=Status.DEADLINE_EXCEEDED,
                hint="give a longer --connect-timeout",
            ) from exc


def _manifest(build: DaemonRecord, options: DialOptions, blobs: _Blobs) -> _Descriptor:
    """Take in all that belongs to a build, and return the descriptor of its manifest."""
    daemon, ref = build.daemon, build.record.ref
    if build.record.completed is None:
        raise UsageError(f"the build {ref} on {daemon.name} runs: it can be exported when it is over")
    with open_channel(daemon.address, options, peer=daemon.peer) as channel:
        control = Control(channel)
        to_end(control, control.finalize_record(ref), options.timeout)
        reading = _Reading(channel, options.timeout)
        record = reading.record(ref)
        layers = []
        if record.HasField("trace"):
            trace = _CREDENTIALS.sub(_masked, reading.blob(record.trace.digest))
            layers.append(blobs.add(record.trace.media_type, trace))
            record.trace.digest, record.trace.size = layers[0]["digest"], layers[0]["size"]
        if "cache-imports" in record.FrontendAttrs:
            record.FrontendAttrs["cache-imports"] = _without_credentials(
                record.FrontendAttrs["cache-imports"]
            )
        layers += _layers(reading, record, blobs)
        platform = reading.platform()
    values = _as_go(record)
    if platform:
        values["DefaultPlatform"] = platform
    config = blobs.add(_RECORD, _json(values))
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
    return blobs.add(_MANIFEST, _json(manifest))


def _layers(reading: _Reading, record: pb.BuildHistoryRecord, blobs: _Blobs) -> Iterator[_Descriptor]:
    """Yield the descriptors of a record's blobs, each once."""
    seen: set[str] = set()
    for found, is_result in _descriptors(record):
        if found.digest in seen:
            continue
        seen.add(found.digest)
        layer = blobs.add(found.media_type, reading.blob(found.digest))
        annotations = dict(sorted(found.annotations.items()))
        if is_result:
            # So that nobody looks for what an index or a manifest names.
            layer["mediaType"] = "application/json"
            annotations[_MEDIA_TYPE] = found.media_type
        yield {**layer, "annotations": annotations} if annotations else layer


def _descriptors(record: pb.BuildHistoryRecord) -> Iterator[tuple[pb.Descriptor, bool]]:
    if record.HasField("logs"):
        yield record.logs, False
    results = [record.Result, *(record.Results[platform] for platform in sorted(record.Results))]
    for number, result in enumerate(results):
        yield from ((each, False) for each in result.Attestations)
        yield from ((result.Results[index], True) for index in sorted(result.Results))
        if number == 0 and record.HasField("externalError"):
            yield record.externalError, False


def _masked(found: re.Match[bytes]) -> bytes:
    return found[1] + b"=xxxxx" if found[1] else b"xxxxx"


def _without_credentials(imports: str) -> str:
    """Keep of the caches that were imported from only where they are."""
    try:
        listed = elements(read_json(imports))
    except NotJSONError:
        return ""
    kept = [
        {
            "Type": text(each, "Type"),
            "Attrs": {
                name: value for name, value in members(each, "Attrs").items() if name in {"ref", "scope"}
            },
        }
        for each in listed
    ]
    return json.dumps(kept, separators=(",", ":"))


def _as_go(message: Message) -> dict[str, Any]:
    """Return a message as Go's encoding/json writes its struct: proto's names, numbers as they are."""
    values: dict[str, Any] = {}
    for found, value in message.ListFields():
        values[found.name] = _value(found, value)
    return values


def _value(found: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in sorted(value.items())}
    if found.is_repeated:
        return [_plain(each) for each in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    return _as_go(value) if isinstance(value, Message) else value


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace")


def _write(archive: BinaryIO, blobs: Mapping[str, bytes], index: object) -> None:
    files = {f"blobs/{digest.replace(':', '/')}": data for digest, data in sorted(blobs.items())}
    files["index.json"] = json.dumps(index, separators=(",", ":")).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
