"""Who is tried, and how often: by what a scripted backend answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest

import router.attempts
import router.failover
import router.operations.earlier_home
from router.address import parse_address
from router.attempts import Attempts, Policy
from router.backends import BackendContext
from router.cancellation import Cancellation
from router.errors import (
    BuildError,
    BusyError,
    CancelledError,
    ConnectionLostError,
    DialError,
    FleetError,
    NoDaemonError,
    OverloadError,
    RouterError,
    ToolError,
    UsageError,
)
from router.model.address import DockerAddress
from router.model.daemon import Candidate, Daemon, Exclusion, Place
from router.model.events import Attempt, Event, Notice, SolveStatus, Vertex
from router.model.frozen import replace
from router.model.miss import Miss, MissReason
from router.model.request import BuildRequest, Output
from router.model.result import BuildResult
from router.operations.earlier_home import Ranked
from router.solve.prepared import PreparedBuild
from tests.unit.prepared import prepared

A, B, C = (Daemon(name=name, address=parse_address(f"tcp://{name}.test:1234")) for name in "abc")
REQUEST = BuildRequest(load=True)
POLICY = Policy()


class Backend:
    """Does what its script says, one entry for each attempt: raise an error, or build where there is none.

    ``tried`` has the daemon and the bound of each attempt.
    """

    def __init__(self, *script: RouterError | None, miss: MissReason | None = None) -> None:
        self.tried: list[tuple[str, int]] = []
        self.told: tuple[Event, ...] = ()
        self._miss = miss and Miss(step="copy", reason=miss)
        self.builds: list[PreparedBuild] = []
        self._script = iter(script)

    @property
    def names(self) -> str:
        return "".join(name for name, _ in self.tried)

    def build(self, build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        self.builds.append(build)
        self.tried.append((daemon.name, context.max_builds))
        for event in self.told:
            context.on_event(event)
        error = next(self._script, None)
        if error is not None:
            raise error
        return BuildResult(daemon=daemon.name, address=daemon.address, ref="r", miss=self._miss)

    def command(self, _build: PreparedBuild, _daemon: Daemon, _context: BackendContext) -> Sequence[str]:
        return ()


class Story:
    """Runs attempts and keeps what was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.cancellation = Cancellation()

    def run(
        self,
        backend: Backend,
        *fleet: Daemon,
        policy: Policy = POLICY,
        request: BuildRequest = REQUEST,
        rank: Callable[[], Sequence[Candidate]] | None = None,
    ) -> BuildResult:
        context = BackendContext(key="k", on_event=self.events.append, cancellation=self.cancellation)
        candidates = tuple(Candidate(daemon=daemon) for daemon in fleet)
        return Attempts(prepared(request), context, backend, policy).run(rank or (lambda: candidates))

    @property
    def attempts(self) -> list[tuple[int, str, str]]:
        return [
            (event.number, event.daemon, event.reason) for event in self.events if isinstance(event, Attempt)
        ]

    def notices(self, *levels: str) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice) and event.level in levels]


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    monkeypatch.setattr(router.attempts, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(router.failover, "_PATIENCE", 0.05)
    told = Story()
    with told.cancellation:
        yield told


def lost(name: str) -> ConnectionLostError:
    return ConnectionLostError(f"lost {name}", temporary=True)


def refused(name: str) -> DialError:
    return DialError(f"{name} refused", temporary=True)


def busy(builds: int) -> BusyError:
    return BusyError(f"{builds} builds in flight", builds=builds)


def test_a_daemon_that_loses_the_build_gets_it_once_more(story: Story) -> None:
    backend = Backend(lost("a"))

    assert story.run(backend, A, B).daemon == "a"
    assert story.attempts == [(1, "a", ""), (2, "a", "lost a")]


def test_one_that_loses_it_twice_is_followed_by_the_next(story: Story) -> None:
    backend = Backend(lost("a"), lost("a"))

    assert story.run(backend, A, B).daemon == "b"
    assert story.attempts == [(1, "a", ""), (2, "a", "lost a"), (3, "b", "lost a")]


def test_it_is_begun_anew_as_often_as_allowed(story: Story) -> None:
    backend = Backend(*[lost("it")] * 9)

    with pytest.raises(ConnectionLostError, match=r"^the build was lost 4 times, "):
        story.run(backend, A, B, C, policy=Policy(retries=3))
    assert backend.names == "aabb"


def test_without_retries_a_lost_build_is_the_error(story: Story) -> None:
    backend = Backend(lost("a"))

    with pytest.raises(ConnectionLostError, match=r"^lost a$"):
        story.run(backend, A, B, policy=Policy(retries=0))
    assert backend.names == "a"


def test_several_faults_are_all_named(story: Story) -> None:
    backend = Backend(lost("a"), refused("a"), lost("b"))

    with pytest.raises(ConnectionLostError) as caught:
        story.run(backend, A, B, policy=Policy(retries=1))
    assert str(caught.value) == (
        "the build was lost 2 times, and no other daemon can be reached:\n  lost a\n  a refused\n  lost b"
    )


def test_a_lone_daemon_that_comes_back_in_time_builds_in_the_end(story: Story) -> None:
    backend = Backend(lost("a"), refused("a"), refused("a"))

    assert story.run(backend, A).daemon == "a"
    assert backend.names == "aaaa"


def test_an_api_server_that_restarts_after_it_has_listed_the_fleet_is_waited_for(story: Story) -> None:
    gone = DialError("no answer from the API server", reason="no-api-server", temporary=True)
    backend = Backend(gone, gone, gone)

    assert story.run(backend, A, B).daemon == "b"

    assert backend.names == "abab"
    assert any(text.startswith("waiting for a daemon") for text in story.notices("warning"))


def test_nobody_is_waited_for_who_never_had_the_build(story: Story) -> None:
    backend = Backend(refused("a"), refused("b"))

    with pytest.raises(NoDaemonError, match="none of the 2 daemons could be reached"):
        story.run(backend, A, B)
    assert backend.names == "ab"


def test_a_daemon_that_does_not_come_back_is_given_up(story: Story) -> None:
    backend = Backend(lost("a"), *[refused("a")] * 1_000_000)

    with pytest.raises(ConnectionLostError, match="the build was lost once, and no other daemon"):
        story.run(backend, A)


def test_a_daemon_without_room_is_not_tried_once_more(story: Story) -> None:
    backend = Backend(OverloadError("a is full", temporary=True))

    assert story.run(backend, A, B).daemon == "b"
    assert story.attempts == [(1, "a", ""), (2, "b", "a is full")]


def test_a_daemon_that_is_no_longer_fit_does_not_get_it_again(story: Story) -> None:
    backend = Backend(lost("a"))
    listings = iter(
        [
            (Candidate(daemon=A), Candidate(daemon=B)),
            (
                Candidate(daemon=A).excluding(Exclusion(kind="terminating", text="terminating")),
                Candidate(daemon=B),
            ),
        ]
    )

    assert story.run(backend, rank=lambda: next(listings)).daemon == "b"


def test_a_fleet_that_can_not_be_listed_any_more_is_the_one_that_was_there(story: Story) -> None:
    backend = Backend(lost("a"))
    listings = iter([(Candidate(daemon=A),)])

    def rank() -> Sequence[Candidate]:
        for listing in listings:
            return listing
        raise FleetError("the API server is away")

    assert story.run(backend, rank=rank).daemon == "a"
    assert story.notices("warning") == ["the API server is away; trying the daemons known before"]


def test_who_waits_for_a_daemon_that_is_lost_and_alone_says_so_at_once_and_now_and_then(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[float] = []

    def rank() -> Sequence[Candidate]:
        rounds.append(4.0)  # each takes four seconds
        return (Candidate(daemon=A),)

    clock = SimpleNamespace(monotonic=lambda: sum(rounds), time_ns=lambda: 0)
    monkeypatch.setattr(router.attempts, "time", clock)
    monkeypatch.setattr(router.failover, "_PATIENCE", 30.0)

    with pytest.raises(ConnectionLostError):
        story.run(Backend(lost("a"), *[refused("a")] * 20), rank=rank)

    assert story.notices("warning") == [
        f"waiting for a daemon for up to {left} s: a refused" for left in (26, 14, 2)
    ]
    assert story.attempts == [(1, "a", ""), (2, "a", "lost a")]


def test_a_fleet_that_is_empty_after_a_loss_is_waited_for_aloud(story: Story) -> None:
    listings = iter([(Candidate(daemon=A),)])

    def rank() -> Sequence[Candidate]:
        for listing in listings:
            return listing
        raise NoDaemonError("no pod matches app=buildkitd")

    with pytest.raises(ConnectionLostError):
        story.run(Backend(lost("a")), rank=rank)

    (told,) = story.notices("warning")
    assert told.endswith(" s: no pod matches app=buildkitd")


class _CancelledWhileAsked:
    """Pushes whose registry is being asked when the build is cancelled."""

    def see(self, _status: SolveStatus) -> None:
        raise AssertionError("nothing was announced")

    def forget(self) -> None:
        raise AssertionError("nothing was answered")

    def result(self, _daemon: Daemon, _environment: object) -> BuildResult | None:
        raise CancelledError("build canceled (interrupted)")


def test_a_build_that_is_cancelled_while_the_registry_is_asked_is_not_tried_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router.attempts, "_pushes", lambda _build: _CancelledWhileAsked())
    backend = Backend(lost("a"))

    with pytest.raises(CancelledError):
        story.run(backend, A, B)
    assert backend.names == "a"


@pytest.mark.parametrize("error", [BuildError("failed"), ToolError("buildctl is missing")])
def test_what_no_daemon_can_help_is_the_error(story: Story, error: RouterError) -> None:
    backend = Backend(error)

    with pytest.raises(type(error)):
        story.run(backend, A, B)
    assert backend.names == "a"


def test_a_busy_daemon_is_passed_over_with_its_reason(story: Story) -> None:
    backend = Backend(busy(4))

    assert story.run(backend, A, B, policy=Policy(max_builds=4)).daemon == "b"
    assert backend.tried == [("a", 4), ("b", 4)]
    assert story.notices("info") == ["a: 4 builds in flight; trying b"]


def test_where_all_are_busy_the_least_loaded_is_taken_with_one_more(story: Story) -> None:
    backend = Backend(busy(9), busy(4), busy(7))

    assert story.run(backend, A, B, C, policy=Policy(max_builds=4)).daemon == "b"
    assert backend.tried[3:] == [("b", 5)]


def test_a_least_loaded_that_is_no_longer_gives_way_to_the_next(story: Story) -> None:
    backend = Backend(busy(5), busy(4), busy(6))

    assert story.run(backend, A, B, policy=Policy(max_builds=4)).daemon == "a"
    assert backend.tried[2:] == [("b", 5), ("a", 6)]


def test_who_is_outrun_every_time_builds_without_a_bound(story: Story) -> None:
    backend = Backend(*[busy(4)] * 12)

    story.run(backend, A, B, policy=Policy(max_builds=4))
    assert backend.tried[-1][1] == 0


def test_a_daemon_s_own_bound_wins(story: Story) -> None:
    backend = Backend(busy(1))
    own = Daemon(name="a", address=A.address, max_builds=1)

    story.run(backend, own, B, policy=Policy(max_builds=8))
    assert backend.tried == [("a", 1), ("b", 8)]


def test_a_lone_daemon_is_not_asked_what_it_has_to_do(story: Story) -> None:
    backend = Backend()

    story.run(backend, A, policy=Policy(max_builds=8))
    assert backend.tried == [("a", 0)]


def test_steps_that_were_lost_are_told_as_given_up(story: Story) -> None:
    backend = Backend(lost("a"))
    done = Vertex(digest="1", name="done", started=1, completed=2)
    backend.told = (
        SolveStatus(vertexes=(Vertex(digest="1", name="done", started=1),)),
        SolveStatus(vertexes=(Vertex(digest="2", name="under way", started=1), done)),
    )

    story.run(backend, A)

    statuses = [event for event in story.events if isinstance(event, SolveStatus)]
    (given_up,) = statuses[2].vertexes
    assert (given_up.name, given_up.completed is not None) == ("under way", True)
    assert given_up.error.endswith("context canceled")


def test_that_nothing_was_asked_for_is_told_once_and_before_anything_is_built(story: Story) -> None:
    backend = Backend(lost("a"))
    backend.told = (SolveStatus(),)

    story.run(backend, A, request=BuildRequest())

    (told,) = [event for event in story.events if isinstance(event, Notice) and event.level == "warning"]
    assert "no --push, --load or --output: only the build cache keeps the image" in told.text
    assert told.reason == "cache-only"
    assert story.events.index(told) < story.events.index(SolveStatus())


def test_of_a_build_that_no_daemon_took_is_not_told_where_its_image_stays(story: Story) -> None:
    with pytest.raises(UsageError):
        story.run(Backend(UsageError("no such file")), A, request=BuildRequest())

    assert story.notices("warning") == []


CORDONED = Candidate(daemon=A).excluding(Exclusion(kind="cordoned", text="cordoned (disk)"))


@pytest.mark.parametrize(
    ("script", "fleet", "policy", "place"),
    [
        ((), (Candidate(daemon=A), Candidate(daemon=B)), POLICY, Place(number=1, home="a")),
        ((), (CORDONED, Candidate(daemon=B)), POLICY, Place(number=2, home="a", reason="cordoned (disk)")),
        (
            (refused("a"),),
            (Candidate(daemon=A), Candidate(daemon=B)),
            POLICY,
            Place(number=2, home="a", reason="unreachable"),
        ),
        (
            (busy(4),),
            (Candidate(daemon=A), Candidate(daemon=B)),
            Policy(max_builds=4),
            Place(number=2, home="a", reason="busy"),
        ),
        (
            (lost("a"), lost("a"), refused("b")),
            tuple(Candidate(daemon=each) for each in (A, B, C)),
            POLICY,
            Place(number=3, home="a", reason="lost the build"),
        ),
        ((lost("a"),), (Candidate(daemon=A), Candidate(daemon=B)), POLICY, Place(number=1, home="a")),
    ],
)
def test_attempt_and_result_tell_which_choice_a_daemon_is_and_why_it_is_not_home(
    story: Story, script: Sequence[RouterError], fleet: Sequence[Candidate], policy: Policy, place: Place
) -> None:
    result = story.run(Backend(*script), rank=lambda: fleet, policy=policy)

    assert result.place == place
    assert [event.place for event in story.events if isinstance(event, Attempt)][-1] == place


def test_the_result_tells_how_many_steps_were_cached(story: Story) -> None:
    backend = Backend()
    backend.told = (
        SolveStatus(vertexes=(Vertex(digest="1", name="context", started=1, completed=2),)),
        SolveStatus(
            vertexes=(
                Vertex(digest="2", name="copy", inputs=("1",), started=1, completed=2, cached=True),
                Vertex(digest="3", name="run", inputs=("2",), started=1, completed=2),
            )
        ),
    )

    result = story.run(backend, A)

    assert (result.cached, result.steps) == (1, 2)


@pytest.mark.parametrize(
    ("backend", "fleet", "asked"),
    [
        (Backend(miss="first"), (A, B, C), "abc"),
        (Backend(miss="first"), (A,), "a"),
        (Backend(refused("a"), miss="first"), (A, B, C), ""),
        (Backend(miss="files"), (A, B, C), ""),
    ],
)
def test_an_earlier_home_is_looked_for_where_home_never_built_the_key(
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    backend: Backend,
    fleet: Sequence[Daemon],
    asked: str,
) -> None:
    heard: list[str] = []

    def answer(miss: Miss, ranked: Ranked, *_: object) -> Miss:
        heard.extend(each.name for each in ranked.daemons)
        return replace(miss, moved_from="b", fleet="grew")

    monkeypatch.setattr(router.operations.earlier_home, "with_earlier_home", answer)

    result = story.run(backend, *fleet)

    assert "".join(heard) == asked
    assert result.miss is not None
    assert result.miss.moved_from == ("b" if asked else "")


ENGINE = Daemon(name="engine", address=DockerAddress())


@pytest.mark.parametrize(
    ("request_", "daemon", "types"),
    [
        (BuildRequest(identify=True), A, ["image"]),
        (BuildRequest(), A, []),
        (BuildRequest(identify=True), ENGINE, []),
        (BuildRequest(identify=True, load=True), A, ["docker"]),
        (BuildRequest(identify=True, call="check"), A, []),
        (BuildRequest(identify=True, outputs=(Output(type="cacheonly"),)), A, ["cacheonly"]),
    ],
)
def test_an_image_is_made_for_its_id_where_nothing_else_comes_of_the_build(
    story: Story, request_: BuildRequest, daemon: Daemon, types: list[str]
) -> None:
    backend = Backend()

    story.run(backend, daemon, request=request_)

    (build,) = backend.builds
    assert [output.type for output in build.outputs] == types


def test_an_image_that_is_made_for_its_id_has_the_builds_name(story: Story) -> None:
    backend = Backend()

    story.run(backend, A, request=BuildRequest(identify=True, tags=("a.test/app:1",)))

    (build,) = backend.builds
    assert [output.attrs for output in build.outputs] == [{"store": "false", "name": "a.test/app:1"}]


def test_who_is_tried_is_told_in_the_words_of_the_displays(story: Story) -> None:
    story.run(Backend(refused("a"), busy(1), busy(1)), A, B, C, policy=Policy(max_builds=1))

    assert story.notices("verbose")[:3] == [
        "trying a (home)",
        "trying b (2nd choice)",
        "trying c (3rd choice)",
    ]
