"""warmroute as a command of the real docker."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd

NAMES = ("ash", "birch", "cedar")
DOCKERFILE = "FROM scratch\nCOPY file /file\n"
RUNNING = 'FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox", "echo", "it runs"]\n'


@pytest.fixture
def variables(buildkitd_three: Sequence[Buildkitd], tmp_path: Path) -> dict[str, str]:
    """The fleet, and a docker config of the test's own; there is no engine."""
    fleet = ",".join(f"{name}={each.address}" for name, each in zip(NAMES, buildkitd_three, strict=True))
    return {
        "WARMROUTE_ADDR": fleet,
        "DOCKER_CONFIG": str(tmp_path / "docker config"),
        "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
    }


@pytest.fixture
def warmroute(variables: dict[str, str]) -> Installed:
    return Installed(environment=variables)


@pytest.fixture
def docker(variables: dict[str, str]) -> Installed:
    return Installed(name=str(binaries.docker()), environment=variables)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": DOCKERFILE, "file": "content"})


def test_docker_has_a_command_warmroute_from_install_to_uninstall(
    warmroute: Installed, docker: Installed, context: Path
) -> None:
    assert "'warmroute' is not a docker command" in docker.run("warmroute", "ls").stderr

    warmroute.ok("install", "docker-plugin")
    assert re.search(
        r"^  warmroute\* +Build images on the daemon whose cache is warm",
        docker.ok("--help").stdout,
        re.MULTILINE,
    )
    listed = docker.ok("warmroute", "ls").stdout
    assert re.findall(r"^(\w+) +tcp://\S+ +ready ", listed, re.MULTILINE) == list(NAMES)
    home = docker.ok("warmroute", "where", "example.test/app", "--format", "json").json["home"]
    built = docker.ok("warmroute", "build", "-t", "example.test/app", context)
    assert f"built on {home} (home)" in built.stderr

    docker.ok("warmroute", "uninstall", "docker-plugin")
    assert "'warmroute' is not a docker command" in docker.run("warmroute", "ls").stderr


def test_what_stands_before_the_name_is_heeded(
    warmroute: Installed, docker: Installed, context: Path, tmp_path: Path
) -> None:
    warmroute.ok("install", "docker-plugin")
    config = f"{tmp_path}/docker config"
    elsewhere = Installed(
        name=docker.name, environment={**docker.environment, "DOCKER_CONFIG": str(tmp_path / "other")}
    )
    assert elsewhere.run("warmroute", "version").code != 0

    done = elsewhere.ok("--config", config, "--debug", "warmroute", "build", "-t", "app", context)
    assert "building on" in done.stderr
    assert "key docker.io/library/app" in done.stderr

    load = ("warmroute", "build", "-t", "app", "--load", context)
    refused = docker.run("--host", f"unix://{tmp_path}/another.sock", *load)
    assert refused.code != 0
    assert f"{tmp_path}/another.sock" in refused.stderr


def test_an_error_and_its_exit_code_come_through_docker(warmroute: Installed, docker: Installed) -> None:
    warmroute.ok("install", "docker-plugin")

    done = docker.run("warmroute", "build", "--nonsense")

    assert done.code == 2
    assert done.stderr.startswith("ERROR: no such option: --nonsense\n")
    assert "see docker warmroute build --help" in done.stderr
    assert docker.ok("warmroute", "build", "--help").stdout == docker.ok("help", "warmroute", "build").stdout


@pytest.fixture
def engine(variables: dict[str, str], dockerd: Dockerd) -> Installed:
    """docker with an engine, told to build with BuildKit; it has buildx too."""
    plugins = Path(variables["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(binaries.buildx())
    own = {"DOCKER_HOST": dockerd.host, "DOCKER_BUILDKIT": "1"}
    return Installed(name=str(binaries.docker()), environment={**variables, **own})


@pytest.fixture
def runnable(tmp_path: Path) -> Path:
    context = write_tree(tmp_path / "runnable", {"Dockerfile": RUNNING})
    shutil.copy(binaries.busybox(), context / "busybox")
    return context


def test_docker_build_comes_here_as_builder_and_is_the_engines_again_afterwards(
    warmroute: Installed, engine: Installed, runnable: Path
) -> None:
    config = Path(engine.environment["DOCKER_CONFIG"]) / "config.json"
    config.write_text('{\n   "psFormat": "table {{.ID}}"\n}')
    before = config.read_bytes()
    assert "warmroute" not in engine.ok("build", "-t", "before", runnable).stderr

    warmroute.ok("install", "docker-plugin", "--as-builder")
    home = warmroute.ok("where", "example.test/x", "--format", "json").json["home"]
    for command in (["build"], ["image", "build"], ["builder", "build"], ["-D", "build"]):
        done = engine.ok(*command, "-t", "example.test/x", runnable)
        assert f"built on {home} (home)" in done.stderr
        assert engine.ok("run", "--rm", "--network=none", "example.test/x").stdout == "it runs\n"
        engine.ok("image", "rm", "example.test/x")
    # buildx stays what it is, and so does what only buildx can do.
    assert "warmroute" not in engine.ok("buildx", "build", "-t", "y", runnable).stderr
    assert re.search(r"^Total:\s+\d", engine.ok("builder", "du").stdout, re.MULTILINE)
    assert engine.ok("builder", "version").stdout.startswith("github.com/docker/buildx")

    warmroute.ok("uninstall", "docker-plugin")
    assert config.read_bytes() == before
    assert "warmroute" not in engine.ok("build", "-t", "example.test/x", runnable).stderr
    assert engine.ok("run", "--rm", "--network=none", "example.test/x").stdout == "it runs\n"


def test_a_quiet_docker_build_prints_what_docker_run_takes(
    warmroute: Installed, engine: Installed, runnable: Path, tmp_path: Path
) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")

    done = engine.ok("build", "--quiet", "--iidfile", tmp_path / "id", runnable)

    assert done.stdout == (tmp_path / "id").read_text() + "\n"
    assert done.stderr == ""
    assert engine.ok("run", "--rm", "--network=none", done.stdout.strip()).stdout == "it runs\n"


def test_what_docker_build_takes_is_taken(warmroute: Installed, engine: Installed, runnable: Path) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")
    silent = ("--rm=false", "--force-rm", "--compress", "--memory=256m", "--memory-swap", "-1", "-c", "512")
    told = ("--isolation=default", "--security-opt", "seccomp=unconfined", "--squash")

    done = engine.ok("build", *silent, *told, "-o", "type=cacheonly", "--progress=plain", runnable)

    warnings = re.findall(r"(--\S+) is ignored: ", done.stderr)
    assert warnings == ["--isolation", "--security-opt", "--squash"]
    verbose = engine.ok("build", "-D", "-o", "type=cacheonly", runnable)
    assert re.search(r"^\S*.*key \S+ \(rule: ", verbose.stderr, re.MULTILINE)
    missing = engine.run("build", "-t", "x")
    assert missing.code == 2
    assert "the build context is missing: a directory, a URL" in missing.stderr
    assert "see docker build --help" in missing.stderr


def test_limits_and_the_platform_get_to_the_frontend(
    warmroute: Installed, docker: Installed, runnable: Path
) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")
    with_platform = Installed(
        name=docker.name, environment={**docker.environment, "DOCKER_DEFAULT_PLATFORM": "linux/s390x"}
    )
    limits = ("-m", "256m", "--cpu-shares=512", "--cpuset-cpus", "0-1", "--resource", "cpu-shares=600")

    shown = with_platform.ok("build", "--dry-run", *limits, runnable).stdout

    for option in ("memory=268435456", "cpushares=600", "cpusetcpus=0-1", "platform=linux/s390x"):
        assert f"--opt {option}" in shown
    assert "--output type=docker" in shown
    unloaded = Installed(name=docker.name, environment={**docker.environment, "BUILDX_NO_DEFAULT_LOAD": "1"})
    assert "--output" not in unloaded.ok("build", "--dry-run", runnable).stdout


def test_a_variable_that_no_command_has_is_told_under_docker_build_too(
    warmroute: Installed, docker: Installed, runnable: Path
) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")
    slipped = Installed(
        name=docker.name,
        environment={**docker.environment, "WARMROUTE_SELECTR": "x", "WARMROUTE_FORMAT": "json"},
    )

    done = slipped.ok("build", "--dry-run", runnable)

    assert re.findall("variable (WARMROUTE_\\w+) is unknown", done.stderr) == ["WARMROUTE_SELECTR"]


def test_an_image_that_goes_elsewhere_is_not_loaded(
    warmroute: Installed, engine: Installed, runnable: Path, tmp_path: Path
) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")
    name = "example.test/elsewhere"

    engine.ok("build", "-t", name, "-o", f"type=oci,dest={tmp_path}/image.tar", runnable)
    engine.ok("build", "-t", name, "--check", runnable)
    engine.ok("build", "-t", name, "--no-load", runnable)

    assert engine.run("image", "inspect", name).code != 0


def test_skaffolds_variables_do_not_count_for_docker_build(
    warmroute: Installed, engine: Installed, runnable: Path
) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")
    script = Installed(
        name=engine.name,
        environment={**engine.environment, "IMAGE": "example.test/pushed", "PUSH_IMAGE": "true"},
    )

    script.ok("build", "-t", "example.test/script", runnable)

    assert engine.ok("image", "inspect", "--format", "{{.RepoTags}}", "example.test/script").stdout
    engine.ok("image", "rm", "example.test/script")


def test_without_a_fleet_docker_build_builds_in_the_engine(
    warmroute: Installed, engine: Installed, runnable: Path
) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")
    environment = {name: value for name, value in engine.environment.items() if name != "WARMROUTE_ADDR"}
    alone = Installed(name=engine.name, environment=environment)

    done = alone.ok("build", "-t", "example.test/alone", runnable)

    assert "built on docker" in done.stderr
    assert engine.ok("run", "--rm", "--network=none", "example.test/alone").stdout == "it runs\n"
    engine.ok("image", "rm", "example.test/alone")


def test_a_dockerfile_on_stdin_gets_through_docker(warmroute: Installed, engine: Installed) -> None:
    warmroute.ok("install", "docker-plugin", "--as-builder")

    engine.ok("build", "-t", "example.test/stdin", "-", stdin=b"FROM scratch\nLABEL from=stdin\n")

    label = "{{.Config.Labels.from}}"
    assert engine.ok("image", "inspect", "--format", label, "example.test/stdin").stdout == "stdin\n"
    engine.ok("image", "rm", "example.test/stdin")


def test_the_alias_that_was_there_outlives_a_config_that_docker_has_rewritten(
    warmroute: Installed, docker: Installed, tmp_path: Path
) -> None:
    config = tmp_path / "docker config" / "config.json"
    config.parent.mkdir()
    config.write_text('{"aliases":{"builder":"buildx"}}')
    warmroute.ok("install", "docker-plugin", "--as-builder")
    taken = config.read_text()

    without_host = Installed(name=docker.name, environment={**docker.environment, "DOCKER_HOST": ""})
    without_host.ok("context", "create", "lab", "--docker", "host=unix:///lab.sock")
    without_host.ok("context", "use", "lab")
    assert config.read_text() != taken
    assert json.loads(config.read_text())["aliases"] == {"builder": "warmroutebuilder"}

    warmroute.ok("uninstall", "docker-plugin")
    found = json.loads(config.read_text())
    assert (found["aliases"], found["currentContext"]) == ({"builder": "buildx"}, "lab")
