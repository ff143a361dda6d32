"""A real Docker engine: as the place where an image is loaded to, and as the daemon that builds."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from router import (
    BuildError,
    BuildRequest,
    Cancellation,
    CancelledError,
    Output,
    OutputError,
    RouterConfig,
    Secret,
)
from tests.e2e.builder import Builder, small_busybox, tar_files, write_tree
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry

# The engine of the tests has no bridge.
HOST_NETWORK = {"force-network-mode": "host"}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    dockerfile = "FROM scratch\nCOPY a.txt /a.txt\nLABEL who=me\n"
    return write_tree(tmp_path / "context", {"Dockerfile": dockerfile, "a.txt": tmp_path.name})


def saved_files(engine: Dockerd, tag: str) -> dict[str, bytes]:
    """Return the files of an image's layers, as the engine saves them."""
    target = engine.directory / "saved.tar"
    engine.cli("save", "--output", str(target), tag)
    found: dict[str, bytes] = {}
    for name, content in tar_files(target.read_bytes()).items():
        if name.endswith("layer.tar"):
            found |= tar_files(content)
    return found


def image_id(engine: Dockerd, tag: str) -> str:
    return engine.cli("image", "inspect", "--format", "{{.Id}}", tag).strip()


# -- buildkitd builds, the engine gets the image


def test_load_puts_the_image_into_the_engine(builder: Builder, dockerd: Dockerd, context: Path) -> None:
    builder.environment |= dockerd.environment
    tags = ("example.test/loaded:1", "example.test/loaded:2")

    result = builder.build(BuildRequest(context=str(context), tags=tags, load=True))

    assert image_id(dockerd, tags[0]) == image_id(dockerd, tags[1]) == result.image_id
    assert saved_files(dockerd, tags[0]) == {"a.txt": (context / "a.txt").read_bytes()}
    label = dockerd.cli("image", "inspect", "--format", "{{.Config.Labels.who}}", tags[0])
    assert label.strip() == "me"


def test_load_and_push_are_two_outputs_of_one_build(
    builder: Builder, dockerd: Dockerd, registry: Registry, context: Path
) -> None:
    builder.environment |= dockerd.environment
    tag = f"{registry.host}/both:1"

    result = builder.build(BuildRequest(context=str(context), tags=(tag,), load=True, push=True))

    assert result.digest == registry.digest("both", "1")
    assert saved_files(dockerd, tag) == {"a.txt": (context / "a.txt").read_bytes()}


def test_a_failing_build_loads_nothing(
    builder: Builder, dockerd: Dockerd, tmp_path: Path, busybox: str
) -> None:
    builder.environment |= dockerd.environment
    write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nRUN exit 3\n"})

    with pytest.raises(BuildError):
        builder.build(
            BuildRequest(context=str(tmp_path / "context"), tags=("example.test/broken:1",), load=True)
        )

    assert dockerd.cli("image", "ls", "--quiet", "example.test/broken") == ""


class FakeEngine(http.server.BaseHTTPRequestHandler):
    """Takes an archive; what becomes of it is up to the classes below."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()
        self.take()

    def take(self) -> None:
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class FullEngine(FakeEngine):
    """Answers as an engine whose disk is full: with an error among the lines of its answer."""

    def take(self) -> None:
        body = b'{"errorDetail":{"message":"no space left"},"error":"no space left"}\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class BusyEngine(FakeEngine):
    """Unpacks without end."""

    taken = threading.Event()

    def take(self) -> None:
        self.taken.set()
        self.rfile.read(1)


@contextmanager
def listening(engine: type[FakeEngine]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), engine) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_engine_that_does_not_take_the_image_is_an_error_of_the_output(
    builder: Builder, context: Path
) -> None:
    request = BuildRequest(context=str(context), tags=("example.test/refused:1",), load=True)
    with (
        listening(FullEngine) as builder.environment["DOCKER_HOST"],
        pytest.raises(OutputError, match="did not take the image: no space left"),
    ):
        builder.build(request)


def test_a_build_can_be_cancelled_while_the_engine_unpacks(builder: Builder, context: Path) -> None:
    times = []
    with (
        listening(BusyEngine) as builder.environment["DOCKER_HOST"],
        Cancellation() as cancellation,
    ):

        def cancel() -> None:
            assert BusyEngine.taken.wait(timeout=30)
            times.append(time.monotonic())
            cancellation.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        request = BuildRequest(context=str(context), tags=("example.test/busy:1",), load=True)
        with pytest.raises(CancelledError):
            builder.build(request, cancellation=cancellation)
        times.append(time.monotonic())
        thread.join()

    assert times[1] - times[0] < 2.0


# -- the engine builds


@pytest.fixture
def engine_builder(dockerd: Dockerd, tmp_path: Path) -> Builder:
    """The native backend on the engine's own BuildKit, found as docker finds it."""
    return Builder(config=RouterConfig(), scratch=tmp_path, environment=dict(dockerd.environment))


def test_the_engine_keeps_what_it_builds(engine_builder: Builder, dockerd: Dockerd, context: Path) -> None:
    tag = "example.test/native:1"

    result = engine_builder.build(BuildRequest(context=str(context), tags=(tag,)))

    assert image_id(dockerd, tag) == result.image_id
    assert "example.test/native" in dockerd.cli("images")
    assert saved_files(dockerd, tag) == {"a.txt": (context / "a.txt").read_bytes()}


def test_load_is_what_the_engine_does_anyway(
    engine_builder: Builder, dockerd: Dockerd, context: Path
) -> None:
    tag = "example.test/native-load:1"

    engine_builder.build(BuildRequest(context=str(context), tags=(tag,), load=True))

    assert saved_files(dockerd, tag) == {"a.txt": (context / "a.txt").read_bytes()}


@pytest.fixture
def engine_base(registry: Registry) -> str:
    """A base image for RUN, which the engine pulls."""
    return registry.push(small_busybox(), "engine-base")


def test_secrets_and_arguments_reach_a_step_of_the_engine(
    engine_builder: Builder, engine_base: str, tmp_path: Path
) -> None:
    dockerfile = f"""\
FROM {engine_base}
ARG WORD
RUN --mount=type=secret,id=token cat /run/secrets/token | wc -c >/size && echo $WORD >/word
"""
    write_tree(tmp_path / "context", {"Dockerfile": dockerfile, "secret": "sixsix"})
    request = BuildRequest(
        context=str(tmp_path / "context"),
        build_args={"WORD": "hello"},
        secrets=(Secret(id="token", path=str(tmp_path / "context/secret")),),
        frontend_options=HOST_NETWORK,
    )

    files = engine_builder.files(request)

    assert (files["size"].strip(), files["word"]) == (b"6", b"hello\n")


def test_a_failing_step_on_the_engine_is_told_with_its_output(
    engine_builder: Builder, engine_base: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {engine_base}\nRUN echo before; exit 7\n"
    write_tree(tmp_path / "context", {"Dockerfile": dockerfile})

    with pytest.raises(BuildError, match="exit code: 7") as caught:
        engine_builder.build(BuildRequest(context=str(tmp_path / "context"), frontend_options=HOST_NETWORK))

    assert "RUN echo before" in caught.value.step
    assert caught.value.log_tail == ("before",)


def test_the_engine_exports_a_tree(engine_builder: Builder, context: Path, tmp_path: Path) -> None:
    output = Output(type="local", dest=str(tmp_path / "out"))

    engine_builder.build(BuildRequest(context=str(context), outputs=(output,)))

    assert (tmp_path / "out/a.txt").read_bytes() == (context / "a.txt").read_bytes()


def test_pull_takes_the_registrys_image_instead_of_the_engines(
    engine_builder: Builder, dockerd: Dockerd, registry: Registry, context: Path, tmp_path: Path
) -> None:
    tag = f"{registry.host}/pulled:1"
    write_tree(context, {"a.txt": "the engine's\n"})
    engine_builder.build(BuildRequest(context=str(context), tags=(tag,)))
    registry.push(replace(small_busybox(), config={"Labels": {"who": "registry"}}), "pulled", "1")
    write_tree(tmp_path / "user", {"Dockerfile": f"FROM {tag}\nLABEL built=yes\n"})

    labels = []
    for pull in (False, True):
        built = f"example.test/pulled:{pull}".lower()
        engine_builder.build(BuildRequest(context=str(tmp_path / "user"), tags=(built,), pull=pull))
        shown = dockerd.cli("image", "inspect", "--format", "{{.Config.Labels.who}}", built)
        labels.append(shown.strip())

    assert labels == ["me", "registry"]
