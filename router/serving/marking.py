"""The mark on a client's build in its daemon's history, the same as ``warmroute build`` leaves. Pure.

The mark is stored in the options of the first output, or of the frontend if there are no outputs: see
``router.solve.mark``. The rest of the request stays as the client packed it, including unknown fields.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.rpc.protobuf import field, fields_at, map_fields

__all__ = ["with_options"]

# Fields of SolveRequest in proto/control.proto, and of Exporter.
_FRONTEND_ATTRS, _EXPORTER = 7, 13
_EXPORTER_ATTRS = 2


def with_options(request: bytes, options: Mapping[str, str]) -> bytes:
    """Return a packed SolveRequest with more options. Raises ``Http2Error`` if it is malformed."""
    for number, start, value, end in fields_at(memoryview(request)):
        if number == _EXPORTER:
            # If a map's key repeats, the last entry counts, wherever it stands.
            exporter = request[value:end] + map_fields(_EXPORTER_ATTRS, options)
            return request[:start] + field(_EXPORTER, exporter) + request[end:]
    return request + map_fields(_FRONTEND_ATTRS, options)
