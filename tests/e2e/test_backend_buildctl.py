"""The buildctl backend with the real buildctl and a real buildkitd."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from router.address import parse_address
from router.backends import BackendContext
from router.backends.buildctl import BuildctlBackend
from router.cancellation import Cancellation
from router.errors import BuildError, CancelledError, ConnectionLostError, DialError
from router.model.daemon import Daemon
from router.model.events import Event, SolveStatus
from router.model.request import BuildRequest, Output, Secret
from router.once import OneTimeFiles
from router.solve.prepared import PreparedBuild, check_build
from router.transport.options import DialOptions, TLSOptions
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.certs import CA
from tests.servers.dockerd import start_dockerd
from tests.servers.registry import start_registry

DOCKERFILE = """\
FROM scratch AS base
COPY busybox /bin/busybox
ARG WORD=default
RUN --mount=type=secret,id=file --mount=type=secret,id=variable \
    ["/bin/busybox", "sh", "-c", "\
      /bin/busybox cat /run/secrets/file /run/secrets/variable | /bin/busybox wc -c >/size; \
      echo said $WORD; echo $WORD >/word"]
FROM scratch AS result
COPY --from=base /size /word /
FROM scratch AS broken
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "echo before; exit 7"]
FROM scratch AS slow
COPY busybox /bin/busybox
ARG NONCE
RUN ["/bin/busybox", "sh", "-c", "echo $NONCE; /bin/busybox sleep 120"]
"""


@pytest.fixture(scope="module")
def buildkitd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    with start_buildkitd(tmp_path_factory.mktemp("buildkitd")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A context with a busybox, and a Dockerfile with stages for every test."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "busybox").write_bytes(binaries.busybox().read_bytes())
    (folder / "busybox").chmod(0o755)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


@dataclass
class Build:
    """One use of the backend, and what it told."""

    daemon: Daemon
    dial: DialOptions = field(default_factory=DialOptions)
    variables: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def context(self) -> BackendContext:
        path = f"{binaries.buildctl().parent}:{os.environ['PATH']}"
        return BackendContext(
            key="test",
            on_event=self.on_event,
            cancellation=self.cancellation,
            dial=self.dial,
            environment={"PATH": path, "HOME": "/nonexistent", **self.variables},
        )

    def prepared(self, request: BuildRequest) -> PreparedBuild:
        return check_build(request, self.context.environment, OneTimeFiles())

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    @property
    def names(self) -> set[str]:
        return {vertex.name for status in self.statuses for vertex in status.vertexes}

    @property
    def log(self) -> bytes:
        return b"".join(log.data for status in self.statuses for log in status.logs)

    @property
    def statuses(self) -> list[SolveStatus]:
        return [event for event in self.events if isinstance(event, SolveStatus)]


@pytest.fixture
def build(buildkitd: Buildkitd) -> Iterator[Build]:
    made = Build(Daemon(name="one", address=parse_address(buildkitd.address)))
    with made.cancellation:
        yield made


def run(build: Build, request: BuildRequest) -> dict[str, str]:
    return dict(BuildctlBackend().build(build.prepared(request), build.daemon, build.context).metadata)


def test_a_request_with_everything_builds(build: Build, project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"four")
    build.variables["MY_SECRET"] = "sixsix"
    request = BuildRequest(
        context=str(project),
        build_args={"WORD": "hello, world"},
        secrets=(
            Secret(id="file", path=str(tmp_path / "secret")),
            Secret(id="variable", env="MY_SECRET"),
        ),
        target="result",
        outputs=(Output(type="local", dest=str(tmp_path / "out")),),
    )

    run(build, request)

    assert (tmp_path / "out" / "size").read_text().strip() == "10"
    assert (tmp_path / "out" / "word").read_text() == "hello, world\n"
    assert any("RUN" in name for name in build.names)
    assert b"said hello, world\n" in build.log


def test_the_result_has_digest_and_ref(build: Build, project: Path) -> None:
    request = BuildRequest(
        context=str(project), target="result", tags=("example.test/app:1",), outputs=(Output(type="image"),)
    )

    result = BuildctlBackend().build(build.prepared(request), build.daemon, build.context)

    assert result.digest.startswith("sha256:")
    assert result.metadata["image.name"] == "example.test/app:1"
    assert len(result.ref) == 25
    assert (result.daemon, result.key) == ("one", "test")


def test_a_file_appears_whole_with_label_and_platform(build: Build, project: Path, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    request = BuildRequest(
        context=str(project),
        target="result",
        labels={"team": "a,b"},
        platforms=("linux/amd64",),
        outputs=(Output(type="oci", dest=str(archive)),),
    )

    run(build, request)

    with tarfile.open(archive) as tar:
        blobs = [tar.extractfile(member) for member in tar if member.isfile() and member.size < 10_000]
        texts = [blob.read() for blob in blobs if blob is not None]
    configs = [json.loads(text) for text in texts if text.startswith(b'{"architecture"')]
    assert configs[0]["architecture"] == "amd64"
    assert configs[0]["config"]["Labels"] == {"team": "a,b"}


def test_a_failing_step_is_told_with_its_last_output(build: Build, project: Path, tmp_path: Path) -> None:
    archive = tmp_path / "out" / "image.tar"
    archive.parent.mkdir()
    request = BuildRequest(
        context=str(project), target="broken", outputs=(Output(type="tar", dest=str(archive)),)
    )

    with pytest.raises(BuildError, match="exit code: 7") as caught:
        run(build, request)

    assert "exit 7" in caught.value.step
    assert caught.value.log_tail == ("before",)
    assert ">>> RUN" in caught.value.excerpt
    assert caught.value.excerpt.startswith("Dockerfile:")
    assert caught.value.tool_exit_code == 1
    assert list(archive.parent.iterdir()) == []


def test_a_broken_dockerfile_is_the_builds_fault(build: Build, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nNONSENSE\n")

    with pytest.raises(BuildError, match="unknown instruction: NONSENSE"):
        run(build, BuildRequest(context=str(tmp_path)))


def test_the_dockerfile_may_come_as_text(build: Build, project: Path, tmp_path: Path) -> None:
    request = BuildRequest(
        context=str(project),
        dockerfile_text=b"FROM scratch\nCOPY Dockerfile /copied\n",
        outputs=(Output(type="local", dest=str(tmp_path)),),
    )

    run(build, request)

    assert (tmp_path / "copied").read_text() == DOCKERFILE


def test_the_dockerfile_may_lie_outside_of_the_context(build: Build, project: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "Other.Dockerfile"
    other.parent.mkdir()
    other.write_text("FROM scratch\nCOPY Dockerfile /copied\n")
    request = BuildRequest(
        context=str(project), dockerfile=str(other), outputs=(Output(type="local", dest=str(tmp_path)),)
    )

    run(build, request)

    assert (tmp_path / "copied").exists()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("dockerfile_text", [None, b"FROM scratch\nCOPY word /copied\n"])
def test_a_remote_context_is_fetched_by_the_daemon(
    build: Build, tmp_path: Path, dockerfile_text: bytes | None
) -> None:
    (tmp_path / "www").mkdir()
    with tarfile.open(tmp_path / "www" / "context.tar", "w") as tar:
        for name, data in (("Dockerfile", b"FROM scratch\nCOPY word /copied\n"), ("word", b"remote\n")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with served(tmp_path / "www") as url:
        request = BuildRequest(
            context=f"{url}/context.tar",
            dockerfile_text=dockerfile_text,
            outputs=(Output(type="local", dest=str(tmp_path / "out")),),
        )

        run(build, request)

    assert (tmp_path / "out" / "copied").read_text() == "remote\n"


def test_an_image_is_pushed_with_the_docker_configs_credentials(
    build: Build, project: Path, tmp_path: Path
) -> None:
    with start_registry(tmp_path / "registry", "me", "word") as registry:
        build.variables["DOCKER_CONFIG"] = str(registry.docker_config(tmp_path / "config"))
        request = BuildRequest(
            context=str(project), target="result", tags=(f"{registry.host}/app:1",), push=True
        )

        metadata = run(build, request)

        assert metadata["containerimage.digest"] == registry.digest("app", "1")


def test_a_registry_that_refuses_fails_the_build(build: Build, project: Path, tmp_path: Path) -> None:
    with start_registry(tmp_path / "registry", "me", "word") as registry:
        request = BuildRequest(
            context=str(project), target="result", tags=(f"{registry.host}/app:1",), push=True
        )

        with pytest.raises(BuildError, match=r"401 Unauthorized|authorization failed|no basic auth"):
            run(build, request)


def test_an_image_is_loaded_into_the_docker_engine(build: Build, project: Path, tmp_path: Path) -> None:
    with start_dockerd(tmp_path / "engine") as engine:
        build.variables |= engine.environment
        request = BuildRequest(context=str(project), target="result", tags=("example.test/app:1",), load=True)

        metadata = run(build, request)

        shown = engine.cli("image", "inspect", "--format", "{{.Id}}", "example.test/app:1")
        assert shown.strip() == metadata["containerimage.config.digest"]


def test_a_secret_stands_in_no_command_line(build: Build, project: Path, tmp_path: Path) -> None:
    value = f"hidden-{tmp_path.name}"
    build.variables["MY_SECRET"] = value
    (tmp_path / "secret").write_text(value)
    lines: set[bytes] = set()

    def look(event: Event) -> None:
        build.events.append(event)
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                lines.add(file.read_bytes())

    build.on_event = look  # type: ignore[method-assign]
    request = BuildRequest(
        context=str(project),
        target="result",
        secrets=(
            Secret(id="file", path=str(tmp_path / "secret")),
            Secret(id="variable", env="MY_SECRET"),
        ),
        build_args={"WORD": tmp_path.name},
    )

    run(build, request)

    assert any(b"buildctl" in line for line in lines)
    assert not any(value.encode() in line for line in lines)


def test_a_second_build_is_cached(build: Build, project: Path) -> None:
    request = BuildRequest(context=str(project), target="base", build_args={"WORD": "twice"})
    run(build, request)
    build.events.clear()

    run(build, request)

    cached = {v.name for status in build.statuses for v in status.vertexes if v.cached}
    assert any("RUN" in name for name in cached)


def test_cancelling_ends_the_build_on_the_daemon(build: Build, project: Path, tmp_path: Path) -> None:
    request = BuildRequest(context=str(project), target="slow", build_args={"NONCE": str(tmp_path)})
    build.on_event = functools.partial(cancel_upon, build, str(tmp_path).encode())  # type: ignore[method-assign]

    with pytest.raises(CancelledError):
        run(build, request)


def cancel_upon(build: Build, word: bytes, event: Event) -> None:
    build.events.append(event)
    if word in build.log:
        build.cancellation.cancel()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("gone", r"gone \(tcp://127\.0\.0\.1:1\)"), ("tcp://127.0.0.1:1", r"tcp://127\.0\.0\.1:1")],
)
def test_a_refused_address_is_unreachable(project: Path, name: str, shown: str) -> None:
    with Cancellation() as cancellation:
        build = Build(
            Daemon(name=name, address=parse_address("tcp://127.0.0.1:1")), cancellation=cancellation
        )
        with pytest.raises(DialError, match=f"^can't reach {shown} with buildctl: ") as caught:
            run(build, BuildRequest(context=str(project), target="result"))

    assert caught.value.temporary
    assert "connection refused" in str(caught.value)


def test_a_frozen_daemon_is_given_up(project: Path, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "d", unix=False) as daemon, Cancellation() as cancellation:
        build = Build(
            Daemon(name="frozen", address=parse_address(daemon.address)),
            dial=DialOptions(timeout=2.0),
            cancellation=cancellation,
        )
        daemon.freeze()
        try:
            with pytest.raises(DialError, match="frozen"):
                run(build, BuildRequest(context=str(project), target="result"))
        finally:
            daemon.thaw()


def test_a_daemon_that_dies_during_the_build_is_lost(project: Path, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "d", unix=False) as daemon, Cancellation() as cancellation:
        build = Build(
            Daemon(name="dying", address=parse_address(daemon.address)),
            dial=DialOptions(timeout=2.0),
            cancellation=cancellation,
        )
        build.on_event = functools.partial(kill_upon, build, daemon)  # type: ignore[method-assign]

        with pytest.raises(ConnectionLostError, match="dying"):
            run(build, BuildRequest(context=str(project), target="slow", build_args={"NONCE": "nonce"}))


def kill_upon(build: Build, daemon: Buildkitd, event: Event) -> None:
    build.events.append(event)
    if b"nonce\n" in build.log:
        daemon.kill()


def test_tls_files_are_handed_over(project: Path, tmp_path: Path) -> None:
    ca = CA()
    certs = ca.write_tls_dir(tmp_path / "tls", ca.client())
    tls = TLSOptions(ca=f"{certs}/ca.pem", cert=f"{certs}/cert.pem", key=f"{certs}/key.pem")
    with start_buildkitd(tmp_path / "d", unix=False, tls=ca) as daemon, Cancellation() as cancellation:
        build = Build(
            Daemon(name="tls", address=parse_address(daemon.address)),
            dial=DialOptions(tls=tls),
            cancellation=cancellation,
        )

        run(build, BuildRequest(context=str(project), target="result"))

    assert build.names
