"""LLB for people: each operation of a definition as a value that JSON can hold, and the graph as DOT. Pure.

The names are those under which BuildKit's own tools write the operations.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from typing import Any, NamedTuple

from router.errors import UsageError
from router.rpc.events import Http2Error
from router.rpc.protobuf import Value, integer, packed_integers, submessage, text
from router.solve.llb import read_definition

__all__ = ["Operation", "dot_graph", "json_lines", "operations"]


class _Field(NamedTuple):
    """A field by the path of its names; ``kind`` is a plain type or a message, ``many`` a list or a map."""

    names: tuple[str, ...]
    kind: str
    many: str = ""


def _message(text: str) -> Mapping[int, _Field]:
    """Read ``NUMBER NAME KIND`` triples; a dot in a name is an object in between, [] and {} are many."""
    words = text.split()
    fields = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {
        int(number): _Field(tuple(name.split(".")), kind.strip("[]{}"), kind[:2] if kind[0] in "[{" else "")
        for number, name, kind in fields
    }


# The numbers and names are those of BuildKit's solver/pb/ops.proto.
_MESSAGES: Mapping[str, Mapping[int, _Field]] = {
    name: _message(fields)
    for name, fields in {
        "Op": "1 inputs []Input 2 Op.exec ExecOp 3 Op.source SourceOp 4 Op.file FileOp 5 Op.build BuildOp"
        " 6 Op.merge MergeOp 7 Op.diff DiffOp 8 Op.passthrough PassthroughOp 10 platform Platform"
        " 11 constraints WorkerConstraints",
        "Platform": "1 Architecture text 2 OS text 3 Variant text 4 OSVersion text 5 OSFeatures []text",
        "Input": "1 digest text 2 index int",
        "ExecOp": "1 meta Meta 2 mounts []Mount 3 network int 4 security int 5 secretenv []SecretEnv"
        " 6 cdiDevices []CDIDevice",
        "Meta": "1 args []text 2 env []text 3 cwd text 4 user text 5 proxy_env ProxyEnv 6 extraHosts []HostIP"
        " 7 hostname text 9 ulimit []Ulimit 10 cgroupParent text 11 removeMountStubsRecursive bool"
        " 12 validExitCodes []int",
        "HostIP": "1 Host text 2 IP text",
        "Ulimit": "1 Name text 2 Soft int 3 Hard int",
        "SecretEnv": "1 ID text 2 name text 3 optional bool",
        "CDIDevice": "1 name text 2 optional bool",
        "Mount": "1 input int 2 selector text 3 dest text 4 output int 5 readonly bool 6 mountType int"
        " 19 TmpfsOpt TmpfsOpt 20 cacheOpt CacheOpt 21 secretOpt SecretOpt 22 SSHOpt SSHOpt 23 resultID text"
        " 24 contentCache int",
        "TmpfsOpt": "1 size int",
        "CacheOpt": "1 ID text 2 sharing int",
        "SecretOpt": "1 ID text 2 uid int 3 gid int 4 mode int 5 optional bool",
        "SSHOpt": "1 ID text 2 uid int 3 gid int 4 mode int 5 optional bool",
        "SourceOp": "1 identifier text 2 attrs {}text",
        "BuildOp": "1 builder int 2 inputs {}BuildInput 3 def Definition 4 attrs {}text",
        "BuildInput": "1 input int",
        "Definition": "1 def []bytes 2 metadata {}OpMetadata",
        "FileOp": "2 actions []FileAction",
        "FileAction": "1 input int 2 secondaryInput int 3 output int 4 Action.copy Copy"
        " 5 Action.mkfile MkFile 6 Action.mkdir MkDir 7 Action.rm Rm 8 Action.symlink Symlink",
        "Copy": "1 src text 2 dest text 3 owner ChownOpt 4 mode int 5 followSymlink bool"
        " 6 dirCopyContents bool 7 attemptUnpackDockerCompatibility bool 8 createDestPath bool"
        " 9 allowWildcard bool 10 allowEmptyWildcard bool 11 timestamp int 12 include_patterns []text"
        " 13 exclude_patterns []text 14 alwaysReplaceExistingDestPaths bool 15 modeStr text"
        " 16 required_paths []text",
        "MkFile": "1 path text 2 mode int 3 data bytes 4 owner ChownOpt 5 timestamp int",
        "MkDir": "1 path text 2 mode int 3 makeParents bool 4 owner ChownOpt 5 timestamp int",
        "Rm": "1 path text 2 allowNotFound bool 3 allowWildcard bool",
        "Symlink": "1 oldpath text 2 newpath text 3 owner ChownOpt 4 timestamp int",
        "ChownOpt": "1 user UserOpt 2 group UserOpt",
        "UserOpt": "1 User.byName NamedUserOpt 2 User.byId int",
        "NamedUserOpt": "1 name text 2 input int",
        "MergeOp": "1 inputs []MergeInput",
        "MergeInput": "1 input int",
        "DiffOp": "1 lower LowerDiffInput 2 upper UpperDiffInput",
        "LowerDiffInput": "1 input int",
        "UpperDiffInput": "1 input int",
        "PassthroughOp": "1 id text 2 outputs []int",
        "ProxyEnv": "1 http_proxy text 2 https_proxy text 3 ftp_proxy text 4 no_proxy text 5 all_proxy text",
        "WorkerConstraints": "1 filter []text",
        "OpMetadata": "1 ignore_cache bool 2 description {}text 4 export_cache ExportCache 5 caps {}bool"
        " 6 progress_group ProgressGroup 7 linux_resources LinuxResources",
        "ExportCache": "1 Value bool",
        "ProgressGroup": "1 id text 2 name text 3 weak bool",
        "LinuxResources": "1 memory int 2 memorySwap int 3 cpuShares int 4 cpuPeriod int 5 cpuQuota int"
        " 6 cpusetCpus text 7 cpusetMems text",
    }.items()
}
# What stands there also where it is empty.
_ALWAYS: Mapping[str, Mapping[str, object]] = {
    "Op": {"Op": {}},
    "FileAction": {"input": 0, "secondaryInput": 0, "output": 0, "Action": {}},
    "UserOpt": {"User": {}},
}
_SHAPES = {
    "source": "ellipse",
    "exec": "box",
    "build": "box3d",
    "merge": "invtriangle",
    "diff": "doublecircle",
}


class Operation(NamedTuple):
    """One operation of a definition: its digest, what it does, and what else is known of it."""

    digest: str
    op: Mapping[str, Any]
    metadata: Mapping[str, Any]


def operations(definition: bytes) -> tuple[Operation, ...]:
    """Return the operations, in the order of the definition. Raises ``UsageError`` for what is no LLB."""
    packed, metadata, _ = read_definition(definition)
    found: list[Operation] = []
    for operation in packed:
        digest = f"sha256:{sha256(operation).hexdigest()}"
        try:
            op = _object(memoryview(operation), "Op")
            known = _object(memoryview(metadata.get(digest, b"")), "OpMetadata")
        except Http2Error as exc:
            raise UsageError(
                f"operation {len(found) + 1} of what is given as LLB can't be read",
                hint="give what a program prints that marshals LLB",
            ) from exc
        found.append(Operation(digest, op, known))
    return tuple(found)


def json_lines(found: Sequence[Operation]) -> Iterator[str]:
    """Yield each operation as JSON, as ``buildctl debug dump-llb`` writes it."""
    for operation in found:
        values = {"Op": operation.op, "Digest": operation.digest, "OpMetadata": operation.metadata}
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def dot_graph(found: Sequence[Operation]) -> Iterator[str]:
    """Yield the lines of the graph in DOT, the language of Graphviz."""
    yield "digraph {"
    for operation in found:
        label, shape = _node(operation)
        yield f"  {_quoted(operation.digest)} [label={_quoted(label)} shape={_quoted(shape)}];"
    for operation in found:
        for index, source in enumerate(operation.op.get("inputs", ())):
            edge = f"{_quoted(source.get('digest', ''))} -> {_quoted(operation.digest)}"
            yield f"  {edge} [label={_quoted(_edge(operation, index))}];"
    yield "}"


def _node(operation: Operation) -> tuple[str, str]:
    kind, what = _only(operation.op["Op"])
    match kind:
        case "source":
            label = what.get("identifier", "")
        case "exec":
            label = " ".join(what.get("meta", {}).get("args", ()))
        case "file":
            return ",".join(map(_action, what.get("actions", ()))), "note"
        case "build" | "merge" | "diff":
            label = kind
        case _:
            return operation.digest, "plaintext"
    return label, _SHAPES[kind]


def _only(choice: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """Return the one entry of an object, or nothing of no kind."""
    for entry in choice.items():
        return entry
    return "", {}


def _action(action: Mapping[str, Any]) -> str:
    kind, what = _only(action["Action"])
    names = {"copy": ("src", "dest"), "symlink": ("oldpath", "newpath")}.get(kind, ("path",))
    values = ", ".join(f"{name}={what.get(name, '')}" for name in names)
    return f"{kind}{{{values}}}"


def _edge(operation: Operation, index: int) -> str:
    """Return where an input is mounted, empty for the root."""
    mounts = operation.op["Op"].get("exec", {}).get("mounts", ())
    places = [mount.get("dest", "") for mount in mounts if mount.get("input", 0) == index]
    return next((place for place in reversed(places) if place != "/"), "")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _object(message: Value, kind: str) -> dict[str, Any]:
    """Return a message as an object; what is empty is left out, as Go's encoder does."""
    fields = _MESSAGES[kind]
    values: dict[str, Any] = deepcopy(dict(_ALWAYS.get(kind, {})))
    for number, value in submessage(message):
        if number in fields:
            *outer, name = fields[number].names
            _put(values.setdefault(outer[0], {}) if outer else values, name, fields[number], value)
    return {name: values[name] for name in _in_order(fields, values)}


def _in_order(fields: Mapping[int, _Field], values: Mapping[str, Any]) -> Iterator[str]:
    return (name for name in dict.fromkeys(field.names[0] for field in fields.values()) if name in values)


def _put(values: dict[str, Any], name: str, field: _Field, value: Value) -> None:
    match field.many:
        case "[]" if field.kind == "int" and not isinstance(value, int):
            values.setdefault(name, []).extend(packed_integers(value))
        case "[]":
            values.setdefault(name, []).append(_value(field.kind, value))
        case "{}":
            entry = dict(submessage(value))
            empty: Value = 0 if field.kind == "bool" else memoryview(b"")
            key = text(entry.get(1, memoryview(b"")))
            values.setdefault(name, {})[key] = _value(field.kind, entry.get(2, empty))
        case _:
            known = _value(field.kind, value)
            if known or isinstance(known, dict) or name in values:
                values[name] = known


def _value(kind: str, value: Value) -> object:
    match kind:
        case "text":
            return text(value)
        case "bytes":
            return b64encode(value).decode() if not isinstance(value, int) else ""
        case "int":
            return integer(value)
        case "bool":
            return bool(value)
        case _:
            return _object(value, kind)
