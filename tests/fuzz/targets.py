"""What is read from strangers: a function of bytes for each reader, and inputs to begin with.

A target reads, or raises what its reader is meant to refuse with. Anything else that it raises is a bug.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from cli.building.results import metadata
from cli.commands.history.listed import builds_table, record_values
from cli.commands.history.trace import span_lines
from cli.render.call import render_answer
from router._proto import control_pb2 as pb
from router._proto import ops_pb2
from router._proto.fsutil_pb2 import Packet, Stat
from router.address import parse_address
from router.bake.definition import BakeFile
from router.bake.outside import BakeOutside
from router.bake.printing import bake_plan_json, bake_variables_json
from router.bake.reading import plan_bake, read_bake
from router.docker import config as docker_config
from router.errors import FleetError, RouterError, UsageError
from router.flags.add_host import parse_add_host
from router.flags.address import parse_addresses
from router.flags.annotation import parse_annotations
from router.flags.attest import parse_attests
from router.flags.build_context import parse_build_contexts
from router.flags.cache import CACHE_FROM, parse_caches
from router.flags.call import Call, parse_call
from router.flags.context import parse_context
from router.flags.entitlement import parse_entitlements
from router.flags.identity import parse_identity
from router.flags.network import parse_network
from router.flags.output import parse_output
from router.flags.platform import parse_platforms
from router.flags.resource import parse_resources
from router.flags.secret import parse_secret
from router.flags.ssh import parse_ssh
from router.flags.ulimit import parse_ulimit
from router.fstransfer.patterns import PatternMatcher
from router.fstransfer.receiver import Receiver
from router.kubernetes.config import KubeSource, load_target
from router.kubernetes.credentials import credentials_for
from router.kubernetes.members import Listed
from router.kubernetes.pod_list import Expired, PodList
from router.kubernetes.pods import Reach, daemons_of
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.identity import Identity
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.net.exec_status import read_status
from router.net.websocket import Opcode, WebSocketError
from router.net.websocket import Receiver as WebSocketReceiver
from router.notation.duration import parse_duration
from router.notation.flag import Flag
from router.notation.keyvalue import parse_build_args, parse_labels
from router.notation.oci_reference import parse_oci_reference
from router.notation.size import parse_size
from router.notation.tag import parse_reference
from router.operations.records import DaemonRecord
from router.operations.spans import as_otlp, parse_spans
from router.providers.git_index import BrokenIndexError, join_split, parse_index
from router.providers.oci_index import resolve_image
from router.providers.oci_layout import OCILayout
from router.providers.ssh_agent import key_agent
from router.providers.stdin_context import open_stdin_context
from router.rpc.events import Http2Error
from router.rpc.frames import PREFACE
from router.rpc.frames import settings as settings_frame
from router.rpc.http2 import Http2Connection
from router.rpc.protobuf import field
from router.serving.asked import bridge_sessions, read_asked
from router.serving.bridge_messages import UNARY, paired, translated
from router.serving.pipes import OverrunError
from router.solve.events import solve_status
from router.solve.llb import without_cache
from router.solve.rawjson import parse_rawjson
from router.solve.record import record_event
from router.solve.source_policy import source_policy
from router.untrusted_json import NotJSONError, read_json
from tests.fuzz import endpoint
from tests.processor import processor_seconds
from tests.unit.providers.index_files import index_file, link

__all__ = ["TARGETS", "Target"]

_FLAG = Flag(name="--any", example="x")

_SPECS: Sequence[Callable[[str], object]] = (
    parse_add_host,
    parse_address,
    parse_call,
    parse_context,
    parse_identity,
    parse_network,
    parse_output,
    parse_reference,
    parse_ssh,
    parse_ulimit,
    lambda text: parse_addresses([text]),
    lambda text: parse_annotations([text], local="linux/amd64"),
    lambda text: parse_attests([text], sbom=text, provenance=text),
    lambda text: parse_build_args([text], {}),
    lambda text: parse_build_contexts([text]),
    lambda text: parse_caches([text], CACHE_FROM),
    lambda text: parse_duration(text, _FLAG),
    lambda text: parse_entitlements([text]),
    lambda text: parse_labels([text]),
    lambda text: parse_oci_reference(text, _FLAG),
    lambda text: parse_platforms([text], local="linux/amd64"),
    lambda text: parse_resources([text]),
    lambda text: parse_secret(text, {}),
    lambda text: parse_size(text, _FLAG),
)


# For whatever an input of 64 KB says.
_PATTERN_SECONDS = 0.5


class Target(NamedTuple):
    """One reader. ``seeds`` are right inputs, which it reads: what is nearly right goes deepest."""

    read: Callable[[bytes], None]
    seeds: Sequence[bytes]
    refusals: tuple[type[Exception], ...] = ()

    def run(self, data: bytes) -> None:
        """Read it, or refuse it."""
        with suppress(*self.refusals):
            self.read(data)


def _specs(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    refused = []
    for parse in _SPECS:
        try:
            parse(text)
        except UsageError as exc:
            refused.append(exc)
    if len(refused) == len(_SPECS):
        raise refused[0]


def _packets(data: bytes) -> None:
    """A daemon that sends a tree: nothing may be written outside of the destination."""
    with tempfile.TemporaryDirectory() as directory:
        destination = Path(directory, "to")
        receiver = Receiver(str(destination))
        try:
            for message in data.split(b"\xff\x00"):
                receiver.receive(message)
            receiver.end_of_input()
        finally:
            receiver.close()
            assert [path.name for path in Path(directory).iterdir()] in ([], ["to"])


def _http2(data: bytes, *, client: bool) -> None:
    connection = Http2Connection(client=client)
    connection.receive(settings_frame({}) if client else PREFACE + settings_frame({}))
    connection.receive(data)
    assert sum(map(len, connection.take(10_000))) < 100_000


def _patterns(data: bytes) -> None:
    """A pattern file and a path: decided in time, whatever they are."""
    *lines, path = data.decode("utf-8", "surrogateescape").split("\n")

    refusals: list[UsageError] = []

    def decide() -> None:
        try:
            matcher = PatternMatcher(lines)
            matched, _ = matcher.match(path, 0)
            assert matcher.tester(0)(path) is matched
        except UsageError as exc:
            refusals.append(exc)

    assert processor_seconds(decide, enough=_PATTERN_SECONDS) < _PATTERN_SECONDS
    if refusals:
        raise refusals[0]


def _stdin_context(data: bytes) -> None:
    with open_stdin_context(BuildRequest(context="-"), BytesIO(data)) as request:
        assert (request.context_archive is None) != (request.dockerfile_text is None)


def _docker_config(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "config.json").write_bytes(data)
        environment = {"DOCKER_CONFIG": directory}
        config = docker_config.load(environment)
        config.stored("registry.example.com")
        config.proxy_build_args()


def _kubeconfig(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        target = load_target(KubeSource(environment={}, kubeconfig=file.name))
        if target.user.plugin is None:
            credentials_for(target, {}, timeout=1.0)


def _status(data: bytes) -> None:
    solve_status(memoryview(data))


def _history(data: bytes) -> None:
    """Whatever a daemon remembers can be listed and written."""
    record = record_event(memoryview(data))
    if record is not None:
        build = DaemonRecord(daemon=Daemon(name="a", address=TcpAddress(host="b")), record=record)
        assert max(map(len, builds_table([build], room=80).split("\n"))) < 3000
        json.dumps(record_values(build), allow_nan=False)


def _trace(data: bytes) -> None:
    spans = parse_spans(data)
    json.dumps(as_otlp(spans), allow_nan=False)
    assert len(list(span_lines(spans))) == len(spans) + 1


def _rawjson(data: bytes) -> None:
    parse_rawjson(data)


def _definition(name: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        outside = BakeOutside(
            environment={"A": "a"},
            variables={},
            builtin={},
            now=datetime(2024, 1, 2, tzinfo=UTC),
            home="/home/me",
        )
        definition = read_bake([BakeFile(name, data)], outside, lambda _path: None)
        names = [each.name for each in definition.targets]
        if names:
            bake_plan_json(plan_bake(definition, names, [], outside))
        bake_variables_json(definition.variables)

    return read


def _untrusted_json(data: bytes) -> None:
    """Whatever is read can be written, compared and looked into."""
    value = read_json(data)
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    address = TcpAddress(host="b")
    metadata(BuildResult(daemon="a", address=address, ref="c", metadata={"x": b64encode(data).decode()}))


def _pods(data: bytes) -> None:
    with suppress(FleetError, Expired):
        PodList(b'{"items":[]}').apply(data)
    pods = PodList(data).pods
    daemons_of(Listed(pods=pods, known={}, selector="a=b"), _REACH, Identity(kind="label", key="a"))


def _answer(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    render_answer(Call(method="check"), {"result.json": text, "result.txt": text}, "Dockerfile")


def _llb(data: bytes) -> None:
    without_cache(data)


def _policy(data: bytes) -> None:
    source_policy(data.decode("utf-8", "replace"))


def _asked(data: bytes) -> None:
    with suppress(Http2Error):  # it is another message
        bridge_sessions(memoryview(data))
    read_asked(memoryview(data))


def _bridged(data: bytes) -> None:
    half = len(data) // 2
    for method in UNARY:
        with suppress(Http2Error):
            translated(method, data, {"old": "new"})
        with suppress(Http2Error):
            paired(method, data[:half], data[half:])


def _websocket(data: bytes) -> None:
    receiver = WebSocketReceiver()
    for start in range(0, len(data), 7):
        receiver.feed(data[start : start + 7])
        for message in receiver.messages():
            assert message.payload or message.opcode >= Opcode.CLOSE


def _exec_status(data: bytes) -> None:
    read_status(data)


def _ssh_agent(data: bytes) -> None:
    if data:  # an empty message ends the conversation
        assert key_agent(())(data)


def _oci_index(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "index.json").write_bytes(data)
        Path(directory, "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        resolve_image(OCILayout(directory), "latest")


def _git_index(data: bytes) -> None:
    """An index, and the shared one below it where it is split; a checksum would keep the fuzzer out."""
    own, _, base = data.partition(_BELOW)
    index = parse_index(own + bytes(20))
    if index.shared:
        below = parse_index(base + sha1(base, usedforsecurity=False).digest())
        index = join_split(replace(index, shared=replace(index.shared, checksum=below.data[-20:])), below)
    assert sum(map(len, index.files)) <= 8 * len(data) + 160


def _tar() -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("Dockerfile"), BytesIO(b""))
    return out.getvalue()


def _tree() -> bytes:
    entry = Packet(type=Packet.PACKET_STAT, stat=Stat(path=b"file", mode=0o644, size=2))
    data = Packet(type=Packet.PACKET_DATA, ID=0, data=b"ab")
    packets = (entry, Packet(type=Packet.PACKET_STAT), data, Packet(type=Packet.PACKET_DATA, ID=0))
    return b"\xff\x00".join(packet.SerializeToString() for packet in packets)


def _vertex() -> bytes:
    status = pb.StatusResponse()
    vertex = status.vertexes.add(digest="sha256:0", name="step")
    vertex.started.seconds = 1
    status.logs.add(vertex="sha256:0", msg=b"line\n")
    return status.SerializeToString()


_CONFIG = {
    "auths": {"registry.example.com": {"auth": "dXNlcjpwdw=="}},
    "proxies": {"default": {"httpProxy": "http://p:1"}},
}
_KUBECONFIG = b"""\
current-context: a
clusters: [{name: c, cluster: {server: 127.0.0.1:1, tls-server-name: k, certificate-authority-data: YQ==}}]
users: [{name: u, user: {token: t, as: jane, as-user-extra: {x: [y]}, exec: {command: p, env: [{name: a}]}}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
---
"""
_KUBE = {
    "current-context": "a",
    "clusters": [{"name": "c", "cluster": {"server": "https://k"}}],
    "users": [
        {
            "name": "u",
            "user": {
                "auth-provider": {
                    "name": "oidc",
                    "config": {
                        "client-id": "c",
                        "idp-issuer-url": "i",
                        "id-token": "a.eyJleHAiOjQwMDAwMDAwMDB9.b",
                    },
                }
            },
        }
    ],
    "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
}
_RULE = {"action": "CONVERT", "selector": {"identifier": "docker-image://a", "match_type": "REGEX"}}
_INDEX = {"schemaVersion": 2, "manifests": [{"digest": f"sha256:{'0' * 64}", "size": 1, "annotations": {}}]}

_BELOW = b"|below|"
_SPLIT = index_file(2, (b"", b"new"), link(0b01, 0b10)) + _BELOW + index_file(2, (b"a", b"b"))
_INDEXES = (*(index_file(version, (b"a", b"d/b", b"d/longer name")) for version in (2, 3, 4)), _SPLIT)
_POD = {
    "metadata": {
        "name": "b-1",
        "ownerReferences": [{"kind": "StatefulSet", "name": "b", "controller": True}],
    },
    "spec": {"containers": [{"name": "buildkitd", "ports": [{"containerPort": 1234}]}]},
    "status": {"podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
}
_PLACE = {"sourceIndex": 0, "ranges": [{"start": {"line": 1}, "end": {"line": 1}}]}
_CHECK = {
    "sources": [{"filename": "Dockerfile", "data": "RlJPTSBzY3JhdGNoCg=="}],
    "warnings": [{"ruleName": "a", "detail": "b", "location": _PLACE}],
    "buildError": {"message": "c", "location": _PLACE},
}
_REACH = Reach(namespace="ci", context=None, pod_ip=None)


def _record() -> bytes:
    blob = pb.Descriptor(digest="sha256:0", annotations={"a": "b"})
    record = pb.BuildHistoryRecord(
        Ref="r",
        FrontendAttrs={"filename": "a/Dockerfile", "vcs:localdir:dockerfile": "b", "target": "t"},
        Exporters=[pb.Exporter(Type="image", Attrs={"name": "a,b", "warmroute.key": "k"})],
        Result=pb.BuildResultInfo(Attestations=[blob], Results={0: blob}),
        numTotalSteps=3,
    )
    record.CreatedAt.seconds = record.CompletedAt.seconds = 1
    record.error.message = "m"
    return pb.BuildHistoryEvent(record=record).SerializeToString()


def _solve() -> bytes:
    operation = ops_pb2.Op(source=ops_pb2.SourceOp(identifier="local://a", attrs={"local.session": "s"}))
    llb = ops_pb2.Definition.FromString(field(1, operation.SerializeToString()))
    return pb.SolveRequest(
        Ref="r",
        Session="s",
        FrontendAttrs={
            "context": "https://github.com/a/b.git#main:c",
            "context:a": "input:b",
            "local-sessionid:context": "t",
            "platform": "linux/arm64/v8,local",
            "vcs:source": "git@github.com:a/b.git",
            "vcs:localdir:context": "c",
        },
        FrontendInputs={"b": llb},
        Definition=llb,
        Exporters=[pb.Exporter(Type="image", Attrs={"name": "a/b:1,c"})],
    ).SerializeToString()


_FRAMES = (settings_frame({1: 0}), b"\0\0\4\x08\0\0\0\0\0\0\0\1\0")

_SPAN = json.dumps(
    {
        "Name": "a",
        "SpanContext": {"TraceID": "01", "SpanID": "02"},
        "Parent": {"SpanID": "00"},
        "StartTime": "2026-11-27T21:05:50.5Z",
        "EndTime": "2026-11-27T21:05:51+01:00",
        "Attributes": [{"Key": "a", "Value": {"Type": "INT64SLICE", "Value": [1]}}],
        "Status": {"Code": 1},
    },
    indent=2,
).encode()

_DEFINITIONS = (
    b"""variable "L" { default = ["x", 1.5, true] }
function "f" {
  params = [x]
  variadic_params = rest
  result = "${upper(x)}-${length(rest)}"
}
group "default" { targets = ["app", "base"] }
target "base" {
  name = "base-${v}"
  matrix = { v = ["a", "b"] }
  args = { A = f("x", 1, L[*]...), B = target.app.tags[0], C = 1 + 2 * 3 % 4 == 5 ? "y" : "n" }
}
target "app" {
  tags = [for k, v in { a = 1, b = 2 } : "${k}:${v}" if v > 1]
  output = ["type=image,push=true", { type = "local", dest = "x" }]
  dockerfile-inline = <<-E
    FROM x
    RUN %{ if true ~} a %{ else }b%{ endif }
  E
}
""",
    b'a = try(regex("(a|b)*c?[^d]", "abc"), format("%5.2f", 1e3))\nb = jsonencode({ x = [1, "y"] })\n',
)
_JSON_DEFINITION = (
    b'{"variable": {"A": {"default": "x"}}, '
    b'"target": {"app": [{"tags": ["${A}"]}, {"args": {"B": null, "C": 1.5}}]}}'
)
_COMPOSE_FILE = (
    b"services:\n  app:\n    image: x\n    build: &b\n      context: ${A:-.}\n      args: [A, B=1]\n"
    b"      x-bake: {tags: [a]}\n  lib:\n    extends: app\n    build: {<<: *b, shm_size: 1g}\n"
)

TARGETS: dict[str, Target] = {
    "specs": Target(
        _specs,
        (
            b'type=local,"dest=a,b"',
            b"id=a,src=b",
            b"registry.example.com:5000/a/b:1@sha256:0",
            b"https://github.com/a/b.git#main:sub",
            b"kube-pod://a?namespace=b",
            b"linux/arm64/v8,local",
            b"index[linux/amd64],manifest:a=b",
            b"host=[::1]",
            b"1h2m3.5s",
            b"nofile=1:2",
        ),
        (UsageError,),
    ),
    "packets": Target(_packets, (_tree(),), (RouterError, Http2Error)),
    "http2-client": Target(partial(_http2, client=True), _FRAMES, (Http2Error,)),
    "http2-server": Target(partial(_http2, client=False), _FRAMES, (Http2Error,)),
    "patterns": Target(
        _patterns,
        (
            b"**/*.log\n!keep.log\n[a-z]?\na/b.log",
            b"\\!a\n  b \nb",
            b"*a*a*a*a*a*a*a*a*a*ab\n" + b"a" * 200,
            b"**/a/" * 50 + b"b\n" + b"a/" * 200,
            b"[^b]*" * 50 + b"b\n!a{2}|*\n" + b"a" * 200,
        ),
        (UsageError,),
    ),
    "stdin-context": Target(_stdin_context, (_tar(), b"FROM scratch\n", b"\x1f\x8b\x08"), (UsageError,)),
    "definition": Target(_definition("docker-bake.hcl"), _DEFINITIONS, (UsageError,)),
    "definition-json": Target(_definition("docker-bake.json"), (_JSON_DEFINITION,), (UsageError,)),
    "definition-compose": Target(_definition("compose.yaml"), (_COMPOSE_FILE,), (UsageError,)),
    "docker-config": Target(_docker_config, (json.dumps(_CONFIG).encode(),), (UsageError,)),
    "kubeconfig": Target(_kubeconfig, (_KUBECONFIG, json.dumps(_KUBE).encode()), (UsageError,)),
    "status": Target(_status, (_vertex(),), (Http2Error,)),
    "history": Target(_history, (_record(),), (Http2Error,)),
    "trace": Target(_trace, (_SPAN, _SPAN + b"\n" + _SPAN), (NotJSONError,)),
    "json": Target(
        _untrusted_json, (json.dumps(_CONFIG).encode(), b'[1.5, "\\ud83d\\ude00", null]'), (NotJSONError,)
    ),
    "pods": Target(_pods, (json.dumps({"metadata": {}, "items": [_POD]}).encode(),), (ValueError,)),
    "check": Target(_answer, (json.dumps(_CHECK).encode(),)),
    "rawjson": Target(
        _rawjson, (b'{"vertexes":[{"digest":"sha256:0","name":"a","started":"2026-01-02T03:04:05.6Z"}]}',)
    ),
    "llb": Target(_llb, (b"\n\x03abc\x12\x04\n\x02ab",), (UsageError,)),
    "source-policy": Target(_policy, (json.dumps({"version": 1, "rules": [_RULE]}).encode(),), (UsageError,)),
    "endpoint-client": Target(endpoint.client, endpoint.CLIENT_SEEDS, (Http2Error, OverrunError)),
    "endpoint-daemon": Target(endpoint.daemon, endpoint.DAEMON_SEEDS, (Http2Error, OverrunError)),
    "asked": Target(_asked, (_solve(),), (Http2Error,)),
    "bridge": Target(_bridged, (b"\x1a\x07\x1a\x05\x0a\x03old" * 2,), ()),
    "websocket": Target(
        _websocket,
        (b"\x82\x03abc", b"\x89\x00", b"\x02\x01a\x80\x01b", b"\x82\x7e\x01\x00"),
        (WebSocketError,),
    ),
    "exec-status": Target(
        _exec_status, (b'{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"1"}]}}',)
    ),
    "ssh-agent": Target(_ssh_agent, (b"\x0b", b"\x0d\0\0\0\1a\0\0\0\1b\0\0\0\0")),
    "git-index": Target(_git_index, _INDEXES, (BrokenIndexError,)),
    "oci-index": Target(_oci_index, (json.dumps(_INDEX).encode(),), (RouterError,)),
}
