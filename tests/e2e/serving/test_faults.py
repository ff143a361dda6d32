"""Who goes away while a build is on its way: the client, the daemon before it has the build, and after."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from router import RouterConfig
from router._proto import control_pb2 as pb
from router.backends.turn import Turn
from router.errors import BusyError
from router.rpc import RpcCall
from router.rpc.grpc import Status
from tests.e2e.builder import wait_until_idle
from tests.e2e.serving.endpoints import Served, build_of, serving
from tests.e2e.test_load import busy
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.wire.serving.peers import BRIDGE, CONTROL

SLOW = "FROM {image}\nRUN echo begun {word}; sleep 60\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_build_is_cancelled_when_its_client_is_gone(
    served: Served, busybox: str, number: signal.Signals
) -> None:
    tag = served.tag_at("d1")
    with served.building(
        SLOW.format(image=busybox, word=tag), f"--output=type=oci,name={tag},dest=/dev/null"
    ) as client:
        client.read_until(f"begun {tag}\n".encode())
        client.signal(number)

        assert wait_until_idle(served.daemons["d1"].address, within=10.0) < 2.0


def test_the_next_daemon_builds_where_home_can_not_be_reached(
    buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path, context: Path
) -> None:
    with serving(buildkitd_three, tmp_path, unreachable=("gone",)) as served:
        tag = served.tag_at("gone")
        before = served.built()

        served.buildctl(*build_of(context), f"--output=type=oci,name={tag},dest=/dev/null").ok()

        assert sum(served.built().values()) == sum(before.values()) + 1
        assert any(text.startswith("gone") and "; trying" in text for text in served.notices)


def test_a_full_home_gives_way_to_the_next(
    buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path, context: Path, busybox: str
) -> None:
    with serving(buildkitd_three, tmp_path, config=RouterConfig(max_builds=1, spill="next")) as served:
        tag = served.tag_at("d0")
        with busy(served.daemons["d0"].address, busybox, tmp_path):
            before = served.built()
            served.buildctl(*build_of(context), f"--output=type=oci,name={tag},dest=/dev/null").ok()
            after = served.built()

    assert after["d0"] == before["d0"]
    assert sum(after.values()) == sum(before.values()) + 1


def test_a_daemon_that_is_lost_is_named(tmp_path: Path, busybox: str) -> None:
    daemon = start_buildkitd(tmp_path / "lost")
    with (
        serving([daemon], tmp_path, config=RouterConfig(retries=0)) as served,
        served.building(SLOW.format(image=busybox, word="here")) as client,
    ):
        client.read_until(b"begun here\n")
        daemon.kill()

        assert client.wait(20.0) == 1
        assert f"lost d0 ({daemon.address})".encode() in client.output


def test_closing_the_endpoint_cancels_what_is_under_way(served: Served, busybox: str) -> None:
    tag = served.tag_at("d2")
    with served.building(
        SLOW.format(image=busybox, word=tag), f"--output=type=oci,name={tag},dest=/dev/null"
    ) as client:
        client.read_until(f"begun {tag}\n".encode())
        served.endpoint.close()

        assert wait_until_idle(served.daemons["d2"].address, within=10.0) < 2.0
        assert client.wait(20.0) == 1


def test_who_waits_in_line_is_shown_what_for(buildkitd: Buildkitd, tmp_path: Path, busybox: str) -> None:
    with serving([buildkitd], tmp_path, config=RouterConfig(max_builds=1, queue=60.0)) as served:
        slow = SLOW.format(image=busybox, word="first")
        with served.building(slow, "--output=type=oci,dest=/dev/null") as first:
            first.read_until(b"begun first\n")
            with served.building("FROM scratch\nCOPY Dockerfile /\n") as second:
                second.read_until(b"[warmroute] waiting for a daemon")
                second.read_until(b"waiting in line for up to ")
                second.read_until(b"d0 has 1 build (limit 1)")
                first.signal(signal.SIGINT)

                assert second.wait(30.0) == 0
                assert b"COPY Dockerfile /" in second.output


def test_a_ping_is_answered_while_its_build_waits_in_line(
    buildkitd: Buildkitd, tmp_path: Path, busybox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """buildctl pings first of all, and gives up after 15 s. It gets what another client's was answered."""
    monkeypatch.setattr("router.serving.client_build._PING_AFTER", 0.1)
    with (
        serving([buildkitd], tmp_path, config=RouterConfig(max_builds=1, queue=60.0)) as served,
        served.building(SLOW.format(image=busybox, word="first")) as first,
        served.talking() as second,
    ):
        first.read_until(b"begun first\n")
        second.call(CONTROL + "Solve", pb.SolveRequest(Ref="second").SerializeToString())

        pong = second.ask(BRIDGE + "Ping", b"", buildkit_controlapi_buildid="second")

        assert pong.status[0] == Status.OK
        assert len(pong.messages[0]) > 100


def test_a_herd_is_let_in_one_by_one_and_all_are_built(
    buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path, context: Path
) -> None:
    """A build that a daemon gives back can't have its ref there for 10 s: few are to be given back."""
    with serving(buildkitd_three, tmp_path, config=RouterConfig(max_builds=1, queue=60.0)) as served:
        before = served.built()
        with ThreadPoolExecutor(8) as clients:
            commands = [build_of(context)] * 12
            ran = list(clients.map(lambda command: served.buildctl(*command), commands))
        after = served.built()

    assert [each.code for each in ran] == [0] * 12, [each.stderr for each in ran if each.code]
    assert sum(after.values()) == sum(before.values()) + 12


def test_a_build_that_was_given_back_is_taken_by_the_same_daemon_later(
    buildkitd: Buildkitd, tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = Turn.take

    def gives_back_the_first(turn: Turn, solve: RpcCall) -> None:
        monkeypatch.setattr(Turn, "take", took)
        turn._channel.run(lambda: turn._announced)
        turn._withdraw(solve)
        raise BusyError("d0 is full", builds=1)

    monkeypatch.setattr(Turn, "take", gives_back_the_first)
    with serving([buildkitd], tmp_path, config=RouterConfig(max_builds=1, queue=60.0)) as served:
        served.buildctl(*build_of(context)).ok()
