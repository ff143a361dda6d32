"""The docker backend with the real docker command, with buildx and without, on a real engine."""

from __future__ import annotations

import functools
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from router.address import parse_address
from router.backends import BackendContext
from router.backends.docker import DockerBackend
from router.cancellation import Cancellation
from router.errors import BuildError, CancelledError, DialError, OutputError, ToolError
from router.model.address import DockerAddress
from router.model.daemon import Daemon
from router.model.events import Event, SolveStatus
from router.model.request import BuildRequest, Output, Secret
from router.solve.prepared import check_build
from router.transport.options import DialOptions
from tests.servers import binaries
from tests.servers.dockerd import Dockerd, start_dockerd
from tests.servers.registry import Registry, start_registry

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
# The engine of the tests has no bridge.
HOST_NETWORK = {"force-network-mode": "host"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    with start_dockerd(tmp_path_factory.mktemp("engine")) as running:
        yield running


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

    address: str
    variables: dict[str, str]
    cancellation: Cancellation
    events: list[Event] = field(default_factory=list)

    def run(self, request: BuildRequest) -> dict[str, str]:
        context = BackendContext(
            key="test",
            on_event=self.on_event,
            cancellation=self.cancellation,
            dial=DialOptions(timeout=20.0),
            environment=self.variables,
        )
        result = DockerBackend().build(
            check_build(request, self.variables, context.files),
            Daemon(name="docker", address=parse_address(self.address)),
            context,
        )
        return dict(result.metadata)

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    @property
    def statuses(self) -> list[SolveStatus]:
        return [event for event in self.events if isinstance(event, SolveStatus)]

    @property
    def log(self) -> bytes:
        return b"".join(log.data for status in self.statuses for log in status.logs)


@pytest.fixture(params=["buildx", "built-in"])
def build(request: pytest.FixtureRequest, engine: Dockerd, tmp_path: Path) -> Iterator[Build]:
    """The backend, with a docker command that has the buildx plugin, and with one that hasn't."""
    variables = {
        "PATH": f"{binaries.docker().parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        "DOCKER_CONFIG": engine.environment["DOCKER_CONFIG"],
        "HOME": str(tmp_path),
    }
    if request.param == "built-in":
        variables["DOCKER_CONFIG"] = str(tmp_path / "no-plugins")
    with Cancellation() as cancellation:
        yield Build(str(DockerAddress(endpoint=engine.host)), variables, cancellation)


def tagged(name: str, build: Build) -> str:
    kind = "buildx" if "no-plugins" not in build.variables["DOCKER_CONFIG"] else "built-in"
    return f"example.test/{name}-{kind}:1"


def test_a_request_with_everything_builds(
    build: Build, engine: Dockerd, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"four")
    build.variables["MY_SECRET"] = "sixsix"
    tag = tagged("everything", build)
    request = BuildRequest(
        context=str(project),
        build_args={"WORD": f"hello, {tag}"},
        labels={"team": "a,b"},
        secrets=(
            Secret(id="file", path=str(tmp_path / "secret")),
            Secret(id="variable", env="MY_SECRET"),
        ),
        target="result",
        tags=(tag,),
        frontend_options=HOST_NETWORK,
    )

    metadata = build.run(request)

    shown = engine.cli("image", "inspect", "--format", "{{.Id}} {{.Config.Labels.team}}", tag)
    assert shown.strip() == f"{metadata['containerimage.config.digest']} a,b"
    assert contents(engine, tag) == {"size": b"10\n", "word": f"hello, {tag}\n".encode()}
    assert f"said hello, {tag}\n".encode() in build.log
    assert any("RUN" in vertex.name for status in build.statuses for vertex in status.vertexes)


def contents(engine: Dockerd, tag: str) -> dict[str, bytes]:
    """Return the files of an image's layers."""
    found: dict[str, bytes] = {}
    target = engine.directory / "saved.tar"
    engine.cli("save", "--output", str(target), tag)
    with tarfile.open(target) as image:
        for member in image:
            if member.name.endswith("layer.tar"):
                layer = image.extractfile(member)
                assert layer is not None
                with tarfile.open(fileobj=layer) as files:
                    for file in files:
                        data = files.extractfile(file)
                        found[file.name] = data.read() if data is not None else b""
    return found


def test_a_failing_step_is_told_with_its_last_output(build: Build, project: Path) -> None:
    request = BuildRequest(context=str(project), target="broken", frontend_options=HOST_NETWORK)

    with pytest.raises(BuildError, match="exit code: 7") as caught:
        build.run(request)

    assert "exit 7" in caught.value.step
    assert caught.value.log_tail == ("before",)
    assert caught.value.tool_exit_code == 1


def test_a_broken_dockerfile_is_the_builds_fault(build: Build, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nNONSENSE\n")

    with pytest.raises(BuildError, match="unknown instruction: NONSENSE"):
        build.run(BuildRequest(context=str(tmp_path)))


def test_the_dockerfile_may_come_as_text(build: Build, engine: Dockerd, project: Path) -> None:
    tag = tagged("text", build)

    build.run(
        BuildRequest(
            context=str(project), dockerfile_text=b"FROM scratch\nCOPY Dockerfile /copied\n", tags=(tag,)
        )
    )

    assert contents(engine, tag) == {"copied": DOCKERFILE.encode()}


def test_the_dockerfile_may_lie_outside_of_the_context(
    build: Build, engine: Dockerd, project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / "Other.Dockerfile"
    other.parent.mkdir()
    other.write_text("FROM scratch\nCOPY Dockerfile /copied\n")
    tag = tagged("outside", build)

    build.run(BuildRequest(context=str(project), dockerfile=str(other), tags=(tag,)))

    assert "copied" in contents(engine, tag)


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


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[str]:
    """The URL of an archive with a Dockerfile and a file."""
    (tmp_path / "www").mkdir()
    with tarfile.open(tmp_path / "www" / "context.tar", "w") as tar:
        for name, data in (("Dockerfile", b"FROM scratch\nCOPY word /copied\n"), ("word", b"remote\n")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with served(tmp_path / "www") as url:
        yield f"{url}/context.tar"


def test_a_remote_context_is_fetched_by_the_engine(build: Build, engine: Dockerd, remote: str) -> None:
    tag = tagged("remote", build)

    build.run(BuildRequest(context=remote, tags=(tag,)))

    assert contents(engine, tag) == {"copied": b"remote\n"}


@pytest.mark.parametrize("build", ["buildx"], indirect=True)
def test_a_remote_context_may_have_a_dockerfile_from_here(build: Build, engine: Dockerd, remote: str) -> None:
    tag = tagged("remote-text", build)

    build.run(BuildRequest(context=remote, dockerfile_text=b"FROM scratch\nCOPY word /other\n", tags=(tag,)))

    assert contents(engine, tag) == {"other": b"remote\n"}


@pytest.mark.parametrize("build", ["built-in"], indirect=True)
def test_without_buildx_it_may_not_and_the_error_says_so(build: Build, remote: str) -> None:
    with pytest.raises(ToolError, match="docker without buildx"):
        build.run(BuildRequest(context=remote, dockerfile_text=b"FROM scratch\n"))


def test_a_file_appears_only_when_the_build_succeeds(build: Build, project: Path, tmp_path: Path) -> None:
    archive = tmp_path / "out" / "tree.tar"
    archive.parent.mkdir()

    def request(target: str) -> BuildRequest:
        return BuildRequest(
            context=str(project),
            target=target,
            outputs=(Output(type="tar", dest=str(archive)),),
            frontend_options=HOST_NETWORK,
        )

    with pytest.raises(BuildError):
        build.run(request("broken"))
    assert list(archive.parent.iterdir()) == []
    build.run(request("result"))
    with tarfile.open(archive) as tar:
        assert {"size", "word"} <= set(tar.getnames())


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with start_registry(tmp_path / "registry", "me", "word") as running:
        yield running


def log_in(build: Build, registry: Registry) -> None:
    """Give the docker command a config with the login, and the plugins that it had."""
    plugins = Path(build.variables["DOCKER_CONFIG"]) / "cli-plugins"
    folder = registry.docker_config(Path(build.variables["HOME"]) / "logged-in")
    if plugins.is_dir():
        (folder / "cli-plugins").symlink_to(plugins)
    build.variables["DOCKER_CONFIG"] = str(folder)


def test_each_tag_is_pushed_and_the_digest_is_the_registrys(
    build: Build, project: Path, registry: Registry
) -> None:
    log_in(build, registry)
    tags = tuple(f"{registry.host}/app:{name}" for name in ("one", "two"))
    request = BuildRequest(
        context=str(project), target="result", tags=tags, push=True, frontend_options=HOST_NETWORK
    )

    metadata = build.run(request)

    assert metadata["containerimage.digest"] == registry.digest("app", "one") == registry.digest("app", "two")
    names = [vertex.name for status in build.statuses for vertex in status.vertexes if vertex.completed]
    assert [name for name in names if name.startswith("pushing")] == [
        f"pushing {t} with docker" for t in tags
    ]


def test_a_refused_push_is_an_error_of_the_output(build: Build, project: Path, registry: Registry) -> None:
    tag = f"{registry.host}/app:1"
    request = BuildRequest(
        context=str(project), target="result", tags=(tag,), push=True, frontend_options=HOST_NETWORK
    )

    with pytest.raises(OutputError, match=f"can't push {tag}: no basic auth credentials"):
        build.run(request)


def test_cancelling_ends_the_build(build: Build, project: Path) -> None:
    nonce = tagged("nonce", build).encode()

    def cancel_upon(event: Event) -> None:
        build.events.append(event)
        if nonce in build.log:
            build.cancellation.cancel()

    build.on_event = cancel_upon  # type: ignore[method-assign]

    with pytest.raises(CancelledError):
        build.run(
            BuildRequest(
                context=str(project),
                target="slow",
                build_args={"NONCE": nonce.decode()},
                frontend_options=HOST_NETWORK,
            )
        )


def test_an_engine_that_is_not_there_is_unreachable(build: Build, project: Path, tmp_path: Path) -> None:
    build.address = f"docker://?host=unix://{tmp_path}/gone.sock"

    with pytest.raises(
        DialError,
        match=r"can't reach docker \(docker://\S+\) with docker: Cannot connect to the Docker daemon",
    ):
        build.run(BuildRequest(context=str(project), target="result"))
