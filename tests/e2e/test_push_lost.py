"""A connection that is lost during a push: the registry is asked before anything is built again."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest, Output, RouterConfig
from router.model.events import Attempt, Event, SolveStatus
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.servers.buildkitd import Buildkitd
from tests.servers.registry import Registry

REPOSITORY, TAG = "pushed/app", "1"


class Line:
    """TCP connections to a port that can be made to hold back what a client says, to fall silent towards the
    client, and be cut."""

    def __init__(self, port: int, *, hold: bytes = b"\0nothing") -> None:
        self.release = threading.Event()
        self._target = port
        self._hold = hold
        self._silent = False
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.close()
        self.cut()

    def hush(self) -> None:
        """Let nothing of what the far end says get through any more, on the connections there are."""
        self._silent = True

    def cut(self) -> None:
        """Cut the connections there are; later ones work."""
        cut, self._sockets = self._sockets, []
        for end in cut:
            with suppress(OSError):  # it is closed already
                end.shutdown(socket.SHUT_RDWR)
        self._silent = False

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [near, far]
            threading.Thread(target=self._relay, args=(near, far), daemon=True).start()

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, suppress(OSError):
            while True:
                for end in select.select([near, far], [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    if end is near:
                        if self._hold in data:
                            self.release.wait()
                        far.sendall(data)
                    elif not self._silent:
                        near.sendall(data)


@pytest.fixture
def line(buildkitd: Buildkitd) -> Iterator[Line]:
    """The way to the daemon."""
    assert buildkitd.port is not None
    with Line(buildkitd.port) as made:
        yield made


@contextmanager
def slow(registry: Registry) -> Iterator[tuple[Registry, Line]]:
    """Yield the registry by another address, which holds manifests back until they are released."""
    with Line(registry.port, hold=b"PUT /v2/%b/manifests/" % REPOSITORY.encode()) as made:
        yield replace(registry, port=made.port), made


@pytest.fixture
def builder(line: Line, tmp_path: Path) -> Builder:
    config = RouterConfig(addresses=addressed(("one", f"tcp://127.0.0.1:{line.port}")))
    return Builder(config=config, scratch=tmp_path)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context that nobody has built before."""
    files = {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": tmp_path.name}
    return write_tree(tmp_path / "context", files)


def announces_manifest(event: Event) -> bool:
    return isinstance(event, SolveStatus) and any(
        status.id.startswith("pushing manifest for ") for status in event.statuses
    )


def attempts(builder: Builder) -> int:
    return max(event.number for event in builder.events if isinstance(event, Attempt))


@contextmanager
def cut_after_push(builder: Builder, line: Line, registry: Registry, tag: str = TAG) -> Iterator[Registry]:
    """Yield the registry to push to. The build hears nothing more once it pushes its manifest, and is cut off
    when the registry has that."""
    began = threading.Event()
    with slow(registry) as (slow_registry, manifests):

        def cut() -> None:
            began.wait(60)
            manifests.release.set()
            while tag not in registry.tags(REPOSITORY):
                time.sleep(0.01)
            line.cut()

        def then(event: Event) -> None:
            if announces_manifest(event) and not began.is_set():
                line.hush()
                began.set()

        builder.then = then
        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        yield slow_registry
        thread.join(timeout=10)
        assert not thread.is_alive()


def cut_before_push(builder: Builder, line: Line) -> None:
    """Cut the build off as soon as it has anything to show."""
    cut: list[Event] = []

    def then(event: Event) -> None:
        if isinstance(event, SolveStatus) and event.statuses and not cut:
            cut.append(event)
            line.cut()

    builder.then = then


def test_an_image_that_is_in_the_registry_by_now_is_not_built_again(
    builder: Builder, line: Line, registry: Registry, context: Path
) -> None:
    with cut_after_push(builder, line, registry) as pushed_to:
        name = f"{pushed_to.host}/{REPOSITORY}:{TAG}"
        result = builder.build(BuildRequest(context=str(context), tags=(name,), push=True))

    assert attempts(builder) == 1
    assert result.digest == registry.digest(REPOSITORY, TAG)
    assert result.image_id == registry.manifest(REPOSITORY, TAG)["config"]["digest"]  # type: ignore[index]
    assert result.metadata["image.name"] == name
    assert any(f"the registry has the image by now, {result.digest}" in text for text in builder.warnings)


def test_the_registry_is_asked_with_the_login_of_the_docker_config(
    builder: Builder, line: Line, private_registry: Registry, context: Path, tmp_path: Path
) -> None:
    with cut_after_push(builder, line, private_registry) as pushed_to:
        builder.environment["DOCKER_CONFIG"] = str(pushed_to.docker_config(tmp_path / "docker"))
        name = f"{pushed_to.host}/{REPOSITORY}:{TAG}"
        result = builder.build(BuildRequest(context=str(context), tags=(name,), push=True))

    assert attempts(builder) == 1
    assert result.digest == private_registry.digest(REPOSITORY, TAG)


def test_an_image_that_did_not_get_there_is_built_again(
    builder: Builder, line: Line, registry: Registry, context: Path
) -> None:
    cut_before_push(builder, line)
    name = f"{registry.host}/cut-early:1"
    result = builder.build(BuildRequest(context=str(context), tags=(name,), push=True))

    assert attempts(builder) == 2
    assert result.digest == registry.digest("cut-early", "1")


def test_another_image_under_the_name_is_not_taken_for_this_one(
    builder: Builder, line: Line, registry: Registry, context: Path, tmp_path: Path
) -> None:
    name = f"{registry.host}/moved:1"
    other = write_tree(tmp_path / "other", {"Dockerfile": "FROM scratch\nCOPY b.txt /\n", "b.txt": "b"})
    builder.build(BuildRequest(context=str(other), tags=(name,), push=True))
    before = registry.digest("moved", "1")
    builder.events.clear()
    cut_before_push(builder, line)

    result = builder.build(BuildRequest(context=str(context), tags=(name,), push=True))

    assert attempts(builder) == 2
    assert result.digest == registry.digest("moved", "1") != before


def test_a_build_with_a_file_beside_the_push_is_built_again(
    builder: Builder, line: Line, registry: Registry, context: Path, tmp_path: Path
) -> None:
    file = tmp_path / "out.tar"
    with cut_after_push(builder, line, registry, tag="with-file") as pushed_to:
        name = f"{pushed_to.host}/{REPOSITORY}:with-file"
        request = BuildRequest(context=str(context), tags=(name,), push=True)
        builder.build(replace(request, outputs=(Output(type="tar", dest=str(file)),)))

    assert attempts(builder) == 2
    assert file.exists()
