"""What skaffold expects of a custom build command, and the older commands that it or a script may call."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from router import BuildRequest, BuildRouter, RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import OciArchive, active_builds, write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import Background, Installed, started
from tests.e2e.program import Finished
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.containerd import start_containerd
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An artifact's workspace; skaffold runs the command there."""
    dockerfile = "FROM scratch\nARG WORD=none\nLABEL word=$WORD\nCOPY file /file\n"
    files = {
        "Dockerfile": dockerfile,
        "other.Dockerfile": f"{dockerfile}LABEL other=yes\n",
        "file": "content",
    }
    return write_tree(tmp_path / "workspace", files)


@pytest.fixture
def slow(tmp_path: Path, busybox: str) -> Path:
    """A workspace whose build lasts longer than any test."""
    dockerfile = f"FROM {busybox}\nRUN echo begun {os.urandom(8).hex()} && sleep 300\n"
    return write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})


def asked(image: str, workspace: Path, **variables: str) -> dict[str, str]:
    """Return the variables that skaffold sets for one build."""
    repository, _, tag = image.rpartition(":")
    return {
        "IMAGE": image,
        "IMAGE_REPO": repository,
        "IMAGE_TAG": tag,
        "PUSH_IMAGE": "true",
        "BUILD_CONTEXT": str(workspace),
        "PLATFORMS": "",
        "SKIP_TEST": "false",
        **variables,
    }


def on(daemon: Buildkitd, variables: dict[str, str]) -> Installed:
    return Installed(environment={"WARMROUTE_ADDR": f"one={daemon.address}", **variables})


@pytest.mark.parametrize("platforms", ["", "all", "linux/amd64"])
def test_a_push_is_found_in_the_registry_under_its_tag(
    buildkitd: Buildkitd, registry: Registry, workspace: Path, platforms: str
) -> None:
    image = f"{registry.host}/skaffold/push:{platforms.replace('/', '-') or 'none'}"
    variables = asked(image, workspace, PLATFORMS=platforms)

    done = on(buildkitd, variables).ok("build", "-v", cwd=workspace)

    assert registry.digest("skaffold/push", image.rpartition(":")[2]).startswith("sha256:")
    assert f"key {registry.host}/skaffold/push (rule: " in done.stderr
    assert "warmroute: skaffold" not in done.stderr


def test_several_platforms_are_pushed_as_an_index(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    platforms = "linux/amd64,linux/arm64"
    variables = asked(f"{registry.host}/skaffold/index:1", workspace, PLATFORMS=platforms)

    on(buildkitd, variables).ok("build", cwd=workspace)

    manifests = registry.manifest("skaffold/index", "1")["manifests"]
    assert isinstance(manifests, list)
    found = {entry["platform"]["architecture"] for entry in manifests}
    assert {"amd64", "arm64"} <= found


def test_images_is_what_older_skaffolds_set(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    image = f"{registry.host}/skaffold/old:1"
    variables = {"IMAGES": image, "PUSH_IMAGE": "true", "BUILD_CONTEXT": str(workspace)}

    on(buildkitd, variables).ok("build", cwd=workspace)

    assert registry.digest("skaffold/old", "1").startswith("sha256:")


def test_without_a_push_the_image_is_in_the_engine_that_docker_host_names(
    buildkitd: Buildkitd, dockerd: Dockerd, workspace: Path
) -> None:
    variables = asked("skaffold/load:1", workspace, PUSH_IMAGE="false", DOCKER_HOST=dockerd.host)

    on(buildkitd, variables).ok("build", cwd=workspace)

    assert dockerd.cli("image", "inspect", "--format", "{{.Os}}", "skaffold/load:1") == "linux\n"


def test_explicit_options_win_and_contradictions_are_said(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    variables = asked(f"{registry.host}/skaffold/asked:1", workspace, PLATFORMS="linux/arm64")
    options = ("--tag", f"{registry.host}/skaffold/given:1", "--platform", "linux/amd64", "--no-push")

    done = on(buildkitd, variables).ok("build", *options, cwd=workspace)

    said = [line for line in done.stderr.splitlines() if line.startswith("warmroute: skaffold asks")]
    assert len(said) == 3
    assert b"skaffold/given" not in registry.log.read_bytes()


def test_an_image_of_the_users_own_environment_is_pointed_out(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    variables = asked(f"{registry.host}/skaffold/asked:1", workspace)
    variables["IMAGE"] = f"{registry.host}/skaffold/exported:1"

    done = on(buildkitd, variables).ok("build", cwd=workspace)

    assert f"but skaffold expects {registry.host}/skaffold/asked:1" in done.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PUSH_IMAGE": "perhaps"}, 'invalid PUSH_IMAGE "perhaps"'),
        ({"PLATFORMS": "linux/"}, 'invalid PLATFORMS "linux/"'),
        ({"PLATFORMS": "linux/amd64,linux/arm64", "PUSH_IMAGE": "false"}, "without a push"),
        ({"BUILD_CONTEXT": "/nonexistent"}, "the build context /nonexistent does not exist"),
        ({"IMAGE": "UPPER case"}, "UPPER case"),
    ],
)
def test_what_cannot_be_built_is_refused_early(
    workspace: Path, variables: dict[str, str], message: str
) -> None:
    environment = {"WARMROUTE_ADDR": "tcp://127.0.0.1:1", **asked("a.test/b:1", workspace), **variables}

    done = Installed(environment=environment).run("build", cwd=workspace)

    assert done.code == 2
    assert message in done.stderr
    assert "hint: " in done.stderr


def test_stdin_may_be_closed_and_output_is_no_terminal(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    command = on(buildkitd, asked(f"{registry.host}/skaffold/closed:1", workspace))

    with started(["sh", "-c", "exec warmroute build <&-"], command.variables, workspace) as build:
        assert build.wait(within=30) == 0

    assert b"\x1b" not in build.output
    assert b"COPY file /file" in build.output


def _build_in_shell(build: Background, daemon: Buildkitd) -> None:
    build.read_until(b"begun")
    wait_for(lambda: active_builds(daemon.address) > 0, "the daemon has the build")


@pytest.mark.parametrize("line", ["exec warmroute build", "warmroute build"])
def test_skaffolds_cancellation_reaches_the_daemon(
    buildkitd: Buildkitd, registry: Registry, slow: Path, line: str
) -> None:
    """Skaffold sends SIGINT to the shell alone, and kills it two seconds later."""
    variables = on(buildkitd, asked(f"{registry.host}/skaffold/slow:1", slow)).variables
    # With something after it, the shell can't but stay the parent.
    script = line if line.startswith("exec") else f"{line}; echo not skaffold"
    with started(["sh", "-c", script], variables, slow) as build:
        _build_in_shell(build, buildkitd)

        build.signal(signal.SIGINT)
        try:
            wait_for(lambda: build.process.poll() is not None, "the shell has ended", within=2.0)
        except AssertionError:
            build.signal(signal.SIGKILL)

        # Its stdout is closed when the last of its processes has ended.
        build.wait(within=3.0)
    wait_for(lambda: active_builds(buildkitd.address) == 0, "the daemon has no build", within=20.0)
    assert b"build canceled (" in build.output


def test_a_killed_parent_ends_the_build_within_two_seconds(
    buildkitd: Buildkitd, registry: Registry, slow: Path
) -> None:
    variables = on(buildkitd, asked(f"{registry.host}/skaffold/orphan:1", slow)).variables
    with started(["sh", "-c", "warmroute build; echo skaffold"], variables, slow) as build:
        _build_in_shell(build, buildkitd)

        build.signal(signal.SIGKILL)

        build.wait(within=2.0)
    wait_for(lambda: active_builds(buildkitd.address) == 0, "the daemon has no build", within=20.0)
    assert b"build canceled (the parent process is gone)" in build.output


# -- skaffold-buildkit-wrapper


def test_the_old_wrapper_pushes_by_buildctl(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    image = f"{registry.host}/wrapper/buildctl:1"
    variables = {"IMAGES": image, "PUSH_IMAGE": "true", "BUILD_CONTEXT": str(workspace)}
    options = ("--cli", "buildctl", "--addr", buildkitd.address, "--file", "other.Dockerfile")

    Installed(name="skaffold-buildkit-wrapper", environment=variables).ok(
        "build", *options, "--build-arg", "WORD=said", cwd=workspace
    )

    assert labels(registry, "wrapper/buildctl") == {"word": "said", "other": "yes"}


def test_the_old_wrapper_pushes_by_docker_by_default(
    dockerd: Dockerd, registry: Registry, workspace: Path
) -> None:
    image = f"{registry.host}/wrapper/docker:1"
    variables = {**asked(image, workspace), **dockerd.environment, "BUILDKIT_HOST": "tcp://127.0.0.1:1"}
    options = ("--build-arg", "WORD=said", "--kube-pod-selector", "app=x")

    done = Installed(name="skaffold-buildkit-wrapper", environment=variables).ok(
        "build", *options, cwd=workspace
    )

    assert labels(registry, "wrapper/docker") == {"word": "said"}
    assert "--kube-pod-selector is ignored" in done.stderr


def test_the_old_wrappers_key_leads_to_the_same_daemon(
    buildkitd_three: tuple[Buildkitd, ...], workspace: Path
) -> None:
    addresses = tuple((f"daemon-{number}", daemon.address) for number, daemon in enumerate(buildkitd_three))
    router = BuildRouter(RouterConfig(addresses=addressed(*addresses), key="team/app"), environment={})
    home = router.route(router.key(BuildRequest())).home
    listed = ",".join(f"{name}={url}" for name, url in addresses)
    options = ("--cli", "buildctl", "--addr", listed, "--kube-pod-balancing-hash-key", "team/app", "-v")

    done = Installed(name="skaffold-buildkit-wrapper").ok("build", *options, cwd=workspace)

    assert home is not None
    assert f"building on {home.name} (home)" in done.stderr


# -- buildkit-build


def buildkit_build(buildkitd: Buildkitd, workspace: Path, *options: str, **environment: str) -> Finished:
    """Build the other Dockerfile, where no Docker engine is but what the environment names."""
    variables = {"BUILDKIT_HOST": buildkitd.address, "DOCKER_HOST": "unix:///nonexistent", **environment}
    given = ("--label", "given=yes", "--build-arg", "WORD=said", "--progress", "plain", *options)
    command = Installed(name="buildkit-build", environment=variables)
    return command.ok("-f", workspace / "other.Dockerfile", *given, workspace)


LABELS = {"word": "said", "other": "yes", "given": "yes"}


def test_buildkit_build_leaves_the_image_in_the_store_of_the_daemon_s_containerd(
    workspace: Path, tmp_path: Path
) -> None:
    with (
        start_containerd(tmp_path / "containerd") as containerd,
        start_buildkitd(tmp_path / "buildkitd", containerd=containerd.socket) as daemon,
    ):
        buildkit_build(daemon, workspace, "-t", "example.test/buildkit-build:1")

        listed = containerd.ctr("buildkit", "images", "ls", "-q")
        exported = tmp_path / "image.tar"
        containerd.ctr("buildkit", "images", "export", str(exported), "example.test/buildkit-build:1")
    assert listed == "example.test/buildkit-build:1\n"
    assert OciArchive(exported.read_bytes()).config()["config"]["Labels"] == LABELS


def test_buildkit_build_exports_an_image_where_the_daemon_has_no_containerd(
    buildkitd: Buildkitd, workspace: Path
) -> None:
    done = buildkit_build(buildkitd, workspace, "-t", "example.test/buildkit-build:1")

    assert "exporting to image" in done.stderr
    assert "build cache" not in done.stderr


def test_buildkit_build_loads_the_image_for_who_asks(
    buildkitd: Buildkitd, dockerd: Dockerd, workspace: Path
) -> None:
    buildkit_build(buildkitd, workspace, "-t", "buildkit-build:1", "--load", DOCKER_HOST=dockerd.host)

    found = dockerd.cli("image", "inspect", "--format", "{{json .Config.Labels}}", "buildkit-build:1")
    assert json.loads(found) == LABELS


def test_buildkit_build_pushes_the_image_for_who_asks(
    buildkitd: Buildkitd, registry: Registry, workspace: Path
) -> None:
    buildkit_build(buildkitd, workspace, "-t", f"{registry.host}/buildkit-build:1", "--push")

    assert labels(registry, "buildkit-build") == LABELS


def test_buildkit_build_takes_and_leaves_a_cache_in_a_directory(
    buildkitd: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {busybox}\nRUN echo {os.urandom(8).hex()} >/word\n"
    workspace = write_tree(tmp_path / "cached", {"Dockerfile": dockerfile})
    cache = str(tmp_path / "cache")
    variables = {"BUILDKIT_LOCAL_CACHE_IMPORT": cache, "BUILDKIT_LOCAL_CACHE_EXPORT": cache}
    options = ("-t", "cached:1", "--progress", "plain", workspace)

    def build(daemon: Buildkitd) -> Finished:
        environment = {"BUILDKIT_HOST": daemon.address, **variables}
        return Installed(name="buildkit-build", environment=environment).ok(*options)

    first = build(buildkitd)
    with start_buildkitd(tmp_path / "cold") as cold:
        second = build(cold)

    assert f"no cache was imported from {cache}" in first.stderr
    assert "no cache was imported" not in second.stderr
    step = next(name for name in first.steps if "RUN" in name)
    assert (first.steps[step], second.steps[step]) == (False, True)


def labels(registry: Registry, repository: str) -> object:
    """Return the labels of an image in a registry."""
    top = registry.manifest(repository, "1")
    listed = top.get("manifests")
    if isinstance(listed, list):
        top = registry.manifest(repository, listed[0]["digest"])
    config = top["config"]
    assert isinstance(config, dict)
    return json.loads(registry.blob(repository, config["digest"]))["config"].get("Labels")
