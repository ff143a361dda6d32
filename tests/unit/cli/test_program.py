"""The program as a process: what it loads, how it ends, what a shell's completion gets from it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_RUN = "from cli.main import run; run()"


def _warmroute(
    *words: str, cwd: Path | None = None, flags: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, *flags, "-c", f"import sys; sys.argv[0] = 'warmroute'; {_RUN}", *words],
        env={**clean, **environment},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    found = re.findall(r"^import time:.*\|\s+(\S+)$", done.stderr, flags=re.MULTILINE)
    assert "cli.program" in found
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize(
    "words", [("--help",), ("build", "--help"), ("debug", "--help"), ("debug", "info", "-h"), ("version",)]
)
def test_help_loads_neither_grpc_nor_kubernetes(words: tuple[str, ...]) -> None:
    done = _warmroute(*words, flags=("-X", "importtime"))

    assert done.returncode == 0
    assert not _imported(done) & {"grpc", "kubernetes", "google", "h2", "yaml"}


def test_a_build_loads_neither_typer_nor_rich(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    done = _warmroute(
        "build", "--addr", f"unix://{tmp_path}/nobody", str(tmp_path), flags=("-X", "importtime")
    )

    assert done.returncode == 69
    unwanted = {"typer", "click", "rich", "pydantic", "grpc", "kubernetes", "tenacity", "asyncio", "yaml"}
    assert not _imported(done) & unwanted


def test_the_version_goes_to_stdout() -> None:
    done = _warmroute("version")

    assert re.fullmatch(r"warmroute \d+\.\d+\.\d+\S* \(Python \d\S+\)\n", done.stdout)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("frob",), "no such command: frob"),
        (("debug", "frob"), "no such command: debug frob"),
        (("debug", "--frob"), "no such option: debug --frob"),
        (("--frob",), "no such option: --frob"),
        (("build", "--frob"), "no such option: --frob"),
        (("build", "a", "b"), "unexpected argument: b"),
        (("build", "--progress", "loud"), 'invalid --progress "loud"'),
        (("build", "--connect-timeout", "0"), 'invalid --connect-timeout "0"'),
        (("where", "--format", "yaml"), 'invalid --format "yaml"'),
    ],
)
def test_wrong_usage_is_one_message_and_a_hint_and_exit_2(words: tuple[str, ...], message: str) -> None:
    done = _warmroute(*words)

    first, second = done.stderr.splitlines()
    assert first.startswith(f"ERROR: {message}")
    assert second.startswith("hint: ")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--version",), "warmroute "),
        (("help",), "Usage: warmroute [OPTIONS] COMMAND"),
        (("help", "ls"), "Usage: warmroute ls [OPTIONS]"),
    ],
)
def test_the_version_and_help_are_found_in_other_programs_ways(words: tuple[str, ...], shown: str) -> None:
    done = _warmroute(*words)

    assert done.stdout.strip().startswith(shown)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("shell", "mark"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --command")]
)
def test_the_completion_that_is_shown_is_that_of_the_shell_that_is_named(shell: str, mark: str) -> None:
    done = _warmroute("--show-completion", shell)

    assert mark in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_a_shell_without_completion_is_an_error() -> None:
    done = _warmroute("--show-completion", "csh")

    assert "ERROR: no completion for the shell csh\nhint: choose one of bash, zsh, fish" in done.stderr
    assert done.returncode == 2


def test_a_completion_is_installed_for_the_shell_that_is_named(tmp_path: Path) -> None:
    done = _warmroute("--install-completion", "zsh", HOME=str(tmp_path))

    assert done.stdout == f"zsh completion installed in {tmp_path}/.zfunc/_warmroute\n"
    assert "compdef" in (tmp_path / ".zfunc" / "_warmroute").read_text()


def test_an_unknown_variable_is_told_and_is_no_error() -> None:
    done = _warmroute("version", WARMROUTE_SELCTOR="app=x", WARMROUTE_SELECTOR="app=y")

    assert done.stderr == (
        "warmroute: the variable WARMROUTE_SELCTOR is unknown: did you mean WARMROUTE_SELECTOR?\n"
    )
    assert done.returncode == 0


def test_exclusive_options_from_the_environment_name_their_variables() -> None:
    done = _warmroute("ls", WARMROUTE_SELECTOR="app=x", WARMROUTE_ADDR="tcp://h:1")

    assert "ERROR: --addr and --selector exclude each other\n" in done.stderr
    assert "WARMROUTE_SELECTOR" in done.stderr
    assert "WARMROUTE_ADDR" in done.stderr


def test_without_a_command_the_help_is_shown() -> None:
    done = _warmroute()

    assert "Usage: warmroute" in done.stdout + done.stderr


def test_an_address_that_cannot_be_reached_gives_69(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    done = _warmroute("build", "--addr", "unix:///nonexistent/sock", cwd=tmp_path)

    assert done.returncode == 69
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("version",), ("--help",), ("build", "--help"), ("--show-completion", "zsh")]
)
def test_a_reader_that_has_gone_away_is_no_error(words: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as nobody_reads:
        done = subprocess.run(
            [sys.executable, "-c", _RUN, *words],
            stdout=nobody_reads,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (141, "")


def _in_shell(line: str, *, unbuffered: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which ``warmroute`` is the program."""
    return subprocess.run(
        ["sh", "-c", f'warmroute() {{ "$0" -c "{_RUN}" "$@"; }}; {line}', sys.executable],
        env={**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("warmroute version >/dev/full", "No space left on device"),
        ("warmroute version >&-", "Bad file descriptor"),
        ("warmroute build --help >/dev/full", "No space left on device"),
    ],
)
def test_what_cannot_be_printed_is_an_error(line: str, why: str, unbuffered: bool) -> None:
    done = _in_shell(line, unbuffered=unbuffered)

    assert (done.returncode, done.stderr) == (1, f"ERROR: can't write to stdout: {why}\n")


def test_a_closed_stdout_does_not_become_an_archives_file(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    done = _in_shell(f"warmroute build -o - --addr unix:///nonexistent/sock {tmp_path} >&-")

    assert done.returncode == 69
    assert "Traceback" not in done.stderr


def test_a_working_directory_that_was_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "gone").mkdir()

    done = _in_shell(f"cd {tmp_path}/gone && rmdir ../gone && warmroute build {tmp_path}/app -o out")

    assert done.returncode == 2
    assert "ERROR: the working directory has been removed\nhint: cd to" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_stderr_keeps_nothing_from_stdout() -> None:
    done = _in_shell("warmroute version 2>&-")

    assert done.returncode == 0
    assert done.stdout.startswith("warmroute ")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("warmroute w", {"where", "workers"}),
        ("warmroute debug ", {"dump-llb", "workers", "info"}),
        ("warmroute build --pl", {"--platform", "--placement"}),
        ("warmroute build --progress ", {"auto", "tty", "plain", "rawjson", "quiet", "none"}),
        ("warmroute ls --tls-", {"--tls-ca", "--tls-cert", "--tls-key", "--tls-server-name", "--tls-dir"}),
    ],
)
def test_bash_completes(line: str, expected: set[str]) -> None:
    done = _warmroute(
        _WARMROUTE_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(line.split(" ")) - 1),
    )

    assert set(done.stdout.split()) == expected


def test_bash_takes_the_completion_script() -> None:
    script = _warmroute(_WARMROUTE_COMPLETE="source_bash").stdout

    done = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p warmroute"], capture_output=True, text=True, check=False
    )

    assert "_warmroute_completion" in done.stdout


@pytest.mark.parametrize(
    ("words", "host", "listed", "error", "hint"),
    [
        (
            (),
            "foo",
            "",
            'invalid BUILDKIT_HOST "foo": no scheme such as tcp:// (did you mean tcp://foo:1234?)',
            "supported: tcp://",
        ),
        (
            (),
            "",
            "tcp://q:99999",
            'invalid --addr "tcp://q:99999": no valid port',
            "--addr comes from the variable WARMROUTE_ADDR",
        ),
        (
            ("--addr", "foo:1234"),
            "",
            "",
            'invalid --addr "foo:1234": no scheme such as tcp:// (did you mean tcp://foo:1234?)',
            "supported: tcp://",
        ),
        (
            ("--addr", "tcp://h:1,tcp://H:1"),
            "",
            "",
            "--addr gives tcp://h:1 two names: tcp://h:1 and tcp://H:1",
            "name each daemon once",
        ),
    ],
)
def test_a_wrong_address_names_where_it_comes_from(
    words: tuple[str, ...], host: str, listed: str, error: str, hint: str
) -> None:
    done = _warmroute("where", "-t", "a", *words, BUILDKIT_HOST=host, WARMROUTE_ADDR=listed)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ERROR: {error}\n")
    assert hint in done.stderr


def test_a_wrong_address_in_a_file_names_its_key(tmp_path: Path) -> None:
    (tmp_path / "warmroute").mkdir()
    file = tmp_path / "warmroute" / "config.toml"
    file.write_text('[fleet.ci]\naddr = ["tcp://q:99999"]\n')

    done = _warmroute("where", "-t", "a", "--fleet=ci", XDG_CONFIG_HOME=str(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith('ERROR: invalid --addr "tcp://q:99999": no valid port\n')
    assert f"--addr comes from {file}:2" in done.stderr


def test_an_option_of_buildx_before_the_command_has_its_hint() -> None:
    done = _warmroute("-D", "build", ".")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ERROR: no such option: -D\n")
    assert "use --verbose" in done.stderr
    assert "options come behind the command: warmroute build" in done.stderr
