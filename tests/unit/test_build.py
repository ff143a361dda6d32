"""The story of one build: which daemons are tried, in which order, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import router.backends.choice
from router.address import parse_address
from router.backends import BackendContext
from router.build import BuildRouter
from router.config import RouterConfig
from router.errors import BuildError, DialError, FleetError, NoDaemonError, UsageError
from router.model.address import DockerAddress
from router.model.daemon import Daemon
from router.model.events import Attempt, Event, Notice
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.model.routing import BackendName
from router.solve.prepared import PreparedBuild


class _Fleet:
    """Daemons that somebody else has found."""

    hint = "look there"

    def __init__(self, *daemons: Daemon, error: FleetError | None = None) -> None:
        self._daemons = daemons
        self._error = error

    def daemons(self) -> Sequence[Daemon]:
        if self._error:
            raise self._error
        return self._daemons

    def describe(self) -> str:
        return "test daemon"


class _Backend:
    """Builds, or fails as it is told to for a daemon; remembers who was tried, and by which backend."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.names: list[BackendName] = []
        self.faults: dict[str, Exception] = {}

    def build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        self.tried.append(daemon.name)
        if daemon.name in self.faults:
            raise self.faults[daemon.name]
        assert build.request.context
        return BuildResult(daemon=daemon.name, address=daemon.address, ref=context.key)

    def command(self, _build: PreparedBuild, daemon: Daemon, _context: BackendContext) -> Sequence[str]:
        return ["build", daemon.name]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> _Backend:
    fake = _Backend()

    def choose(name: BackendName) -> _Backend:
        fake.names.append(name)
        return fake

    monkeypatch.setattr(router.backends.choice, "backend_named", choose)
    return fake


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return BuildRequest(context=str(tmp_path), tags=("a.test/app:1",))


def _daemons(*names: str) -> list[Daemon]:
    return [Daemon(name=name, address=parse_address(f"tcp://{name}.test:1234")) for name in names]


def _router(fleet: _Fleet, config: RouterConfig | None = None) -> BuildRouter:
    return BuildRouter(config, environment={}, fleet=fleet)


def test_home_builds_and_the_result_says_why(backend: _Backend, request_: BuildRequest) -> None:
    router_ = _router(_Fleet(*_daemons("a", "b", "c")))
    route = router_.route(router_.key(request_))

    result = router_.build(request_)

    assert route.home is not None
    assert backend.tried == [route.home.name] == [result.daemon]
    assert (result.key, result.rule) == ("a.test/app", "tag")


def test_what_cannot_be_reached_is_passed_over_in_order(backend: _Backend, request_: BuildRequest) -> None:
    router_ = _router(_Fleet(*_daemons("a", "b", "c")))
    order = [candidate.daemon.name for candidate in router_.route(router_.key(request_)).candidates]
    backend.faults = {name: DialError(f"{name} is away") for name in order[:2]}
    said: list[Event] = []
    request_ = replace(request_, push=True)

    result = router_.build(request_, on_event=said.append)

    assert backend.tried == order
    assert result.daemon == order[2]
    warnings = [event.text for event in said if isinstance(event, Notice) and event.level == "warning"]
    assert warnings[0] == f"{order[0]} is away; trying {order[1]}"


def test_a_build_that_fails_is_not_tried_elsewhere(backend: _Backend, request_: BuildRequest) -> None:
    backend.faults = {name: BuildError("failed to solve") for name in "abc"}

    with pytest.raises(BuildError):
        _router(_Fleet(*_daemons("a", "b", "c"))).build(request_)

    assert len(backend.tried) == 1


def test_when_nobody_answers_all_of_them_are_named(backend: _Backend, request_: BuildRequest) -> None:
    backend.faults = {name: DialError(f"{name} is away") for name in "ab"}

    with pytest.raises(
        NoDaemonError, match=r"none of the 2 daemons could be reached:\n  . is away\n  . is away"
    ):
        _router(_Fleet(*_daemons("a", "b"))).build(request_)


def test_a_lone_daemon_s_fault_is_the_error(backend: _Backend, request_: BuildRequest) -> None:
    backend.faults = {"a": DialError("a is away")}

    with pytest.raises(DialError, match=r"^a is away$"):
        _router(_Fleet(*_daemons("a"))).build(request_)


@pytest.mark.parametrize(
    ("chosen", "used"), [("native", "native"), ("docker", "docker"), ("buildctl", "docker")]
)
def test_the_fallback_is_the_docker_engine_by_what_can_reach_it(
    backend: _Backend, request_: BuildRequest, chosen: BackendName, used: BackendName
) -> None:
    fleet = _Fleet(error=FleetError("the API server is away"))

    said: list[Event] = []
    router_ = _router(fleet, RouterConfig(backend=chosen, fallback="docker"))
    result = router_.build(request_, on_event=said.append)

    assert isinstance(result.address, DockerAddress)
    assert result.place.number == 0
    assert [event.place.number for event in said if isinstance(event, Attempt)] == [0]
    assert backend.names[-1] == used


def test_without_a_fallback_a_fleet_that_cannot_be_listed_is_the_error(
    backend: _Backend, request_: BuildRequest
) -> None:
    with pytest.raises(FleetError):
        _router(_Fleet(error=FleetError("the API server is away"))).build(request_)

    assert backend.tried == []


def test_a_missing_dockerfile_is_found_before_the_fleet_is_asked(backend: _Backend, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Dockerfile"):
        _router(_Fleet(error=FleetError("never asked"))).build(BuildRequest(context=str(tmp_path)))

    assert backend.tried == []


def test_the_plan_is_for_home_and_connects_to_nobody(backend: _Backend, request_: BuildRequest) -> None:
    router_ = _router(_Fleet(*_daemons("a", "b")))

    route, argv = router_.command(request_)

    assert route.home is not None
    assert argv == ["build", route.home.name]
    assert backend.tried == []


def test_a_context_from_stdin_has_the_key_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    router_ = BuildRouter(environment={}, fleet=_Fleet())

    assert router_.key(BuildRequest(context="-")) == router_.key(BuildRequest(context="."))
