"""Which build a linked target of a bake is based on. Pure.

buildx solves a target first, then those based on it (``contexts = { b = "target:base" }``). It sends the
base's result as steps, but only in LLBBridge.Solve, when the build already has a daemon. The Solve before it
has ``context:b = input:0-base``, which identifies no build, and ``input-metadata:0-base`` with the config
of the base's image. The base's daemon had returned that config with the result, and the base goes on until
every target based on it has sent its steps. So the two are matched by the config.

Targets with equal configs can be mistaken for each other: then a build goes to a daemon that has nothing warm
for it, but its result is right.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256

from router.rpc.protobuf import Value, read, submessage, text
from router.untrusted_json import NotJSONError, member, read_json

__all__ = ["configs_of_inputs", "configs_of_result"]

# https://github.com/moby/buildkit/blob/master/exporter/containerimage/exptypes/types.go
_CONFIG = "containerimage.config"
_CONTEXT, _INPUT, _INPUT_METADATA = "context:", "input:", "input-metadata:"
# Of the gateway's SolveResponse and Result
# (https://github.com/moby/buildkit/blob/master/frontend/gateway/pb/gateway.proto), and a map's entry.
_RESULT, _METADATA = 3, 10
_KEY, _VALUE = 1, 2
# The number of inputs that count, and the characters of each one's metadata. A config has a few kilobytes.
_MOST, _LONGEST = 100, 1_000_000


def configs_of_inputs(attrs: Mapping[str, str]) -> frozenset[str]:
    """Return the digests of the image configs of the results that a build is based on."""
    inputs = [
        value.removeprefix(_INPUT)
        for name, value in attrs.items()
        if name.startswith(_CONTEXT) and value.startswith(_INPUT)
    ]
    metadata = (attrs.get(_INPUT_METADATA + each, "") for each in inputs[:_MOST])
    return frozenset(config for each in metadata for config in _config_of(each))


def configs_of_result(answer: memoryview) -> frozenset[str]:
    """Return the digests of the image configs, one a platform, in a packed answer to LLBBridge.Solve.

    Raises ``Http2Error`` for a malformed message.
    """
    return frozenset(
        _digest(value)
        for number, result in read(answer)
        if number == _RESULT
        for name, value in _metadata(result)
        if name == _CONFIG or name.startswith(f"{_CONFIG}/")
    )


def _config_of(metadata: str) -> Iterator[str]:
    if not metadata or len(metadata) > _LONGEST:
        return
    with suppress(NotJSONError, Error, UnicodeEncodeError):
        if isinstance(config := member(read_json(metadata), _CONFIG), str):
            yield _digest(b64decode(config.encode("ascii"), validate=True))


def _metadata(result: Value) -> Iterator[tuple[str, bytes]]:
    for number, entry in submessage(result):
        if number == _METADATA:
            fields = dict(submessage(entry))
            value = fields.get(_VALUE, b"")
            if not isinstance(value, int):
                yield text(fields.get(_KEY, memoryview(b""))), bytes(value)


def _digest(config: bytes) -> str:
    return sha256(config).hexdigest()
