"""Daemons that go away at a chosen point of a build: what is begun again, and what can't be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from router._proto import control_pb2 as pb
from router.build import BuildRouter
from router.config import RouterConfig
from router.placement.key import Key
from router.rpc import channel
from router.rpc.grpc import Status, prefix
from router.rpc.protobuf import field
from router.serving import bridge, client_build
from tests.addressed import addressed
from tests.wire.serving.daemons import Called, Daemon
from tests.wire.serving.peers import BRIDGE, CONTROL, Talker, endpoint

SOLVE, STATUS, SESSION = CONTROL + "Solve", CONTROL + "Status", CONTROL + "Session"
REF = "a-build"


class Story:
    """A client of an endpoint over two daemons, and the one that gets its build first."""

    def __init__(self, client: Talker, home: Daemon, next_one: Daemon) -> None:
        self.client = client
        self.home, self.next = home, next_one
        self.solving = 0

    def begin(self, session: str = "") -> Called:
        """Have the client say Solve; return it as home gets it."""
        if session:
            self.client.session(session)
        request = pb.SolveRequest(Ref=REF, Session=session)
        self.solving = self.client.call(SOLVE, request.SerializeToString())
        return self.home.get(SOLVE)

    def watch(self) -> int:
        """Have the client ask for progress."""
        return self.client.call(STATUS, pb.StatusRequest(Ref=REF).SerializeToString())

    def frontend(self, method: str, request: bytes = b"") -> int:
        """Have the client's frontend call its daemon."""
        return self.client.call(BRIDGE + method, request, buildkit_controlapi_buildid=REF)

    def heard(self, stream: int, request: Called, answer: bytes) -> list[bytes]:
        """Have a daemon answer; return what the client gets."""
        request.answer(answer)
        return self.client.answer(stream).messages

    def ends(self, solve: Called) -> None:
        """Have the daemon end the build, and the client get that."""
        solve.answer(pb.SolveResponse(ExporterResponse={"by": "the next"}).SerializeToString())
        answer = self.client.answer(self.solving)
        assert answer.status[0] == Status.OK, answer.status
        assert pb.SolveResponse.FromString(answer.messages[0]).ExporterResponse == {"by": "the next"}

    def fails(self) -> str:
        """Return why the client's build fails, once it does."""
        code, said = self.client.answer(self.solving).status
        assert code == Status.UNAVAILABLE
        return said

    def steps(self, stream: int) -> list[pb.Vertex]:
        """Return the steps that a reader has seen, whole messages only."""
        messages = self.client.answers[stream].messages
        return [vertex for each in messages for vertex in pb.StatusResponse.FromString(each).vertexes]


@pytest.fixture
def retries() -> int:
    """How often a lost build is retried."""
    return 2


@pytest.fixture
def story(retries: int) -> Iterator[Story]:
    with ExitStack() as stack:
        daemons = {name: stack.enter_context(Daemon()) for name in ("d0", "d1")}
        config = RouterConfig(
            addresses=addressed(*((name, daemon.address) for name, daemon in daemons.items())),
            max_builds=0,
            retries=retries,
            connect_timeout=1.0,
        )
        router = BuildRouter(config, environment={})
        home = router.route(Key(key="me", rule="connection")).home
        assert home is not None
        first = daemons.pop(home.name)
        client = stack.enter_context(stack.enter_context(endpoint(router)).enter())
        yield Story(client, first, daemons.popitem()[1])


def hang_up(story: Story) -> None:
    """It has ended, or its node has."""
    story.home.leave()


def reset(story: Story) -> None:
    """Something between has forgotten the connection."""
    story.home.hang_up(hard=True)
    story.home.leave()


def fall_silent(story: Story) -> None:
    """Its packets get lost."""
    story.home.fall_silent()


def go_away(story: Story) -> None:
    """It is asked to end, and does."""
    story.home.go_away()
    story.home.leave()


def solve_result(reference: str, **metadata: str) -> bytes:
    """Return a packed answer to LLBBridge.Solve."""
    known = b"".join(field(10, field(1, name) + field(2, value)) for name, value in metadata.items())
    return field(3, field(3, field(1, reference) + field(2, f"the steps to {reference}")) + known)


@pytest.mark.parametrize("strike", [hang_up, reset, fall_silent, go_away])
def test_a_build_that_has_just_begun_begins_again(
    story: Story, strike: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_ASK_AFTER", 0.2)
    monkeypatch.setattr(channel, "_LOST_AFTER", 0.5)
    before = story.begin(session="own")
    story.home.get(SESSION)
    watching = story.watch()
    story.home.get(STATUS)

    strike(story)

    again = story.next.get(SOLVE)
    requests = [pb.SolveRequest.FromString(solve.messages[0]) for solve in (before, again)]
    assert [(each.Ref, each.Session) for each in requests] == [(REF, "own")] * 2
    first, later = (int(each.FrontendAttrs["warmroute.attempt"]) for each in requests)
    assert first == 1 < later
    assert story.next.get(SESSION).values["x-docker-expose-session-uuid"] == ["own"]
    assert story.next.get(STATUS).messages == [pb.StatusRequest(Ref=REF).SerializeToString()]
    story.ends(again)
    assert any(" was lost: starting again on " in step.name for step in story.steps(watching))


def test_every_reader_goes_on_and_hears_that_the_old_steps_are_over(story: Story) -> None:
    story.begin()
    readers = [story.watch(), story.watch()]
    step = pb.Vertex(digest="sha256:1", name="a step")
    step.started.GetCurrentTime()
    for _ in readers:
        told = story.home.get(STATUS)
        told.reply(pb.StatusResponse(vertexes=[step]).SerializeToString())
        half = pb.StatusResponse(vertexes=[step]).SerializeToString()
        told.send(prefix(len(half)) + half[:-1])
    for reader in readers:
        story.client.hear(lambda reader=reader: bool(story.steps(reader)))  # type: ignore[misc]

    story.home.leave()

    later = pb.Vertex(digest="sha256:2", name="another step")
    for _ in readers:
        again = story.next.get(STATUS)
        again.reply(pb.StatusResponse(vertexes=[later]).SerializeToString()).end()
    story.ends(story.next.get(SOLVE))
    for reader in readers:
        assert story.client.answer(reader).status[0] == Status.OK
        steps = [step for step in story.steps(reader) if not step.name.endswith("waiting for a daemon")]
        names = [step.name.partition("] ")[0] for step in steps]
        assert names == ["a step", "a step", "[warmroute", "another step"]
        assert steps[1].error.endswith("context canceled")


def test_a_daemon_that_ends_the_progress_first_is_not_believed(story: Story) -> None:
    """One that is asked to end does so; the client would hear nothing of the next attempt."""
    solve = story.begin()
    watching = story.watch()
    story.home.get(STATUS).end()
    solve.end(Status.UNAVAILABLE, "shutting down")

    again = story.home.get(STATUS)
    again.reply(pb.StatusResponse(vertexes=[pb.Vertex(name="there")]).SerializeToString()).end()
    story.ends(story.home.get(SOLVE))

    assert story.client.answer(watching).status[0] == Status.OK
    assert "there" in [step.name for step in story.steps(watching)]


def test_a_frontend_goes_on_with_the_references_of_the_next_daemon(story: Story) -> None:
    story.begin()
    solving = story.frontend("Solve", b"\x52\x00")
    old = solve_result("old", config="same")
    assert story.heard(solving, story.home.get(BRIDGE + "Solve"), old) == [old]
    reading = story.frontend("ReadFile", field(1, "old") + field(2, "one"))
    first = story.home.get(BRIDGE + "ReadFile")
    assert story.heard(reading, first, field(1, "its content")) == [field(1, "its content")]
    waiting = story.frontend("ReadFile", field(1, "old") + field(2, "two"))
    story.home.get(BRIDGE + "ReadFile")

    story.home.leave()

    again = story.next.get(BRIDGE + "Solve")
    assert again.messages == [b"\x52\x00"]
    assert again.values["buildkit-controlapi-buildid"] == [REF]
    again.answer(solve_result("new", config="same"))
    read = story.next.get(BRIDGE + "ReadFile")
    assert read.messages == [field(1, "new") + field(2, "one")]
    read.answer(field(1, "its content"))
    read = story.next.get(BRIDGE + "ReadFile")
    assert read.messages == [field(1, "new") + field(2, "two")]
    assert story.heard(waiting, read, field(1, "more")) == [field(1, "more")]
    returning = story.frontend("Return", field(1, field(3, field(1, "old"))))
    returned = story.next.get(BRIDGE + "Return")
    assert returned.messages == [field(1, field(3, field(1, "new")))]
    story.heard(returning, returned, b"")
    story.ends(story.next.get(SOLVE))
    assert story.client.answer(solving).status[0] == Status.OK


def test_what_was_returned_is_returned_again(story: Story) -> None:
    story.begin()
    story.heard(story.frontend("Solve"), story.home.get(BRIDGE + "Solve"), solve_result("old"))
    returned = field(1, field(4, field(1, field(1, "linux/amd64") + field(2, field(1, "old")))))
    story.heard(story.frontend("Return", returned), story.home.get(BRIDGE + "Return"), b"")

    story.home.leave()

    story.next.get(BRIDGE + "Solve").answer(solve_result("new"))
    assert story.next.get(BRIDGE + "Return").messages == [returned.replace(b"old", b"new")]


def test_a_daemon_that_takes_no_more_calls_has_lost_a_frontend(story: Story) -> None:
    """It would end the build, but for the calls that are still to come."""
    story.begin()
    story.heard(story.frontend("Solve"), story.home.get(BRIDGE + "Solve"), solve_result("old"))
    watching = story.watch()
    told = story.home.get(STATUS)
    story.home.go_away()
    told.reply(pb.StatusResponse(vertexes=[pb.Vertex(name="a step")]).SerializeToString())
    story.client.hear(lambda: bool(story.steps(watching)))

    returning = story.frontend("Return", field(1, field(3, field(1, "old"))))

    story.home.get(BRIDGE + "Solve").answer(solve_result("new"))
    story.heard(returning, story.home.get(BRIDGE + "Return"), b"")
    story.ends(story.home.get(SOLVE))


def test_a_daemon_that_takes_no_more_calls_may_end_a_build_that_needs_none(story: Story) -> None:
    solve = story.begin()
    story.home.go_away()
    story.ends(solve)
    assert story.next.paths() == []


@pytest.mark.parametrize(
    ("method", "before", "now"),
    [
        ("Solve", solve_result("old", config="a"), solve_result("new", config="b")),
        ("Solve", solve_result("old"), solve_result("")),
        ("ReadFile", field(1, "a"), field(1, "b")),
        ("ResolveImageConfig", field(1, "sha256:a"), field(1, "sha256:b")),
    ],
)
def test_a_frontend_does_not_go_on_with_what_another_daemon_answers_otherwise(
    story: Story, method: str, before: bytes, now: bytes
) -> None:
    """Its client has acted on the first answer: it would mix two results."""
    story.begin()
    story.heard(story.frontend(method), story.home.get(BRIDGE + method), before)
    story.home.leave()

    story.next.get(BRIDGE + method).answer(now)

    said = story.fails()
    assert "lost d" in said
    assert f"was not retried: d" in said  # noqa: F541
    assert f"answers LLBBridge.{method} differently" in said


def test_a_frontend_hears_nothing_of_a_daemon_that_ends_under_it(story: Story) -> None:
    """It would take it for the end of its own build."""
    story.begin()
    solving = story.frontend("Solve")
    story.home.get(BRIDGE + "Solve").end(Status.CANCELLED, "context canceled")

    again = story.home.get(BRIDGE + "Solve")
    assert story.heard(solving, again, solve_result("new")) == [solve_result("new")]
    story.ends(story.home.get(SOLVE))


def test_a_frontend_that_fails_ends_its_build(story: Story) -> None:
    """What its daemon says then is what the client has said."""
    solve = story.begin()
    story.frontend("Return", field(2, b"\x08\x01"))
    story.home.get(BRIDGE + "Return")
    solve.end(Status.CANCELLED, "the frontend's own words")

    assert story.client.answer(story.solving).status == (Status.CANCELLED, "the frontend's own words")
    assert story.next.paths() == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/moby.filesync.v1.FileSend/DiffCopy", "its output had begun to reach the client"),
        ("/moby.upload.v1.Upload/Pull", "standard input"),
        ("/some.v1.Thing/Else", "/some.v1.Thing/Else"),
    ],
)
def test_what_a_client_gives_only_once_ends_the_build_with_its_daemon(
    story: Story, path: str, why: str
) -> None:
    story.begin(session="own")
    story.home.get(SESSION).call_client(path)
    watching = story.watch()
    told = story.home.get(STATUS)  # the call came before this one
    told.reply(pb.StatusResponse(vertexes=[pb.Vertex(name="sending")]).SerializeToString())
    story.client.hear(lambda: bool(story.steps(watching)))

    story.home.leave()

    said = story.fails()
    assert said.startswith("lost d")
    assert "the build was not retried: " in said
    assert why in said
    assert story.client.answer(watching).status[0] == Status.OK
    assert story.next.paths() == []


def test_files_and_secrets_are_given_again(story: Story) -> None:
    story.begin(session="own")
    session = story.home.get(SESSION)
    session.call_client("/moby.buildkit.secrets.v1.Secrets/GetSecret")
    story.home.leave()

    story.next.get(SESSION).call_client("/moby.filesync.v1.FileSync/DiffCopy")
    story.ends(story.next.get(SOLVE))


@pytest.mark.parametrize("method", ["NewContainer", "ExecProcess", "SomethingNew"])
def test_a_container_ends_with_its_daemon(story: Story, method: str) -> None:
    story.begin()
    story.frontend(method)
    story.home.get(BRIDGE + method)
    story.home.leave()

    said = story.fails()
    assert "a container" in said or "LLBBridge.SomethingNew" in said
    assert story.next.paths() == []


def test_a_frontend_that_has_said_too_much_ends_with_its_daemon(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "_LARGEST", 1000)
    story.begin()
    story.heard(story.frontend("Solve"), story.home.get(BRIDGE + "Solve"), solve_result("a" * 2000))
    story.home.leave()

    assert "too many calls to repeat" in story.fails()
    assert story.next.paths() == []


def test_a_session_that_its_client_has_ended_can_not_be_had_again(story: Story) -> None:
    own = story.client.session("own")
    story.solving = story.client.call(SOLVE, pb.SolveRequest(Ref=REF, Session="own").SerializeToString())
    story.home.get(SOLVE)
    story.client.http2.finish(own)
    story.client.say()
    story.client.answer(own)
    story.home.leave()

    assert "its client had ended its session" in story.fails()


def test_a_daemon_without_room_gives_way(story: Story) -> None:
    story.begin().end(Status.UNKNOWN, "write /x: no space left on device")
    story.ends(story.next.get(SOLVE))


def test_a_daemon_that_still_has_the_build_that_it_lost_is_passed_over(story: Story) -> None:
    """buildkitd keeps a ref for 10 s after its build has ended, and the client's must stay as it is."""
    story.begin()
    story.home.hang_up()

    story.home.get(SOLVE).end(Status.UNKNOWN, f"job ID {REF} exists")

    story.ends(story.next.get(SOLVE))


def test_a_ping_is_answered_while_its_build_looks_for_the_next_daemon(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_build, "_PING_AFTER", 0.1)
    story.begin()
    pong = field(1, "all it can do")
    assert story.heard(story.frontend("Ping"), story.home.get(BRIDGE + "Ping"), pong) == [pong]
    pinging = story.frontend("Ping")
    story.home.get(BRIDGE + "Ping")
    story.home.fall_silent()
    story.next.fall_silent()
    monkeypatch.setattr(channel, "_LOST_AFTER", 0.1)

    assert story.client.answer(pinging).messages == [pong]


def test_a_client_that_gives_up_while_its_build_begins_again_ends_it(story: Story) -> None:
    story.begin()
    story.heard(story.frontend("Solve"), story.home.get(BRIDGE + "Solve"), solve_result("old"))
    story.home.leave()
    story.next.get(BRIDGE + "Solve")

    story.client.http2.reset(story.solving)
    story.client.say()

    story.next.wait(lambda: story.next.gone == 1)


def test_a_call_that_a_frontend_gives_up_is_no_loss(story: Story) -> None:
    solve = story.begin()
    given_up = story.frontend("Solve")
    story.home.get(BRIDGE + "Solve")
    story.client.http2.reset(given_up)
    story.heard(story.frontend("Inputs"), story.home.get(BRIDGE + "Inputs"), b"")

    story.ends(solve)
    assert story.next.paths() == []


@pytest.mark.parametrize("retries", [1])
def test_a_build_is_retried_as_often_as_it_may(story: Story) -> None:
    story.begin()
    story.home.leave()
    story.next.get(SOLVE)
    story.next.leave()

    said = story.fails()
    assert "the build was lost 2 times" in said


@pytest.mark.parametrize("retries", [0])
def test_a_build_that_may_not_be_retried_ends_with_the_name_of_its_daemon(story: Story) -> None:
    story.begin()
    story.home.leave()

    assert story.fails().startswith("lost d")
    assert story.next.paths() == []
