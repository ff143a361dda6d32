"""`warmroute bake` on real daemons: targets at their own homes, linked ones together, and faults."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from router import BuildRouter, Key, RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, active_builds, write_tree
from tests.e2e.processes import Installed
from tests.e2e.program import Finished
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd

_EIGHT = """
variable "BASE" {}
variable "RUN" {}
target "_all" {
  args = { BASE = BASE, RUN = RUN }
}
target "plain" {
  matrix = { n = ["one", "two", "three", "four"] }
  name = n
  inherits = ["_all"]
  args = { WORD = n }
  tags = ["example.com/${RUN}/${n}:1"]
  output = ["out/${n}"]
}
target "base" {
  inherits = ["_all"]
  args = { WORD = "base" }
  tags = ["example.com/${RUN}/base:1"]
}
target "middle" {
  contexts = { under = "target:base" }
  dockerfile-inline = "FROM under\\nRUN cat /word /word > /twice\\n"
  tags = ["example.com/${RUN}/middle:1"]
}
target "left" {
  contexts = { under = "target:middle", extra = "extra" }
  dockerfile-inline = "FROM under\\nCOPY --from=extra file /\\nRUN cat /twice /file > /left\\n"
  tags = ["example.com/${RUN}/left:1"]
  output = ["out/left"]
}
target "right" {
  contexts = { first = "target:base", second = "target:middle" }
  dockerfile-inline = "FROM scratch\\nCOPY --from=first /word /a\\nCOPY --from=second /twice /b\\n"
  tags = ["example.com/${RUN}/right:1"]
  output = ["out/right"]
}
group "default" { targets = ["plain", "base", "middle", "left", "right"] }
"""
_DOCKERFILE = """
ARG BASE
FROM $BASE
ARG WORD
ARG RUN
COPY file /file
RUN echo $WORD > /word && echo $RUN > /run-by
"""


def _fleet(*daemons: tuple[str, Buildkitd]) -> dict[str, str]:
    return {"WARMROUTE_ADDR": ",".join(f"{name}={daemon.address}" for name, daemon in daemons)}


def _table(finished: Finished) -> dict[str, tuple[str, str, str]]:
    """Return what the table at the end says: daemon, home and cached by target."""
    lines = finished.stderr.split("TARGET  ", 1)[1].splitlines()[1:]
    rows = (re.split(r"\s{2,}", line) for line in lines if re.search(r"\S  +\S", line))
    return {row[0]: (row[1], row[2], row[3]) for row in rows if len(row) == 5}


@pytest.fixture
def warmroute(buildkitd_three: tuple[Buildkitd, ...]) -> Installed:
    """The command on three daemons."""
    fleet = _fleet(*((f"d{number}", daemon) for number, daemon in enumerate(buildkitd_three)))
    return Installed(environment=fleet)


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A word that no other test has in its images."""
    return re.sub(r"[^a-z0-9]", "", str(tmp_path).lower())[-40:]


def test_eight_targets_are_built_at_their_homes_and_found_there_the_second_time(
    warmroute: Installed, busybox: str, run: str, tmp_path: Path
) -> None:
    tree = {"docker-bake.hcl": _EIGHT, "Dockerfile": _DOCKERFILE, "file": "f\n", "extra/file": "e\n"}
    write_tree(tmp_path, tree)
    words = ("bake", "--progress", "plain", "--var", f"BASE={busybox}", "--var", f"RUN={run}")

    first = _table(warmroute.ok(*words, cwd=tmp_path))
    second = _table(warmroute.ok(*words, "--metadata-file", "m.json", cwd=tmp_path))

    assert set(first) == {"one", "two", "three", "four", "base", "middle", "left", "right"}
    assert {home for _, home, _ in (*first.values(), *second.values())} == {"yes"}
    assert {name: row[0] for name, row in first.items()} == {name: row[0] for name, row in second.items()}
    assert len({second[name][0] for name in ("base", "middle", "left", "right")}) == 1
    for name, (_, _, cached) in second.items():
        done, steps = cached.split(" of ")
        assert done == steps, f"{name}: {cached}"
    for name in ("one", "two", "three", "four"):
        assert (tmp_path / "out" / name / "word").read_text() == f"{name}\n"
    assert (tmp_path / "out/left/left").read_text() == "base\nbase\ne\n"
    assert (tmp_path / "out/right/a").read_text() + (tmp_path / "out/right/b").read_text() == "base\n" * 3
    metadata = json.loads((tmp_path / "m.json").read_text())
    assert {name: each["warmroute.build"]["daemon"] for name, each in metadata.items()} == {
        name: row[0] for name, row in second.items()
    }
    for name in ("one", "two", "three", "four"):
        # The same home as that of a single build of the image.
        where = warmroute.ok("where", "-t", f"example.com/{run}/{name}:2", cwd=tmp_path)
        assert re.findall(r"^ *home +(\S+)", where.stdout, re.MULTILINE) == [second[name][0]]


_BASE_ONCE = """
variable "BASE" {}
target "base" {
  dockerfile-inline = "FROM ${BASE}\\nRUN cat /proc/sys/kernel/random/uuid > /id && sleep 0.3\\n"
  no-cache = true
  output = ["out/base"]
}
target "child" {
  matrix = { n = ["a", "b"] }
  name = "child-${n}"
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nRUN cat /id > /id-${n}\\n"
  output = ["out/${n}"]
}
group "default" { targets = ["base", "child"] }
"""


@pytest.mark.parametrize("bound", ["8", "1"])
def test_a_base_is_built_once_also_without_its_cache_and_where_there_is_room_for_one(
    bound: str, warmroute: Installed, busybox: str, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _BASE_ONCE})
    words = ("--max-builds", bound, "--queue", "30s", "--var", f"BASE={busybox}")

    warmroute.ok("bake", "--progress", "plain", *words, cwd=tmp_path)

    ids = {path.read_text() for path in tmp_path.glob("out/*/id*")}
    assert len(list(tmp_path.glob("out/*/id*"))) == 5
    assert len(ids) == 1


_PLATFORMS = """
target "base" {
  dockerfile-inline = "FROM scratch\\nARG TARGETARCH\\nCOPY $TARGETARCH /arch\\n"
  platforms = ["linux/amd64", "linux/arm64"]
}
target "both" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nCOPY file /\\n"
  platforms = ["linux/amd64", "linux/arm64"]
  output = ["type=oci,dest=both.tar"]
}
target "one" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nCOPY file /\\n"
  platforms = ["linux/arm64"]
  output = ["one"]
}
group "default" { targets = ["both", "one"] }
"""


def test_a_base_of_several_platforms_is_handed_on_for_each(warmroute: Installed, tmp_path: Path) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _PLATFORMS, "amd64": "a", "arm64": "b", "file": "f"})

    warmroute.ok("bake", "--progress", "plain", cwd=tmp_path)

    assert (tmp_path / "one" / "arch").read_text() == "b"
    with tarfile.open(tmp_path / "both.tar") as archive:
        index = json.load(_member(archive, "index.json"))
        manifest = json.load(_member(archive, f"blobs/sha256/{index['manifests'][0]['digest'][7:]}"))
    assert {each["platform"]["architecture"] for each in manifest["manifests"]} >= {"amd64", "arm64"}


def _member(archive: tarfile.TarFile, name: str) -> Any:
    return archive.extractfile(name)


_FAILING = """
variable "BASE" {}
target "bad" {
  dockerfile-inline = "FROM ${BASE}\\nRUN cat /nothing\\n"
  no-cache = true
}
target "on-bad" {
  contexts = { bad = "target:bad" }
  dockerfile-inline = "FROM bad\\nRUN echo never\\n"
}
target "slow" {
  dockerfile-inline = "FROM ${BASE}\\nRUN sleep 40\\n"
  no-cache = true
}
target "good" {
  dockerfile-inline = "FROM ${BASE}\\nRUN echo good > /good\\n"
  output = ["out"]
}
"""


def test_a_failure_cancels_the_others(warmroute: Installed, busybox: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _FAILING})

    done = warmroute.run(
        "bake", "--progress", "plain", "--var", f"BASE={busybox}", "on-bad", "slow", cwd=tmp_path
    )

    assert done.code == 1
    assert done.seconds < 30
    assert "ERROR: target bad: failed to solve" in done.stderr
    assert re.search(r"^on-bad +not built \(bad failed\)", done.stderr, re.MULTILINE)
    assert re.search(r"^slow +not built \(bad failed\)", done.stderr, re.MULTILINE)


def test_with_keep_going_all_that_can_be_built_is(warmroute: Installed, busybox: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _FAILING})
    words = ("--keep-going", "--metadata-file", "m.json", "--var", f"BASE={busybox}")

    done = warmroute.run(
        "bake", "--progress", "plain", "--parallel", "1", *words, "on-bad", "good", cwd=tmp_path
    )

    assert done.code == 1
    assert re.search(r"^bad +failed", done.stderr, re.MULTILINE)
    assert re.search(r"^on-bad +not built \(bad failed\)", done.stderr, re.MULTILINE)
    assert (tmp_path / "out" / "good").read_text() == "good\n"
    assert list(json.loads((tmp_path / "m.json").read_text())) == ["good"]


def _key_of(config: RouterConfig, home: str, name: str) -> str:
    """Return an image's name whose home is a daemon of the fleet."""
    with BuildRouter(config, environment={}) as router:
        for number in range(1000):
            image = f"example.com/{name}-{number}"
            found = router.route(Key(key=image, rule="tag")).home
            if found is not None and found.name == home:
                return image
    raise AssertionError(f"no image of 1000 belongs to {home}")


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Buildkitd]:
    """A daemon to break."""
    with start_buildkitd(tmp_path / "victim", unix=False) as daemon:
        yield daemon


_LOSING = """
variable "BASE" {}
target "single" {
  dockerfile-inline = "FROM ${BASE}\\nRUN echo single > /word && sleep 5\\n"
  no-cache = true
  tags = ["SINGLE"]
  output = ["out/single"]
}
target "base" {
  dockerfile-inline = "FROM ${BASE}\\nRUN echo base > /word && sleep 5\\n"
  no-cache = true
  tags = ["LINKED"]
}
target "child" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nRUN cat /word > /child\\n"
  output = ["out/child"]
}
target "other" {
  dockerfile-inline = "FROM ${BASE}\\nRUN echo other > /word && sleep 5\\n"
  no-cache = true
  tags = ["OTHER"]
  output = ["out/other"]
}
group "default" { targets = ["single", "base", "child", "other"] }
"""


def test_a_lost_daemon_costs_its_targets_another_attempt_and_no_other(
    buildkitd: Buildkitd, victim: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    fleet = (("safe", buildkitd), ("victim", victim))
    config = RouterConfig(addresses=addressed(*((name, daemon.address) for name, daemon in fleet)))
    text = _LOSING
    for word, home in (("SINGLE", "victim"), ("LINKED", "victim"), ("OTHER", "safe")):
        text = text.replace(word, _key_of(config, home, word.lower()))
    write_tree(tmp_path, {"docker-bake.hcl": text})
    installed = Installed(environment=_fleet(*fleet))
    words = ["bake", "--progress", "plain", "--metadata-file", "m.json", "--var", f"BASE={busybox}"]

    with installed.started(*words, cwd=tmp_path) as process:
        while not (active_builds(victim.address) >= 2 and active_builds(buildkitd.address)):
            assert process.process.poll() is None
        victim.kill()
        code = process.wait(within=60)

    stderr = process.output.decode()
    assert code == 0, stderr
    metadata = json.loads((tmp_path / "m.json").read_text())
    assert {each["warmroute.build"]["daemon"] for each in metadata.values()} == {"safe"}
    assert {name: each["warmroute.build"]["place"] for name, each in metadata.items()} == {
        "single": 2,
        "base": 2,
        "child": 2,
        "other": 1,
    }
    retried = set(re.findall(r"warmroute: (\S+): .*retrying on safe \(attempt 2\)", stderr))
    assert {"single", "base"} <= retried <= {"single", "base", "child"}
    for name, word in (("single", "single"), ("other", "other"), ("child", "base")):
        assert (tmp_path / "out" / name / "word").read_text() == f"{word}\n"
    assert (tmp_path / "out/child/child").read_text() == "base\n"


def test_interrupted_it_cancels_all_of_its_builds(
    warmroute: Installed, busybox: str, buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path
) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _FAILING})
    words = ["bake", "--progress", "plain", "--var", f"BASE={busybox}", "--set", "slow.tags=t:1", "slow"]

    with warmroute.started(*words, cwd=tmp_path) as process:
        while not any(active_builds(daemon.address) for daemon in buildkitd_three):
            assert process.process.poll() is None
        process.signal(signal.SIGINT)
        code = process.wait(within=10)

    assert code == 130, process.output.decode()
    for daemon in buildkitd_three:
        while active_builds(daemon.address):
            pass


def test_a_target_that_somebody_cancels_at_its_daemon_has_failed(
    warmroute: Installed, busybox: str, buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path
) -> None:
    linked = (
        'target "on-slow" {\n  contexts = { slow = "target:slow" }\n  dockerfile-inline = "FROM slow"\n}\n'
    )
    write_tree(tmp_path, {"docker-bake.hcl": _FAILING + linked})
    words = [
        "bake",
        "--progress",
        "plain",
        "--var",
        f"BASE={busybox}",
        "--set",
        "slow.tags=c.example.com/slow",
    ]

    with warmroute.started(*words, "on-slow", cwd=tmp_path) as process:
        while not any(active_builds(daemon.address) for daemon in buildkitd_three):
            assert process.process.poll() is None
        warmroute.ok("cancel", "--key", "c.example.com/slow")
        code = process.wait(within=30)

    output = process.output.decode()
    assert code == 130, output
    assert "target slow: the build on" in output
    assert "was canceled by" in output


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside which there is one with a file that steps are to see."""
    secret = '["id=s,src=../beside/secret"]'
    step = "RUN --mount=type=secret,id=s cat /run/secrets/s > /copy"
    definition = (
        'variable "BASE" {}\n'
        f'target "default" {{\n  dockerfile-inline = "FROM ${{BASE}}\\n{step}\\n"\n'
        f'  secret = {secret}\n  output = ["../beside/out"]\n}}\n'
    )
    write_tree(tmp_path, {"here/docker-bake.hcl": definition, "beside/secret": "s3cret"})
    return tmp_path / "here"


def test_a_definition_reaches_out_of_its_directory_only_where_that_is_allowed(
    warmroute: Installed, busybox: str, outside: Path
) -> None:
    words = ("bake", "--progress", "plain", "--var", f"BASE={busybox}")

    refused = warmroute.run(*words, cwd=outside)
    hint = re.search(r"^hint: if it may, add (.*)$", refused.stderr, re.MULTILINE)

    assert refused.code == 2
    assert hint is not None
    assert hint[1].split() == ["--allow=fs.write=../beside", "--allow=fs.read=../beside/secret"]
    assert not (outside.parent / "beside" / "out").exists()
    warmroute.ok(*words, *hint[1].split(), cwd=outside)
    assert (outside.parent / "beside" / "out" / "copy").read_text() == "s3cret"


def test_metadata_has_the_form_of_buildx_s(
    warmroute: Installed, buildkitd: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    tree = {"docker-bake.hcl": _EIGHT, "Dockerfile": _DOCKERFILE, "file": "f\n", "extra/file": "e\n"}
    write_tree(tmp_path, tree)
    words = ["bake", "--metadata-file", "m.json", "--var", f"BASE={busybox}", "--var", "RUN=form"]
    wanted = ["--set", "*.output=type=image", "one", "left"]
    environment = {"PATH": SEARCH_PATH, "HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker")}
    environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"

    def buildx(*args: str) -> None:
        subprocess.run(
            [binaries.buildx(), *args], env=environment, cwd=tmp_path, check=True, capture_output=True
        )

    buildx("create", "--use", "--name", "one", "--driver", "remote", buildkitd.address)
    buildx(*words, *wanted)
    theirs = _form(json.loads((tmp_path / "m.json").read_text()))
    warmroute.ok(*words, *wanted, cwd=tmp_path)
    ours = json.loads((tmp_path / "m.json").read_text())

    assert {each.pop("warmroute.build")["home"] for each in ours.values()} <= {"d0", "d1", "d2"}
    assert _form(ours) == theirs


def _form(value: Any) -> Any:
    """Return an object with the types of its members, without those of a provenance."""
    if isinstance(value, dict):
        return {
            name: "provenance" if name == "buildx.build.provenance" else _form(each)
            for name, each in value.items()
        }
    return type(value).__name__


def test_linked_targets_can_be_checked(warmroute: Installed, tmp_path: Path) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _PLATFORMS, "amd64": "a", "arm64": "b", "file": "f"})

    answer = warmroute.ok("bake", "--call", "check", cwd=tmp_path).stdout

    assert re.findall(r"^(\w+)\n\nCheck complete, no warnings found\.$", answer, re.MULTILINE) == [
        "base",
        "both",
        "one",
    ]


def test_a_dry_run_says_where_each_target_would_be_built(
    warmroute: Installed, busybox: str, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _EIGHT})

    told = warmroute.ok("bake", "--dry-run", "--var", "RUN=dry", "--var", f"BASE={busybox}", cwd=tmp_path)
    rows: Sequence[list[str]] = [line.split() for line in told.stdout.splitlines()]

    assert rows[0] == ["TARGET", "KEY", "DAEMON"]
    found = {name: (key, daemon) for name, key, daemon in rows[1:]}
    assert found["one"][0] == "example.com/dry/one"
    assert len({found[name] for name in ("base", "middle", "left", "right")}) == 1


def test_archives_of_two_targets_are_not_mixed_on_stdout(warmroute: Installed, tmp_path: Path) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _PLATFORMS, "amd64": "a", "arm64": "b", "file": "f"})

    done = warmroute.run("bake", "--set", "*.output=type=tar", cwd=tmp_path)

    assert (done.code, done.stdout) == (2, "")
    assert "the outputs of both and one both go to stdout" in done.stderr
    only = warmroute.ok("bake", "--progress", "quiet", "--set", "one.output=type=tar", "one", cwd=tmp_path)
    assert "file" in only.stdout


_COMPOSE = """
services:
  base:
    build:
      context: .
      dockerfile_inline: |
        FROM scratch
        COPY file /file
  api:
    image: compose.example.com/api
    build:
      context: .
      additional_contexts:
        base: service:base
      dockerfile_inline: |
        FROM base
        COPY file /api
  db:
    image: compose.example.com/db
"""


def test_services_of_a_compose_file_are_built(warmroute: Installed, tmp_path: Path) -> None:
    write_tree(tmp_path, {"compose.yaml": _COMPOSE, "file": "f\n"})

    done = warmroute.ok("bake", "-f", "compose.yaml", "--set", "api.output=out", "api", cwd=tmp_path)

    assert set(_table(done)) == {"api", "base"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["api", "file"]


def test_an_error_that_several_targets_have_is_told_once(warmroute: Installed, tmp_path: Path) -> None:
    write_tree(tmp_path, {"docker-bake.hcl": _EIGHT, "Dockerfile": _DOCKERFILE})
    nowhere = ("--addr", "tcp://127.0.0.1:1", "--var", "BASE=b", "--var", "RUN=once", "--keep-going")

    several = warmroute.run("bake", "--progress", "quiet", *nowhere, "one", "two", cwd=tmp_path)
    alone = warmroute.run("bake", "--progress", "quiet", *nowhere, "one", cwd=tmp_path)

    reason = "can't connect to tcp://127.0.0.1:1: connection refused"
    assert (several.code, alone.code) == (69, 69)
    assert re.findall(r"^ERROR: (.*)$", several.stderr, re.MULTILINE) == [f"targets one, two: {reason}"]
    assert re.findall(r"^ERROR: (.*)$", alone.stderr, re.MULTILINE) == [reason]
