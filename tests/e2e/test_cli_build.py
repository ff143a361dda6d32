"""`warmroute build` and its relatives as processes: what goes to stdout and stderr, files, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from pathlib import Path

import psutil
import pytest

from tests.e2e.builder import OciArchive, active_builds, tar_files, write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import Installed
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port
from tests.servers.registry import Registry

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
STAYS_IN_CACHE = "no --push, --load or --output: only the build cache keeps the image"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context that builds everywhere, without a base image."""
    dockerfile = "FROM scratch\nARG WORD=none\nLABEL word=$WORD\nCOPY file /file\n"
    return write_tree(tmp_path / "context", {"Dockerfile": dockerfile, "file": "content"})


@pytest.fixture
def slow(tmp_path: Path, busybox: str) -> Path:
    """A context whose build lasts longer than any test."""
    dockerfile = f"FROM {busybox}\nRUN echo begun {os.urandom(8).hex()} && sleep 300\n"
    return write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})


@pytest.fixture
def warmroute(buildkitd: Buildkitd) -> Installed:
    """The command, told of one daemon."""
    return Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})


def test_a_quiet_build_prints_the_digest_alone(warmroute: Installed, context: Path) -> None:
    done = warmroute.ok("build", "-q", "--output", "type=image", "-t", "example.test/app", context)

    assert DIGEST.fullmatch(done.stdout.removesuffix("\n"))
    assert done.stderr == ""


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_quiet_build_without_an_output_prints_the_id_that_its_image_has(
    warmroute: Installed, context: Path, backend: str
) -> None:
    image = warmroute.ok("build", "-q", "-o", "type=image", context)

    done = warmroute.ok("build", "-q", "--backend", backend, context)

    assert (done.stdout, done.stderr) == (image.stdout, "")


def test_a_quiet_build_of_something_else_than_an_image_prints_nothing(
    warmroute: Installed, context: Path
) -> None:
    done = warmroute.ok("build", "--progress=quiet", "-o", "type=cacheonly", context)

    assert (done.stdout, done.stderr) == ("", "")


def test_a_build_without_an_output_says_that_it_stays_in_the_cache(
    warmroute: Installed, context: Path
) -> None:
    done = warmroute.ok("build", context)

    assert done.stderr.count(STAYS_IN_CACHE) == 1
    assert done.stdout == ""


def test_a_build_says_where_it_is_and_at_the_end_how_warm_that_was(
    warmroute: Installed, context: Path
) -> None:
    warmroute.ok("build", context)

    done = warmroute.ok("build", context)

    assert "\n#0 building on one (home)\n\n#1 [internal] load " in done.stderr
    last, cached = done.stderr.splitlines()[-2:]
    assert re.fullmatch(r"warmroute: built on one \(home\): 1 of 1 step cached, \d+\.\d s", last)
    assert cached == "warmroute: no --push, --load or --output: the image stays in the build cache of one"


def test_the_last_line_says_what_was_sent_of_a_context_that_is_worth_a_word(
    buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    (context / "file").write_bytes(os.urandom(300_000))
    known = {"WARMROUTE_ADDR": f"one={buildkitd.address}", "XDG_STATE_HOME": str(tmp_path)}
    warmroute = Installed(environment=known)

    sent, cached = (warmroute.ok("build", context).stderr.splitlines()[-1 - more] for more in (2, 1))

    built = r"warmroute: built on one \(home\): "
    assert re.fullmatch(rf"{built}0 of 1 step cached, sent 30\d\.\d\dkB, \d+\.\d s", sent)
    assert re.fullmatch(rf"{built}1 of 1 step cached, \d+\.\d s", cached)


def test_a_build_that_is_not_at_home_says_why_and_so_does_the_metadata_file(
    buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    dead = f"tcp://127.0.0.1:{free_port()}"
    # Whichever is home for the tag: the build is to be away from it.
    fleets = ({"a": dead, "b": buildkitd.address}, {"a": buildkitd.address, "b": dead})
    options = (
        "-t",
        "example.test/app",
        "-o",
        "type=cacheonly",
        "--metadata-file",
        tmp_path / "metadata",
        context,
    )

    for fleet in fleets:
        addresses = ",".join(f"{name}={address}" for name, address in fleet.items())
        done = Installed().ok("build", "--addr", addresses, *options)
        where = json.loads((tmp_path / "metadata").read_text())["warmroute.build"]
        if fleet[where["home"]] == dead:
            break

    assert where["daemon"] != where["home"]
    assert (where["place"], where["reason"]) == (2, "unreachable")
    assert (where["key"], where["rule"]) == ("example.test/app", "tag")
    assert 0 < where["seconds"] < 60
    away = f"building on {where['daemon']} (2nd choice; home {where['home']}: unreachable)"
    assert done.stderr.count(away) == 1


@pytest.mark.parametrize("output", ["type=cacheonly", "type=image", "type=tar,dest=out.tar"])
def test_a_build_with_an_output_says_nothing_of_the_cache(
    warmroute: Installed, context: Path, tmp_path: Path, output: str
) -> None:
    done = warmroute.ok("build", "-o", output, context, cwd=tmp_path)

    assert STAYS_IN_CACHE not in done.stderr


def test_a_docker_engine_keeps_the_image_anyhow(dockerd: Dockerd, context: Path) -> None:
    engine = Installed(environment=dockerd.environment)

    done = engine.ok("build", "-t", "kept:1", context)

    assert STAYS_IN_CACHE not in done.stderr
    assert DIGEST.fullmatch(dockerd.cli("image", "inspect", "--format", "{{.Id}}", "kept:1").strip())


def test_the_digest_in_the_metadata_is_the_registrys(
    warmroute: Installed, registry: Registry, context: Path, tmp_path: Path
) -> None:
    image = f"{registry.host}/team/metadata:1"
    files = ("--metadata-file", tmp_path / "metadata.json", "--iidfile", tmp_path / "iid")

    done = warmroute.ok("build", "-q", "--push", "-t", image, *files, context)

    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert metadata["containerimage.digest"] == registry.digest("team/metadata", "1")
    assert metadata["image.name"] == image
    assert metadata["buildx.build.ref"].startswith("warmroute/one/")
    assert (tmp_path / "iid").read_text() == metadata["containerimage.config.digest"] == done.stdout.strip()


def test_a_pipe_takes_the_metadata_and_stays_a_pipe(
    warmroute: Installed, context: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()

    warmroute.ok("build", "-o", "type=image", "--metadata-file", tmp_path / "pipe", context)

    reader.join(timeout=10)
    assert "containerimage.digest" in json.loads(read[0])
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_to_the_metadata_stays_a_link(warmroute: Installed, context: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")

    warmroute.ok("build", "-o", "type=image", "--iidfile", tmp_path / "link", context)

    assert (tmp_path / "link").is_symlink()
    assert DIGEST.fullmatch((tmp_path / "real").read_text())


def test_the_dockerfile_can_come_from_stdin(warmroute: Installed, context: Path) -> None:
    dockerfile = b"FROM scratch\nCOPY file /elsewhere\n"

    done = warmroute.run("build", "--file", "-", "-o", "-", context, stdin=dockerfile)

    assert tar_files(done.stdout.encode(errors="surrogateescape")) == {"elsewhere": b"content"}


@pytest.mark.parametrize("word", ["a=b", "two words", 'quo"ted', "comma,s", "über"])
def test_values_reach_the_image_as_they_are(
    warmroute: Installed, context: Path, tmp_path: Path, word: str
) -> None:
    options = ("--build-arg", f"WORD={word}", "--label", f"given={word}")

    warmroute.ok("build", *options, "-o", "type=oci,dest=image.tar", context, cwd=tmp_path)

    labels = OciArchive((tmp_path / "image.tar").read_bytes()).config()["config"]["Labels"]
    assert labels == {"word": word, "given": word}


def test_options_can_come_from_variables(buildkitd: Buildkitd, context: Path, tmp_path: Path) -> None:
    variables = {
        "WARMROUTE_ADDR": buildkitd.address,
        "WARMROUTE_BUILD_ARG": "WORD=two words\n",
        "WARMROUTE_LABEL": "a=1 b=2",
        "WARMROUTE_OUTPUT": f"type=oci,dest={tmp_path}/image.tar",
        "WARMROUTE_QUIET": "true",
    }

    done = Installed(environment=variables).ok("build", context)

    labels = OciArchive((tmp_path / "image.tar").read_bytes()).config()["config"]["Labels"]
    assert labels == {"word": "two words", "a": "1", "b": "2"}
    assert done.stderr == ""


def test_a_dry_run_prints_what_would_run_and_connects_to_nothing(context: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hidden")
    address = f"tcp://127.0.0.1:{free_port()}"
    options = ("--secret", f"id=token,src={tmp_path}/token", "--build-arg", "PASSWORD=hidden", "--push")

    done = Installed().ok("build", "--dry-run", "--addr", address, *options, "-t", "a.test/b", context)

    assert done.stdout.startswith(f"buildctl --addr {address} build --frontend dockerfile.v0 ")
    assert "key a.test/b (rule: " in done.stderr
    assert f"daemon {address} (home)\nthe native backend runs no program; " in done.stderr
    assert "hidden" not in done.stdout + done.stderr


def test_a_failed_build_tells_the_step_and_its_output_and_exits_with_1(
    warmroute: Installed, busybox: str, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"Dockerfile": f"FROM {busybox}\nRUN echo last words && exit 3\n"})

    done = warmroute.run("build", "--metadata-file", tmp_path / "metadata", tmp_path)

    assert done.code == 1
    assert "RUN echo last words" in done.stderr
    assert "last words\n" in done.stderr
    assert "ERROR: failed to solve: " in done.stderr
    assert not (tmp_path / "metadata").exists()


@pytest.mark.parametrize("image", ["x/y", "app", "docker.io/library/app:1", "registry.test/team/app:2"])
def test_where_and_build_agree_on_the_key_of_an_image(
    warmroute: Installed, context: Path, image: str
) -> None:
    addresses = ("--addr", ",".join(f"d{number}=tcp://127.0.0.1:{number + 1}" for number in range(9)))
    options = ("--format", "json", *addresses)

    by_name = warmroute.ok("where", image, *options).json
    by_tag = warmroute.ok("where", "-t", image, *options).json
    plan = warmroute.ok("build", "--dry-run", *addresses, "-t", image, context)

    assert by_name == by_tag
    assert f"key {by_name['key']} (rule: tag)" in plan.stderr
    assert f"daemon {by_name['home']} (home)" in plan.stderr


def test_where_takes_a_key_as_it_is_by_its_option_alone(warmroute: Installed) -> None:
    raw = warmroute.ok("where", "--key", "Some Key", "--format", "json").json
    refused = warmroute.run("where", "Some Key")
    twice = warmroute.run("where", "a", "-t", "b")

    assert (raw["key"], raw["rule"]) == ("Some Key", "key")
    assert raw["order"][0]["state"] == "not asked"
    assert (refused.code, twice.code) == (2, 2)
    assert "images are named twice, as arguments (a) and by --tag" in twice.stderr


def test_where_tells_the_order_for_a_key(warmroute: Installed) -> None:
    done = warmroute.ok("where", "--key=some-key", "--addr", "a=tcp://a:1,b=tcp://b:1", "--format", "json")

    assert set(done.json) == {"key", "rule", "placement", "home", "order"}
    assert (done.json["key"], done.json["rule"], done.json["placement"]) == ("some-key", "key", "ring")
    assert done.json["home"] == done.json["order"][0]["name"]
    told = ("name", "identity", "address", "state", "fit", "reason", "exclusions")
    assert {tuple(entry) for entry in done.json["order"]} == {told}
    assert {entry["address"] for entry in done.json["order"]} == {"tcp://a:1", "tcp://b:1"}


def test_where_without_a_key_tells_what_build_would_use(warmroute: Installed, context: Path) -> None:
    tag = ("--tag", "registry.test/team/app:2")

    where = warmroute.ok("where", *tag, "--context", context, "--format", "json")
    built = warmroute.ok("build", "-v", *tag, context)

    assert where.json["key"] == "registry.test/team/app"
    assert f"key {where.json['key']} (rule: {where.json['rule']})" in built.stderr


def test_ls_tells_of_every_daemon_also_of_the_dead(buildkitd: Buildkitd) -> None:
    dead = f"tcp://127.0.0.1:{free_port()}"
    options = ("--addr", f"alive={buildkitd.address}", "--addr", f"dead={dead}")

    table = Installed().run("ls", *options)
    listed = Installed().run("ls", *options, "--format", "json")

    alive, gone = listed.json
    assert (alive["name"], alive["state"], alive["version"]) == ("alive", "ready", "v0.32.1")
    assert "linux/amd64" in alive["platforms"]
    assert alive["builds"] == 0
    assert (gone["name"], gone["state"], gone["builds"]) == ("dead", "unreachable", None)
    assert "refused" in gone["error"]
    assert re.search(r"^alive .* ready +v0\.32\.1 +0 ", table.stdout, re.MULTILINE)
    assert f"dead: can't connect to {dead}" in table.stdout
    assert (table.code, listed.code) == (69, 69)
    assert "ERROR: 1 of 2 daemons did not answer: dead\n" in table.stderr


def test_ls_of_daemons_that_answer_succeeds(warmroute: Installed) -> None:
    assert warmroute.ok("ls").stderr == ""


def test_ls_of_the_daemons_that_are_named_asks_no_other(warmroute: Installed, buildkitd: Buildkitd) -> None:
    addresses = f"alive={buildkitd.address},dead=tcp://127.0.0.1:{free_port()}"

    named = warmroute.run("ls", "--addr", addresses, "--daemon", "alive", "--format", "json")
    unknown = warmroute.run("ls", "--addr", addresses, "--daemon", "other")

    assert (named.code, [each["name"] for each in named.json]) == (0, ["alive"])
    assert (unknown.code, unknown.stdout) == (69, "")
    said = 'no daemon named "other" among the addresses given by --addr; there are alive, dead'
    assert said in unknown.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_build_on_the_daemon(
    warmroute: Installed, buildkitd: Buildkitd, slow: Path, number: signal.Signals
) -> None:
    with warmroute.started("build", "--progress", "plain", slow) as build:
        build.read_until(b"begun")

        build.signal(number)

        assert build.wait(within=2.0) == 130
    wait_for(lambda: active_builds(buildkitd.address) == 0, "the daemon has no build", within=20.0)
    assert (
        f"ERROR: build canceled ({'Ctrl-C' if number == signal.SIGINT else number.name})".encode()
        in build.output
    )
    assert b"Traceback" not in build.output


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_frozen_daemon_does_not_delay_the_end_of_an_interrupted_build(
    slow: Path, tmp_path: Path, backend: str
) -> None:
    with start_buildkitd(tmp_path / "frozen") as daemon:
        options = ("--addr", daemon.address, "--backend", backend, "--progress", "plain")
        with Installed().started("build", *options, slow) as build:
            build.read_until(b"begun")
            daemon.freeze()

            build.signal(signal.SIGINT)

            assert build.wait(within=2.0) == 130
        daemon.thaw()
        wait_for(lambda: active_builds(daemon.address) == 0, "the daemon has no build", within=20.0)


def test_an_interrupted_connection_attempt_ends_in_time(slow: Path, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "frozen", unix=False) as daemon:
        daemon.freeze()
        options = ("--addr", daemon.address, "--connect-timeout", "60", "-v", "--progress", "plain")
        with Installed().started("build", *options, slow) as build:
            build.read_until(b"trying ")

            build.signal(signal.SIGINT)

            assert build.wait(within=2.0) == 130
        daemon.thaw()


def test_an_interrupted_listing_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with Installed().started("ls", "--addr", address, "--connect-timeout", "60") as listing:
            accepted, _ = silent.accept()
            with accepted:
                listing.signal(signal.SIGINT)

                assert listing.wait(within=2.0) == 130
    assert b"Traceback" not in listing.output


def test_a_second_signal_ends_it_at_once_with_all_it_started(slow: Path, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "frozen", unix=False) as daemon:
        options = ("--addr", daemon.address, "--backend", "buildctl", "--progress", "plain")
        with Installed().started("build", *options, slow) as build:
            build.read_until(b"begun")
            (child,) = psutil.Process(build.process.pid).children()
            daemon.freeze()
            build.signal(signal.SIGINT)
            build.read_until(b"canceling the build (Ctrl-C)")

            build.signal(signal.SIGINT)

            assert build.wait(within=0.5) == 130
        assert not child.is_running()
        daemon.thaw()
