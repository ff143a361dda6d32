"""What is left on the record of a client's build in its daemon's history, as ``warmroute build`` does. Pure.

It stands among the options of the first output, and of a build without outputs among the frontend's: see
``router.solve.mark``. The rest of the request stays as the client has packed it, with fields that nobody
here knows.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.rpc.protobuf import field, fields_at, map_fields

__all__ = ["with_options"]

# Of SolveRequest in proto/control.proto, and of Exporter.
_FRONTEND_ATTRS, _EXPORTER = 7, 13
_EXPORTER_ATTRS = 2


def with_options(request: bytes, options: Mapping[str, str]) -> bytes:
    """Return a packed SolveRequest with more options. Raises ``Http2Error`` for bytes that are none."""
    for number, start, value, end in fields_at(memoryview(request)):
        if number == _EXPORTER:
            # Of a map's entries that are told twice the last one counts, wherever it stands.
            exporter = request[value:end] + map_fields(_EXPORTER_ATTRS, options)
            return request[:start] + field(_EXPORTER, exporter) + request[end:]
    return request + map_fields(_FRONTEND_ATTRS, options)
