"""What a person sees of a build: on terminals of all sizes, in colours or without, and interrupted."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH, active_builds, write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import BIN, Installed
from tests.e2e.terminals import CTRL_C, OnTerminal, on_terminal
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd

FAILING = """\
FROM {base}
RUN echo prepared
RUN for i in 1 2 3; do echo "word $i"; done; \\
    exit 42
"""
TALKING = """\
FROM {base}
ARG NONCE
RUN echo $NONCE; for i in 1 2 3 4 5 6 7 8; do echo "line $i of them"; done; sleep 300
"""
COLOURED = (
    "FROM {base}\nARG NONCE\n"
    "RUN echo $NONCE; echo -ne '10%\\r20%\\r100%\\n'; echo -e '\\033[32mgreen\\033[0m end'\n"
)
MANY = "FROM {base}\nARG NONCE\nRUN echo $NONCE; seq 1 200000\n"
LINKED = (
    "FROM {base} AS one\nRUN touch /b\nFROM scratch\n"
    "COPY --link --from=one /bin/busybox /a\nCOPY --link --from=one /b /b\n"
)
WARNED = "FROM scratch AS Base\nCOPY Dockerfile /\n"


@dataclass(frozen=True, kw_only=True)
class Screen:
    """The command on terminals, told of one daemon."""

    address: str
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def build(self, *options: str | Path, columns: int = 80, rows: int = 40) -> Iterator[OnTerminal]:
        """Start a build."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        environment = {
            **Installed().variables,
            "WARMROUTE_ADDR": f"one={self.address}",
            "TMPDIR": str(self.folder / "tmp"),
            **self.variables,
        }
        argv = [BIN / "warmroute", "build", "--build-arg", f"NONCE={os.urandom(8).hex()}", *options]
        with on_terminal(argv, environment, columns=columns, rows=rows, cwd=self.folder) as running:
            yield running

    def with_variables(self, **variables: str) -> Screen:
        """Return the same with more environment."""
        return Screen(address=self.address, folder=self.folder, variables={**self.variables, **variables})

    @property
    def left(self) -> list[str]:
        """The temporary files that are left."""
        return os.listdir(self.folder / "tmp")


@pytest.fixture
def contexts(tmp_path: Path, busybox: str) -> Path:
    dockerfiles = {
        "failing": FAILING,
        "talking": TALKING,
        "coloured": COLOURED,
        "linked": LINKED,
        "warned": WARNED,
    }
    files = {f"{name}/Dockerfile": text.replace("{base}", busybox) for name, text in dockerfiles.items()}
    return write_tree(tmp_path, files)


@pytest.fixture
def screen(buildkitd: Buildkitd, contexts: Path) -> Screen:
    return Screen(address=buildkitd.address, folder=contexts)


@pytest.fixture
def warmroute(buildkitd: Buildkitd) -> Installed:
    return Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})


def test_a_failing_step_shows_its_last_output_and_its_lines(screen: Screen) -> None:
    with screen.build("failing") as build:
        assert build.wait() == 1

        shown = build.terminal.everything()
    said = shown.index("------")
    assert shown[said + 2 : said + 6] == ["  word 1", "  word 2", "  word 3", "------"]
    assert "Dockerfile:3" in shown
    assert '   3 | >>> RUN for i in 1 2 3; do echo "word $i"; done; \\' in shown
    assert "   4 | >>>     exit 42" in shown
    assert any(line.startswith("ERROR: failed to solve: process ") for line in shown)
    assert any(line.startswith(" => ERROR [3/3] RUN for i in 1 2 3") for line in shown)
    build.check_sane()


def test_a_terminal_shows_the_daemon_in_the_header_and_in_the_last_line(screen: Screen) -> None:
    with screen.build("--output", "type=cacheonly", "linked") as build:
        assert build.wait() == 0

    header, *_, last, miss = build.terminal.everything()
    assert re.fullmatch(r"\[\+\] Building \d+\.\ds \((\d+)/\1\) FINISHED +one \(home\)", header)
    assert len(header) == 79
    assert re.fullmatch(r"warmroute: built on one \(home\): \d of \d steps cached, \d+\.\d s", last)
    assert miss == "warmroute: the first build of this image here, as far as its history tells"


@pytest.mark.parametrize("columns", [20, 80, 300])
def test_a_terminal_of_any_width_is_filled_and_not_exceeded(screen: Screen, columns: int) -> None:
    with screen.build("--output", "type=cacheonly", "talking", columns=columns, rows=30) as build:
        build.read_until("=> => # line 8")

        rows = build.terminal.screen()
    steps = [row for row in rows if row.startswith(" => ") and not row.startswith(" => => #")]
    assert len(rows) < 30
    assert {len(row) for row in steps} == {columns - 1}
    assert all(re.search(r" \d+\.\ds$", row) for row in steps)


def test_a_log_window_shows_as_many_lines_as_the_variable_says(screen: Screen) -> None:
    with screen.with_variables(BUILDKIT_TTY_LOG_LINES="2").build("talking") as build:
        build.read_until("=> => # line 8")

        window = [row for row in build.terminal.screen() if row.startswith(" => => # ")]
    assert window == [" => => # line 7 of them", " => => # line 8 of them"]


def test_steps_have_colours_and_the_variables_change_them(screen: Screen) -> None:
    def written(screen: Screen) -> str:
        with screen.build("linked") as build:
            assert build.wait() == 0
            return build.text

    assert "\x1b[34m => " in written(screen)
    assert "\x1b[35m => " in written(screen.with_variables(BUILDKIT_COLORS="run=magenta"))
    assert not re.search(r"\x1b\[[0-9;]*m", written(screen.with_variables(NO_COLOR="1")))


def test_a_variable_chooses_the_display_on_a_terminal(screen: Screen) -> None:
    with screen.with_variables(BUILDKIT_PROGRESS="plain").build("linked") as build:
        assert build.wait() == 0

    assert "\x1b" not in build.text
    assert re.search(r"^#\d+ DONE ", build.text, re.MULTILINE)


def test_carriage_returns_and_colours_of_a_step_survive_in_plain_lines(
    warmroute: Installed, contexts: Path
) -> None:
    nonce = f"NONCE={os.urandom(8).hex()}"

    done = warmroute.ok("build", "--progress=plain", "--build-arg", nonce, "coloured", cwd=contexts)

    assert re.search(r"^#\d+ \d+\.\d+ 10%\r20%\r100%$", done.stderr.replace("\r\n", "\n"), re.MULTILINE)
    assert re.search(r"^#\d+ \d+\.\d+ \x1b\[32mgreen\x1b\[0m end$", done.stderr, re.MULTILINE)


def test_vertexes_of_one_group_are_shown_as_buildctl_shows_them(
    warmroute: Installed, buildkitd: Buildkitd, contexts: Path
) -> None:
    def steps(text: str) -> set[str]:
        return set(re.findall(r"^#\d+ (\[.*)$", text, re.MULTILINE))

    directories = ("--local", "context=linked", "--local", "dockerfile=linked")
    client: list[str | Path] = [binaries.buildctl(), "--addr", buildkitd.address, "build", "--no-cache"]
    theirs = subprocess.run(
        [*client, "--frontend", "dockerfile.v0", *directories, "--progress", "plain"],
        cwd=contexts,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    ours = warmroute.ok("build", "--no-cache", "--progress=plain", "linked", cwd=contexts)

    assert any("COPY --link" in step for step in steps(ours.stderr))
    assert steps(ours.stderr) == steps(theirs.stderr)


def test_warnings_are_explained_after_a_verbose_build_with_file_line_and_source(
    warmroute: Installed, contexts: Path
) -> None:
    done = warmroute.ok("build", "-v", "--progress=plain", "warned", cwd=contexts)

    said = done.stderr.split("1 warning found")[1].split("warmroute: built on")[0]
    assert said.splitlines()[1:] == [
        " - StageNameCasing: Stage name 'Base' should be lowercase (line 1)",
        "  Stage names should be lowercase",
        "More info: https://docs.docker.com/go/dockerfile/rule/stage-name-casing/",
        "Dockerfile:1",
        "-" * 20,
        "   1 | >>> FROM scratch AS Base",
        "   2 |     COPY Dockerfile /",
        "   3 |     ",
        "-" * 20,
        "",
    ]


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_ctrl_c_cancels_the_build_and_leaves_nothing_behind(
    screen: Screen, buildkitd: Buildkitd, contexts: Path, backend: str
) -> None:
    output = f"type=tar,dest={contexts}/out.tar"
    with screen.build("--backend", backend, "--output", output, "talking") as build:
        build.read_until("=> => # line 8")

        build.type(CTRL_C)

        assert build.wait(within=2.0) == 130
    wait_for(lambda: active_builds(buildkitd.address) == 0, "the daemon has no build", within=20.0)
    assert any("CANCELED [2/2] RUN" in line for line in build.terminal.everything())
    assert "ERROR: build canceled (Ctrl-C)" in build.terminal.everything()
    assert screen.left == []
    assert not list(contexts.glob("*out.tar*"))
    build.check_sane()


def test_ctrl_c_does_not_wait_for_a_frozen_daemon(contexts: Path, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "frozen") as daemon:
        screen = Screen(address=daemon.address, folder=contexts)
        with screen.build("talking") as build:
            build.read_until("=> => # line 8")
            daemon.freeze()
            build.type(CTRL_C)

            assert build.wait(within=2.0) == 130
        build.check_sane()
        daemon.thaw()


def test_a_second_ctrl_c_ends_at_once_what_waits_for_its_tool(contexts: Path, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "frozen") as daemon:
        screen = Screen(address=daemon.address, folder=contexts)
        with screen.build("--backend", "buildctl", "talking") as build:
            build.read_until("=> => # line 8")
            daemon.freeze()
            build.type(CTRL_C)
            build.read_until("canceling the build (Ctrl-C)")

            build.type(CTRL_C)

            assert build.wait(within=0.6) == 130
        build.check_sane()
        daemon.thaw()


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """A daemon that doesn't clip what steps write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDKIT_STEP_LOG_MAX_SIZE", "-1")
        patch.setenv("BUILDKIT_STEP_LOG_MAX_SPEED", "-1")
        daemon = start_buildkitd(tmp_path_factory.mktemp("talkative"))
    with daemon:
        yield daemon


@pytest.fixture
def many(tmp_path: Path, busybox: str) -> Path:
    return write_tree(tmp_path / "many", {"Dockerfile": MANY.replace("{base}", busybox)})


def test_not_one_of_200_000_lines_is_lost(talkative: Buildkitd, many: Path) -> None:
    options = ("--addr", talkative.address, "--progress=plain", "--build-arg", f"NONCE={os.urandom(8).hex()}")

    done = Installed().ok("build", *options, many)

    lines = re.findall(r"^#\d+ \d+(?:\.\d+)? (\d+)$", done.stderr, re.MULTILINE)
    assert list(map(int, lines)) == list(range(1, 200_001))


@pytest.mark.parametrize("mode", ["plain", "tty"])
def test_200_000_lines_take_no_longer_than_with_buildctl(talkative: Buildkitd, many: Path, mode: str) -> None:
    def ours() -> list[str | Path]:
        nonce = f"NONCE={os.urandom(8).hex()}"
        return [BIN / "warmroute", "build", "--addr", talkative.address, "--build-arg", nonce, many]

    def theirs() -> list[str | Path]:
        where = [part for name in ("context", "dockerfile") for part in ("--local", f"{name}={many}")]
        nonce = f"build-arg:NONCE={os.urandom(8).hex()}"
        client: list[str | Path] = [binaries.buildctl(), "--addr", talkative.address, "build"]
        return [*client, "--frontend", "dockerfile.v0", *where, "--opt", nonce]

    # In turns, and the best of each: other tests share the machine.
    times = [(_used(ours(), mode), _used(theirs(), mode)) for _ in range(3)]
    best_of_ours, best_of_theirs = (min(column) for column in zip(*times, strict=True))
    assert best_of_ours < 1.5 * best_of_theirs + 0.3, times


def _used(argv: list[str | Path], mode: str) -> float:
    """Run a build to its end; return the processor's seconds that it took, its children's too."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = [*argv, "--progress", mode]
    environment = {"PATH": SEARCH_PATH, "HOME": "/nonexistent"}
    if mode == "tty":
        with on_terminal(argv, environment) as running:
            assert running.wait() == 0
    else:
        subprocess.run(argv, env=environment, check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
