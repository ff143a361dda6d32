"""A build through the library's front door, with what it told kept; and readers of what came of it."""

from __future__ import annotations

import functools
import http.server
import io
import json
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from router import BuildRequest, BuildResult, BuildRouter, Cancellation, RouterConfig
from router._proto import control_pb2 as pb
from router.address import parse_address
from router.model.events import Event, Notice, SolveStatus, Vertex
from router.model.request import Output, OutputType
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.servers import binaries
from tests.servers.oci import Entry, Image

SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def _nothing(_event: Event) -> None:
    """Do nothing more."""


@dataclass(kw_only=True)
class Builder:
    """Builds with one config. ``scratch`` is a folder for results that are read at once; ``events`` is what
    all its builds told, and ``then`` is called after each event."""

    config: RouterConfig
    scratch: Path
    environment: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    then: Callable[[Event], None] = _nothing

    def build(self, request: BuildRequest, *, cancellation: Cancellation | None = None) -> BuildResult:
        """Build by way of BuildRouter."""
        state = str(self.scratch / "state")
        environment = {
            "PATH": SEARCH_PATH,
            "HOME": "/nonexistent",
            "XDG_STATE_HOME": state,
            **self.environment,
        }
        router = BuildRouter(self.config, environment=environment)
        return router.build(request, on_event=self._on_event, cancellation=cancellation)

    def files(self, request: BuildRequest) -> dict[str, bytes]:
        """Build, and return the files of the result by their paths."""
        return tar_files(self._output(request, "tar"))

    def image(self, request: BuildRequest) -> OciArchive:
        """Build, and return the image."""
        return OciArchive(self._output(request, "oci"))

    def _output(self, request: BuildRequest, kind: OutputType) -> bytes:
        path = self.scratch / f"result.{kind}"
        self.build(replace(request, outputs=(Output(type=kind, dest=str(path)),)))
        return path.read_bytes()

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self.then(event)

    @property
    def statuses(self) -> list[SolveStatus]:
        """The daemon's messages."""
        return [event for event in self.events if isinstance(event, SolveStatus)]

    @property
    def vertexes(self) -> dict[str, Vertex]:
        """The steps by their names, as last told."""
        return {vertex.name: vertex for status in self.statuses for vertex in status.vertexes}

    @property
    def log(self) -> bytes:
        """Everything that steps wrote."""
        return b"".join(log.data for status in self.statuses for log in status.logs)

    @property
    def warnings(self) -> list[str]:
        """The router's own warnings."""
        return [event.text for event in self.events if isinstance(event, Notice) and event.level == "warning"]


class OciArchive:
    """An image in an OCI layout's tar."""

    def __init__(self, data: bytes) -> None:
        self._members = tar_files(data)

    @property
    def index(self) -> Mapping[str, Any]:
        """The layout's own index."""
        return _json(self._members["index.json"])

    def blob(self, digest: str) -> bytes:
        """Return a blob."""
        return self._members[f"blobs/{digest.replace(':', '/')}"]

    def json(self, digest: str) -> Mapping[str, Any]:
        """Return a blob that is JSON."""
        return _json(self.blob(digest))

    def manifests(self) -> dict[str, Mapping[str, Any]]:
        """Return the images' manifests by platform; one image alone has the platform of its config."""
        top = self.json(self.index["manifests"][0]["digest"])
        if "config" in top:
            config = self.json(top["config"]["digest"])
            return {f"{config['os']}/{config['architecture']}": top}
        return {
            f"{item['platform']['os']}/{item['platform']['architecture']}": self.json(item["digest"])
            for item in top["manifests"]
            if item["platform"]["os"] != "unknown"  # attestations
        }

    def config(self, platform: str = "linux/amd64") -> Mapping[str, Any]:
        """Return an image's config."""
        return self.json(self.manifests()[platform]["config"]["digest"])

    def files(self, platform: str = "linux/amd64") -> dict[str, bytes]:
        """Return the files of all layers; whiteouts aren't looked at."""
        found: dict[str, bytes] = {}
        for layer in self.manifests()[platform]["layers"]:
            found |= tar_files(self.blob(layer["digest"]))
        return found


def tar_files(data: bytes) -> dict[str, bytes]:
    """Return the regular files of a tar, compressed or not, by their paths."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if member.isfile() and content is not None:
                found[member.name.removeprefix("./")] = content.read()
    return found


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files by their paths below ``root``, and return it."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def tar_of(files: Mapping[str, str | bytes]) -> bytes:
    """Return a tar of files by their paths."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def small_busybox() -> Image:
    """Return a base image that is enough for RUN in its shell form, with few entries: it unpacks fast."""
    names = ("sh", "cat", "echo", "sleep", "wc", "mkdir", "env", "head", "seq", "touch")
    folders = (*map(_folder, ("bin", "dev", "etc", "proc", "sys", "run")), Entry(path="tmp", mode=0o1777))
    program = Entry(path="bin/busybox", source=binaries.busybox())
    links = (Entry(path=f"bin/{name}", link="busybox") for name in names)
    return Image(
        reference="busybox",
        layers=((*folders, program, *links),),
        config={"Env": ["PATH=/bin"], "Cmd": ["sh"]},
    )


def _folder(path: str) -> Entry:
    return Entry(path=path)


def active_builds(address: str) -> int:
    """Return how many builds a daemon has in flight."""
    with Channel(dial(parse_address(address), DialOptions(timeout=10)), peer=address) as channel:
        return Control(channel).active_builds(timeout=10)


def wait_until_idle(address: str, *, within: float) -> float:
    """Return after how many seconds the daemon had no build in flight."""
    started = time.monotonic()
    while active_builds(address):
        assert time.monotonic() - started < within
        time.sleep(0.05)
    return time.monotonic() - started


def finished_builds(address: str) -> int:
    """Return how many builds a daemon has in its history, failed ones too."""
    refs: set[str] = set()

    def on_event(message: memoryview) -> None:
        event = pb.BuildHistoryEvent.FromString(bytes(message))
        refs.add(event.record.Ref)

    with Channel(dial(parse_address(address), DialOptions(timeout=10)), peer=address) as channel:
        call = channel.start(
            "/moby.buildkit.v1.Control/ListenBuildHistory",
            request=pb.BuildHistoryRequest(EarlyExit=True).SerializeToString(),
            on_message=on_event,
        )
        channel.run(lambda: call.done, timeout=10)
    assert call.error is None
    return len(refs)


def _json(data: bytes) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(data)
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder over HTTP on loopback; yield the URL without a slash at its end."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, name="www")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
