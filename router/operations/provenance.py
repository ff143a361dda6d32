"""The provenance of a build that is done, from its daemon's history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from google.protobuf.message import DecodeError

from router._proto import control_pb2 as pb
from router.errors import CancelledError, RouterError, RpcError
from router.model.address import Address
from router.model.frozen import frozen
from router.operations.blobs import Parts, read_blob
from router.operations.slsa import PREDICATE_V1, as_v02, without_details, without_mark
from router.rpc import RpcChannel, open_channel
from router.rpc.grpc import Status
from router.transport.options import DialOptions
from router.untrusted_json import NotJSONError, read_json

__all__ = ["Provenance", "ProvenanceMode", "build_provenance"]

ProvenanceMode = Literal["min", "max"]

_PREDICATE = "in-toto.io/predicate-type"
_MEDIA_TYPE = "application/vnd.in-toto+json"


@frozen
class Provenance:
    """SLSA v0.2 predicates by platform, and why others could not be read. One platform has an empty name."""

    predicates: Mapping[str, Mapping[str, Any]]
    unread: tuple[str, ...] = ()


def build_provenance(address: Address, ref: str, options: DialOptions, mode: ProvenanceMode) -> Provenance:
    """Return the provenance of the build ``ref``, for each platform that it was for.

    Nothing comes from a daemon without a history. ``options.timeout`` is the deadline in seconds for each
    question. Raises ``RouterError``.
    """
    with open_channel(address, options, peer=str(address)) as channel:
        try:
            records = _records(channel, ref, options.timeout)
        except RpcError as exc:
            if exc.code != Status.UNIMPLEMENTED:
                raise
            return Provenance(predicates={})
        found: dict[str, Mapping[str, Any]] = {}
        unread: list[str] = []
        for record in records:
            for platform, result in _results(record).items():
                attestation = _attestation(result)
                if attestation is None:
                    continue
                try:
                    found[platform] = _predicate(channel, attestation, mode, options.timeout)
                except CancelledError:
                    raise  # the others would take their time as well
                except RouterError as exc:
                    unread.append(f"{platform}: {exc}" if platform else str(exc))
        return Provenance(predicates=found, unread=tuple(unread))


def _records(channel: RpcChannel, ref: str, timeout: float) -> list[pb.BuildHistoryRecord]:
    request = pb.BuildHistoryRequest(Ref=ref, EarlyExit=True)
    events = Parts()
    call = channel.start(
        "/moby.buildkit.v1.Control/ListenBuildHistory",
        request=request.SerializeToString(),
        on_message=events.add,
    )
    channel.run(lambda: call.done, timeout=timeout)
    if call.error:
        raise call.error
    try:
        return [pb.BuildHistoryEvent.FromString(event).record for event in events.kept]
    except DecodeError as exc:
        raise RouterError(f"the history that {channel.peer} keeps is in no known form") from exc


def _results(record: pb.BuildHistoryRecord) -> Mapping[str, pb.BuildResultInfo]:
    return record.Results or {"": record.Result}


def _attestation(result: pb.BuildResultInfo) -> pb.Descriptor | None:
    return next(
        (
            each
            for each in result.Attestations
            if each.media_type == _MEDIA_TYPE
            and each.annotations.get(_PREDICATE, "").startswith("https://slsa.dev/provenance/")
        ),
        None,
    )


def _predicate(
    channel: RpcChannel, attestation: pb.Descriptor, mode: ProvenanceMode, timeout: float
) -> Mapping[str, Any]:
    try:
        predicate = read_json(read_blob(channel, attestation.digest, timeout))
        if not isinstance(predicate, dict):
            raise TypeError("no object")  # noqa: TRY301 - it is told as what is in no known form below
        if attestation.annotations[_PREDICATE] == PREDICATE_V1:
            predicate = as_v02(predicate)
        predicate = without_mark(predicate)
        return without_details(predicate) if mode == "min" else predicate
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        why = f" (it {exc})" if isinstance(exc, NotJSONError) else ""
        raise RouterError(f"the provenance that {channel.peer} keeps is in no known form{why}") from exc
