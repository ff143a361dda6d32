"""Why a build that could have been warm was not: the first step that missed, and the reason."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from router import BuildRequest, Miss, RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.run import run_logged

_COPY = "[3/4] COPY a /a"


def _run(word: str) -> str:
    return f"[2/4] RUN echo {word} > /word"


class Image:
    """An image of one key: a step that sees an argument, one with a file, and one after it."""

    def __init__(self, daemon: Buildkitd, base: str, scratch: Path) -> None:
        self.daemon = daemon
        self.key = f"miss-{uuid.uuid4().hex}"
        dockerfile = f"FROM {base}\nARG WORD\nRUN echo $WORD > /word\nCOPY a /a\nRUN cat /a > /b\n"
        self.context = write_tree(scratch / "context", {"Dockerfile": dockerfile, "a": uuid.uuid4().hex})
        self._builder = Builder(
            config=RouterConfig(addresses=addressed(("one", daemon.address)), key=self.key), scratch=scratch
        )

    def miss(self, word: str, *, no_cache: bool = False) -> Miss | None:
        """Build; return the first step that missed."""
        request = BuildRequest(context=str(self.context), build_args={"WORD": word}, no_cache=no_cache)
        return self._builder.build(request).miss


@pytest.fixture
def image(buildkitd: Buildkitd, busybox: str, tmp_path: Path) -> Image:
    return Image(buildkitd, busybox, tmp_path)


def test_the_first_build_of_a_key_is_told_as_such_and_a_warm_one_misses_nothing(image: Image) -> None:
    first = image.miss(image.key)

    assert first == Miss(step=_run(image.key), reason="first")
    assert image.miss(image.key) is None


def test_an_argument_that_changed_is_the_reason(image: Image) -> None:
    image.miss(image.key)

    assert image.miss("other") == Miss(step=_run("other"), reason="differs")


def test_a_file_that_changed_is_the_reason(image: Image) -> None:
    image.miss(image.key)
    (image.context / "a").write_text(uuid.uuid4().hex)

    assert image.miss(image.key) == Miss(step=_COPY, reason="files")


def test_a_cache_that_was_pruned_is_the_reason(image: Image) -> None:
    image.miss(image.key)
    prune = [str(binaries.buildctl()), "--addr", image.daemon.address, "prune", "--all"]
    run_logged(prune, cwd=image.context)

    assert image.miss(image.key) == Miss(step=_run(image.key), reason="pruned")


def test_where_no_cache_is_wanted_none_is_missed(image: Image) -> None:
    image.miss(image.key)

    assert image.miss(image.key, no_cache=True) is None


def test_the_last_lines_and_the_metadata_say_so(image: Image, tmp_path: Path) -> None:
    image.miss(image.key)
    (image.context / "a").write_text(uuid.uuid4().hex)

    done = Installed(environment={"WARMROUTE_ADDR": f"one={image.daemon.address}"}).ok(
        "build",
        *("--key", image.key, "--build-arg", f"WORD={image.key}", "--metadata-file", tmp_path / "metadata"),
        image.context,
    )

    said = f"warmroute: first step not cached: {_COPY} (its files changed, or its cache was pruned)\n"
    assert said in done.stderr
    metadata = json.loads((tmp_path / "metadata").read_text())
    assert metadata["warmroute.build"]["miss"] == {"step": _COPY, "reason": "files"}


def test_a_build_that_is_colder_than_required_ends_with_3_and_leaves_its_figures(
    image: Image, tmp_path: Path
) -> None:
    program = Installed(environment={"WARMROUTE_ADDR": f"one={image.daemon.address}"})
    measured = ("--key", image.key, "--metrics-file", tmp_path / "metrics", "--require-warm=90")

    cold = program.run("build", *measured, "--iidfile", tmp_path / "id", image.context)
    warm = program.ok("build", *measured, image.context)

    assert cold.code == 3
    assert "ERROR: 0 of 3 steps were cached on one, 0 %, and --require-warm wants 90 %" in cold.stderr
    assert (tmp_path / "id").exists()
    assert warm.code == 0
    lines = [json.loads(line) for line in (tmp_path / "metrics").read_text().splitlines()]
    assert [(line["daemon"], line["cached"], line["steps"]) for line in lines] == [
        ("one", 0, 3),
        ("one", 3, 3),
    ]
    assert all(line["sent"] > 0 and 0 <= line["waited"] <= line["seconds"] for line in lines)
    assert lines[0]["miss"]["reason"] == "first"
    assert lines[1]["miss"] is None


def test_a_build_of_which_every_step_is_required_from_the_cache_needs_no_number(image: Image) -> None:
    program = Installed(environment={"WARMROUTE_ADDR": f"one={image.daemon.address}"})

    cold = program.run("build", "--key", image.key, "--require-warm", image.context)
    warm = program.run("build", "--key", image.key, "--require-warm", image.context)

    assert (cold.code, warm.code) == (3, 0)
    assert "and --require-warm wants 100 %" in cold.stderr


@pytest.mark.parametrize("percent", ["101", "-1", "."])
def test_a_share_that_can_not_be_is_refused_before_the_build(image: Image, percent: str) -> None:
    done = Installed().run("build", f"--require-warm={percent}", image.context)

    assert (done.code, done.stdout) == (2, "")
    assert f'invalid --require-warm "{percent}"' in done.stderr


def test_a_dash_is_no_metrics_file_and_stdout_is_named_by_its_path(image: Image, tmp_path: Path) -> None:
    program = Installed(environment={"WARMROUTE_ADDR": f"one={image.daemon.address}"})

    refused = program.run("build", "--metrics-file", "-", image.context, cwd=tmp_path)
    printed = program.ok("build", "--metrics-file", "/dev/stdout", image.context)

    assert (refused.code, (tmp_path / "-").exists()) == (2, False)
    assert (
        "ERROR: --metrics-file - names no file\nhint: --metrics-file /dev/stdout is stdout" in refused.stderr
    )
    assert printed.json["daemon"] == "one"


def test_a_metrics_file_that_can_not_be_is_refused_before_the_build(image: Image, tmp_path: Path) -> None:
    program = Installed(environment={"WARMROUTE_ADDR": f"one={image.daemon.address}"})

    done = program.run("build", "--metrics-file", tmp_path / "none" / "file", image.context)

    assert (done.code, done.stdout) == (2, "")
    assert "--metrics-file" in done.stderr
