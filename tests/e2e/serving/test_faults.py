"""Who goes away while a build is on its way: the client, the daemon before it has the build, and after."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from router import RouterConfig
from tests.e2e.builder import wait_until_idle
from tests.e2e.serving.endpoints import Served, build_of, serving
from tests.e2e.test_load import busy
from tests.servers.buildkitd import Buildkitd, start_buildkitd

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
        serving([daemon], tmp_path) as served,
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
