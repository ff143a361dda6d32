"""`warmroute debug`, beside buildctl's commands of that name."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from router import BuildRequest
from tests.e2e.builder import write_tree
from tests.e2e.llb import definition
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port

DOCKERFILE = """\
FROM scratch AS other
COPY Dockerfile /q
FROM {base} AS base
ARG X=1
USER 1000:1000
COPY --chown=10:20 --exclude=*.md . /a/
COPY --chown=nobody:nogroup --parents --chmod=u+x Dockerfile /b/
WORKDIR /w
RUN --mount=type=bind,from=other,target=/bound,ro --mount=type=cache,id=x,sharing=locked,target=/c \
 --mount=type=secret,id=q,env=Q --mount=type=ssh --network=none echo "$X \\\\ text"
RUN --mount=type=tmpfs,size=1000,target=/t true
ADD http://127.0.0.1:1/x.tar /x
COPY <<EOF /y
hi
EOF
FROM scratch
COPY --link --from=base /a /a
COPY --from=base /y /y
"""


@pytest.fixture(scope="module")
def llb(buildkitd: Buildkitd, busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of LLB with nearly everything that the Dockerfile frontend can say."""
    folder = tmp_path_factory.mktemp("llb")
    context = write_tree(folder / "context", {"Dockerfile": DOCKERFILE.format(base=busybox)})
    path = folder / "llb"
    path.write_bytes(definition(buildkitd.address, BuildRequest(context=str(context), no_cache=True)))
    return path


def buildctl(*args: str | Path) -> str:
    """Run buildctl and return its stdout."""
    argv: list[str | Path] = [binaries.buildctl(), *args]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout


@pytest.fixture
def warmroute(buildkitd: Buildkitd) -> Installed:
    return Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})


def test_llb_is_written_operation_by_operation_as_buildctl_does(llb: Path) -> None:
    ours = Installed().ok("debug", "dump-llb", llb).stdout.splitlines()

    theirs = buildctl("debug", "dump-llb", llb).splitlines()
    assert len(ours) > 8
    assert list(map(json.loads, ours)) == list(map(json.loads, theirs))


def test_the_graph_of_llb_is_that_of_buildctl(llb: Path) -> None:
    ours = Installed().ok("debug", "dump-llb", "--dot", llb)

    assert ours.stdout == buildctl("debug", "dump-llb", "--dot", llb)


@pytest.mark.parametrize("name", [(), ("-",)])
def test_llb_can_come_from_stdin(llb: Path, name: tuple[str, ...]) -> None:
    done = Installed().ok("debug", "dump-llb", *name, stdin=llb.read_bytes())

    assert done.stdout == Installed().ok("debug", "dump-llb", llb).stdout


def test_what_is_no_llb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("FROM scratch\n")

    done = Installed().run("debug", "dump-llb", tmp_path / "text")

    assert (done.code, done.stdout) == (2, "")
    assert "ERROR: the given LLB is not a definition with operations\n" in done.stderr


def test_the_workers_are_those_that_buildctl_lists(warmroute: Installed, buildkitd: Buildkitd) -> None:
    listed = warmroute.ok("debug", "workers", "--format", "json").json

    theirs = json.loads(buildctl("--addr", buildkitd.address, "debug", "workers", "--format", "{{json .}}"))
    assert listed[0]["daemon"] == "one"
    assert [_without_nulls(worker) for worker in theirs] == listed[0]["workers"]


def _without_nulls(value: object) -> object:
    """Say a list that is empty, where Go says null."""
    match value:
        case dict():
            return {name: _without_nulls([] if each is None else each) for name, each in value.items()}
        case list():
            return [_without_nulls(each) for each in value]
        case _:
            return value


def test_a_worker_has_its_labels_and_rules_in_the_long_form(warmroute: Installed) -> None:
    done = warmroute.ok("debug", "workers", "-v")

    assert "Daemon:      one\n" in done.stdout
    assert "Label:       org.mobyproject.buildkit.worker.executor=oci\n" in done.stdout
    assert "GC rule 0:   type==source.local" in done.stdout


def test_the_version_is_the_one_that_buildctl_shows(warmroute: Installed, buildkitd: Buildkitd) -> None:
    listed = warmroute.ok("debug", "info", "--format", "json").json

    theirs = json.loads(buildctl("--addr", buildkitd.address, "debug", "info", "--format", "{{json .}}"))
    assert listed[0]["buildkitVersion"] == theirs["buildkitVersion"]


def test_an_old_engine_that_tells_no_version_is_named_as_such(dockerd: Dockerd) -> None:
    done = Installed(environment=dockerd.environment).run("debug", "info")

    assert done.code == 1
    assert "ERROR: the daemon is too old to tell its version" in done.stderr
    assert "hint: " in done.stderr


def test_a_dead_daemon_does_not_hide_the_others(buildkitd: Buildkitd) -> None:
    dead = f"tcp://127.0.0.1:{free_port()}"

    both = ("--addr", f"alive={buildkitd.address}", "--addr", f"dead={dead}")
    done = Installed().run("debug", "info", *both)

    assert done.code == 69
    assert "alive" in done.stdout
    assert "v0.32.1" in done.stdout
    assert f"can't connect to {dead}" in done.stderr
    assert "ERROR: 1 of 2 daemons did not answer: dead\n" in done.stderr
    assert Installed().ok("debug", "info", *both, "--daemon", "alive").stdout == done.stdout


def test_a_daemon_that_is_not_there_is_told_with_those_that_are(buildkitd: Buildkitd) -> None:
    both = ("--addr", f"ash={buildkitd.address}", "--addr", f"birch={buildkitd.unix_address}")
    done = Installed().run("debug", "workers", *both, "--daemon", "brich")

    assert (done.code, done.stdout) == (69, "")
    assert 'no daemon named "brich" among the ' in done.stderr
    assert "; there are ash, birch" in done.stderr


def test_only_the_home_of_a_key_is_asked(buildkitd_three: tuple[Buildkitd, ...]) -> None:
    addresses = [("--addr", f"{number}={daemon.address}") for number, daemon in enumerate(buildkitd_three)]
    options = [word for pair in addresses for word in pair]

    asked = Installed().ok("debug", "info", "--key", "some", *options, "--format", "json").json

    home = Installed().ok("where", "--key=some", *options, "--format", "json").json["home"]
    assert [answer["daemon"] for answer in asked] == [home]


def test_no_answer_at_all_is_an_error() -> None:
    done = Installed().run("debug", "workers", "--addr", f"tcp://127.0.0.1:{free_port()}")

    assert (done.code, done.stdout) == (69, "")
    assert done.stderr.startswith("ERROR: can't connect to tcp://")
