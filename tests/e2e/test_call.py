"""`build --call`: what the frontend knows of a Dockerfile, beside buildx on the same daemon."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from router import BuildRequest, UsageError
from tests.e2e.builder import SEARCH_PATH, Builder, write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd, start_dockerd
from tests.servers.oci import Entry, Image
from tests.servers.registry import Registry

METHODS = ("check", "outline", "targets", "subrequests.describe")
DOCKERFILES = {
    "clean": "FROM scratch\n",
    "stages": """\
# VERSION is the version
ARG VERSION=1

# base is what all stages have
FROM scratch AS base
ARG WORD
FROM base AS app
ARG VERSION
RUN --mount=type=secret,id=token,required=true --mount=type=ssh ["true"]
""",
    "warnings": "FROM scratch AS Base\nfrom base\nMAINTAINER me\nARG\tTOKEN=1\nENV A 1\nCMD true",
    "broken": "FROM scratch as base\nFROBNICATE x\n",
    "broken-late": "FROM scratch AS base\nCOPY --from=127.0.0.1:1/nothing /a /b\n",
}


@dataclass(frozen=True, kw_only=True)
class Buildx:
    """buildx on one daemon."""

    environment: dict[str, str]

    def build(self, *args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `docker-buildx build` to its end, whatever its exit code."""
        argv: list[str | Path] = [binaries.buildx(), "build", *args]
        return subprocess.run(
            argv, env=self.environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def buildx(buildkitd: Buildkitd, tmp_path_factory: pytest.TempPathFactory) -> Buildx:
    home = tmp_path_factory.mktemp("buildx")
    environment = {"PATH": SEARCH_PATH, "HOME": str(home), "DOCKER_CONFIG": str(home)}
    argv: list[str | Path] = [
        binaries.buildx(),
        "create",
        "--use",
        "--name",
        "one",
        "--driver",
        "remote",
        buildkitd.address,
    ]
    subprocess.run(argv, env=environment, check=True, capture_output=True)
    return Buildx(environment=environment)


@pytest.fixture
def warmroute(buildkitd: Buildkitd) -> Installed:
    return Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})


@pytest.fixture
def contexts(tmp_path: Path) -> Path:
    """A directory of contexts by name."""
    return write_tree(tmp_path, {f"{name}/Dockerfile": text for name, text in DOCKERFILES.items()})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """A Docker engine with a bridge: its BuildKit runs a frontend's image nowhere else."""
    with start_dockerd(tmp_path_factory.mktemp("engine"), bridged=True) as running:
        yield running


@pytest.fixture(scope="module")
def frontend(registry: Registry) -> str:
    """The Dockerfile frontend of today's BuildKit as an image, for daemons that have an older one."""
    folders = [Entry(path=path) for path in ("bin", "dev", "etc", "proc", "sys", "run", "tmp")]
    program = Entry(path="bin/dockerfile-frontend", source=binaries.dockerfile_frontend())
    config = {
        "Entrypoint": ["/bin/dockerfile-frontend"],
        "Labels": {
            "moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests"
        },
    }
    image = Image(reference="dockerfile", layers=((*folders, program),), config=config)
    return registry.push(image, "dockerfile-for-calls")


@pytest.mark.parametrize("call", [*METHODS, *(f"{method},format=json" for method in METHODS[1:])])
@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_answer_and_its_exit_code_are_those_of_buildx(
    warmroute: Installed, buildx: Buildx, contexts: Path, name: str, call: str
) -> None:
    theirs = buildx.build("--progress=quiet", f"--call={call}", name, cwd=contexts)

    ours = warmroute.run("build", "--progress=quiet", f"--call={call}", name, cwd=contexts)

    assert (ours.stdout, ours.code) == (theirs.stdout, theirs.returncode)


def test_check_is_short_for_call_check(warmroute: Installed, contexts: Path) -> None:
    short = warmroute.run("build", "-q", "--check", "warnings", cwd=contexts)
    long = warmroute.run("build", "-q", "--call", "check", "warnings", cwd=contexts)

    assert (short.stdout, short.code) == (long.stdout, 1)
    assert "warnings/Dockerfile:3" in short.stdout
    assert "   3 | >>> MAINTAINER me" in short.stdout


def test_findings_in_json_hold_what_buildx_says(warmroute: Installed, buildx: Buildx, contexts: Path) -> None:
    theirs = buildx.build("-q", "--call=check,format=json", "warnings", cwd=contexts)

    ours = warmroute.run("build", "-q", "--call=check,format=json", "warnings", cwd=contexts)

    # Where the Dockerfile came from differs: the names of sessions stand in it.
    warnings = ours.json["warnings"]
    assert warnings
    assert theirs.stdout.startswith(ours.stdout[: ours.stdout.index('"sources"')])
    assert ours.code == 1


def test_the_status_of_a_check_can_be_ignored(warmroute: Installed, contexts: Path) -> None:
    done = warmroute.ok("build", "-q", "--call=check,ignorestatus=true", "warnings", cwd=contexts)

    assert done.stdout.startswith("Check complete, ")


def test_a_dockerfile_that_cannot_be_parsed_fails_the_check_at_its_line(
    warmroute: Installed, contexts: Path
) -> None:
    done = warmroute.run("build", "-q", "--check", "broken", cwd=contexts)

    assert done.code == 1
    assert "broken/Dockerfile:2\n" in done.stderr
    assert "   2 | >>> FROBNICATE x\n" in done.stderr
    assert "ERROR: dockerfile parse error on line 2: unknown instruction: FROBNICATE\n" in done.stderr


def test_a_dockerfile_from_stdin_is_called_stdin(warmroute: Installed, contexts: Path) -> None:
    dockerfile = DOCKERFILES["warnings"].encode()

    done = warmroute.run("build", "-q", "--check", "--file", "-", "clean", cwd=contexts, stdin=dockerfile)

    assert "stdin:3\n" in done.stdout


def test_an_answer_is_no_image_and_nothing_is_pushed(
    warmroute: Installed, registry: Registry, contexts: Path
) -> None:
    image = f"{registry.host}/never/pushed:1"

    done = warmroute.ok("build", "--call=targets", "--push", "-t", image, "clean", cwd=contexts)

    assert done.stdout.startswith("TARGET ")
    assert "no --push, --load or --output" not in done.stderr
    assert "exporting" not in done.stderr
    with pytest.raises(Exception, match="404"):
        registry.digest("never/pushed", "1")


def test_a_method_that_the_frontend_does_not_have_is_an_error_with_a_way_out(
    warmroute: Installed, contexts: Path
) -> None:
    done = warmroute.run("build", "--call=fortune", "clean", cwd=contexts)

    assert done.code == 1
    assert "ERROR: failed to solve: unsupported request frontend.fortune\n" in done.stderr
    assert "hint: this frontend has no such method: --call subrequests.describe" in done.stderr


def test_the_file_of_metadata_holds_the_answer(warmroute: Installed, contexts: Path, tmp_path: Path) -> None:
    path = tmp_path / "metadata"

    warmroute.ok("build", "-q", "--call=targets", "--metadata-file", path, "stages", cwd=contexts)

    assert '"result.txt"' in path.read_text()


def test_a_frontend_that_is_an_image_answers_too(builder: Builder, contexts: Path, frontend: str) -> None:
    request = BuildRequest(
        context=str(contexts / "stages"), build_args={"BUILDKIT_SYNTAX": frontend}, call="outline"
    )

    result = builder.build(request)

    assert result.metadata["result.txt"].startswith("TARGET: app\n")


def test_llb_has_no_frontend_that_could_be_asked(builder: Builder) -> None:
    with pytest.raises(UsageError, match="LLB has no frontend"):
        builder.build(BuildRequest(definition=b"\n\x00", frontend="", call="check"))


@pytest.mark.parametrize("method", ["outline", "targets", "subrequests.describe"])
def test_buildctl_tells_the_text_of_an_answer(warmroute: Installed, contexts: Path, method: str) -> None:
    options = ("build", "-q", f"--call={method}", "stages")

    through_buildctl = warmroute.ok(*options, "--backend=buildctl", cwd=contexts)

    assert through_buildctl.stdout == warmroute.ok(*options, cwd=contexts).stdout


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("check", "buildctl does not tell whether a check has passed"),
        ("outline,format=json", "the answer to --call outline is not in JSON"),
    ],
)
def test_what_buildctl_does_not_tell_is_refused(
    warmroute: Installed, contexts: Path, call: str, why: str
) -> None:
    done = warmroute.run("build", "--backend=buildctl", "--call", call, "clean", cwd=contexts)

    assert done.code == 2
    assert f"ERROR: {why}\n" in done.stderr


@pytest.mark.parametrize("backend", ["native", "docker"])
def test_a_docker_engine_answers_through_a_frontend_that_can(
    engine: Dockerd, contexts: Path, frontend: str, backend: str
) -> None:
    warmroute = Installed(environment=engine.environment)
    options = ("-q", "--backend", backend, "--build-arg", f"BUILDKIT_SYNTAX={frontend}")

    checked = warmroute.run("build", *options, "--check", "warnings", cwd=contexts)
    outlined = warmroute.ok("build", *options, "--call=outline,format=json", "stages", cwd=contexts)
    broken = warmroute.run("build", *options, "--check", "broken", cwd=contexts)

    assert checked.code == 1
    assert "warnings/Dockerfile:3\n" in checked.stdout
    assert outlined.json["name"] == "app"
    assert broken.code == 1
    assert "ERROR: dockerfile parse error on line 2" in broken.stderr


def test_a_frontend_too_old_for_the_question_is_an_error_with_a_way_out(
    engine: Dockerd, contexts: Path
) -> None:
    warmroute = Installed(environment=engine.environment)

    done = warmroute.run("build", "--check", "clean", cwd=contexts)

    assert done.code == 1
    assert "BUILDKIT_SYNTAX=docker/dockerfile:1" in done.stderr
