"""Child processes: what goes in, what comes out, how they end, and what printing them shows."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from router import running
from router.attached import run_attached
from router.cancellation import Cancellation
from router.children import kill_children
from router.errors import CancelledError, ToolError, UsageError
from router.model.frozen import replace
from router.process import Process, Stdio
from router.program import Command, find_program
from router.running import Watch, run

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def python(code: str, stdin: bytes = b"") -> Command:
    return Command(argv=(sys.executable, "-S", "-c", code), environment=ENVIRONMENT, stdin=stdin)


def shell(script: str, **environment: str) -> Command:
    return Command(argv=("sh", "-c", script), environment={**ENVIRONMENT, **environment})


@pytest.fixture
def cancellation() -> Iterator[Cancellation]:
    with Cancellation() as switch:
        yield switch


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_output_and_exit_code_come_back() -> None:
    done = run(shell("echo out; echo err >&2; exit 3"))

    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_the_message_is_the_last_line_of_stderr() -> None:
    assert run(shell("echo out; echo first >&2; echo last >&2; echo >&2; exit 1")).message == "last"


def test_a_death_by_signal_is_said() -> None:
    assert run(shell("kill -9 $$")).message == "killed by signal 9"


def test_input_larger_than_any_pipe_arrives_whole() -> None:
    data = bytes(range(256)) * 4096

    assert (
        run(
            python("import sys,os; os.write(1,b''); sys.stdout.buffer.write(sys.stdin.buffer.read())", data)
        ).stdout
        == data
    )


def test_a_child_that_does_not_read_its_input_is_no_error() -> None:
    command = Command(argv=("true",), environment=ENVIRONMENT, stdin=b"x" * (1 << 20))

    assert run(command).returncode == 0


def test_the_child_sees_only_the_environment_it_is_given() -> None:
    assert run(shell("echo $ONE-$HOME", ONE="1")).stdout == b"1-\n"


def test_lines_are_told_as_they_come_and_not_kept() -> None:
    lines: list[bytes] = []

    done = run(shell("printf 'a\\nb\\r\\nc'"), Watch(on_stdout=lines.append))

    assert lines == [b"a", b"b", b"c"]
    assert done.stdout == b""


@pytest.mark.parametrize("path", ["", ":", ".", "./", "tools", "./tools:", ":/nowhere", ".:tools"])
@pytest.mark.parametrize("attached", [False, True])
def test_a_program_of_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, attached: bool
) -> None:
    for folder in (tmp_path, tmp_path / "tools"):
        folder.mkdir(exist_ok=True)
        (folder / "buildctl").write_text("#!/bin/sh\n: > stolen\n")
        (folder / "buildctl").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    command = Command(argv=("buildctl",), environment={"PATH": path})

    with pytest.raises(
        ToolError, match=r"buildctl is not run: PATH finds it as \S*/buildctl, relative"
    ) as caught:
        run_attached(command) if attached else run(command)

    assert caught.value.hint == "put its directory on PATH by its absolute path"
    assert not (tmp_path / "stolen").exists()


def test_what_is_on_path_is_found_behind_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sh").write_text("#!/bin/sh\n: > stolen\n")
    (tmp_path / "sh").chmod(0o755)
    monkeypatch.chdir(tmp_path)

    assert (
        run(Command(argv=("sh", "-c", "echo $0"), environment={"PATH": ":.:/bin:/usr/bin"})).stdout == b"sh\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["sh"]


def test_directories_and_files_that_can_not_be_run_are_passed_over(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "abc")
    (first / "tool").mkdir(parents=True)
    for folder, mode in ((second, 0o644), (third, 0o755)):
        folder.mkdir()
        (folder / "tool").write_text("#!/bin/sh\n")
        (folder / "tool").chmod(mode)

    assert find_program("tool", {"PATH": f"{first}:{second}:{third}"}) == str(third / "tool")
    assert find_program("tool", {"PATH": f"{first}:{second}"}) is None
    assert find_program("./tool", {"PATH": str(third)}) == "./tool"
    assert find_program("sh", {}) in {"/bin/sh", "/usr/bin/sh"}


def test_a_program_is_killed_at_once_where_it_is_given_no_grace(cancellation: Cancellation) -> None:
    def started(_line: bytes) -> None:
        cancellation.cancel()

    command = shell("trap '' INT; echo started; while :; do sleep 1; done")
    began = time.monotonic()
    with pytest.raises(CancelledError):
        run(command, Watch(cancellation=cancellation, grace=0.0, on_stdout=started))

    assert time.monotonic() - began < 1.0


def test_a_missing_program_is_a_tool_error_with_the_way_to_get_it() -> None:
    command = Command(argv=("no-such-program",), environment=ENVIRONMENT, hint="apt-get install it")

    with pytest.raises(ToolError, match="no-such-program is not installed") as caught:
        run(command)

    assert caught.value.hint == "apt-get install it"


@pytest.mark.parametrize("start", [run, run_attached])
def test_an_argument_that_is_too_long_is_named_without_its_value(
    start: Callable[[Command], object],
) -> None:
    argument = f"build-arg:NAME=hidden{'x' * 200_000}"
    command = Command(argv=("/bin/true", "--opt", argument), environment=ENVIRONMENT)

    with pytest.raises(UsageError, match=r"build-arg:NAME=\.\.\. is longer than the 128 KiB that") as caught:
        start(command)

    assert caught.value.hint == "--backend native has no such limit"
    assert "hidden" not in str(caught.value)


def test_arguments_that_are_too_long_together_are_told() -> None:
    command = Command(argv=("/bin/true", *["x" * 100_000] * 100), environment=ENVIRONMENT)

    with pytest.raises(UsageError, match="arguments and variables are too long together"):
        run(command)


def test_an_argument_with_a_nul_is_told() -> None:
    with pytest.raises(UsageError, match="can't start /bin/true: an argument or a variable holds a NUL byte"):
        run(Command(argv=("/bin/true", "a\0b"), environment=ENVIRONMENT))


def test_a_child_inherits_the_descriptors_that_it_is_given_and_no_others() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"x")
    os.close(writer)
    there = f"os.path.exists('/proc/self/fd/{reader}')"
    code = f"import os; print(os.read({reader}, 9).decode() if {there} else '-')"
    try:
        without = run(python(code))
        given = run(replace(python(code), descriptors=(reader,)))
    finally:
        os.close(reader)

    assert (without.stdout, given.stdout) == (b"-\n", b"x\n")


def test_a_deadline_kills_the_child_and_what_it_started() -> None:
    pids: list[int] = []

    with pytest.raises(ToolError, match=r"did not end within 0\.3 s") as caught:
        run(
            shell("sleep 60 & echo $!; wait"),
            Watch(deadline=0.3, on_stdout=lambda line: pids.append(int(line))),
        )

    assert caught.value.temporary
    wait_until_gone(pids[0])


def test_a_silent_child_is_given_up_before_its_deadline() -> None:
    with pytest.raises(ToolError, match=r"gave no answer within 0\.2 s"):
        run(shell("sleep 60"), Watch(deadline=60, first_output=0.2))


def test_a_child_that_has_spoken_is_not_silent() -> None:
    assert run(shell("echo; sleep 0.5"), Watch(deadline=60, first_output=0.3)).returncode == 0


def test_cancelling_interrupts_the_child_and_lets_it_finish(cancellation: Cancellation) -> None:
    lines: list[bytes] = []

    def on_line(line: bytes) -> None:
        lines.append(line)
        cancellation.cancel("interrupted")

    with pytest.raises(CancelledError):
        run(
            shell("trap 'echo stopping; exit 0' INT; echo ready; while :; do sleep 0.05; done"),
            Watch(cancellation=cancellation, on_stdout=on_line),
        )

    assert lines == [b"ready", b"stopping"]


@pytest.fixture(params=["ignored", "blocked"])
def deaf(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have SIGINT ignored in this process, as in a background job, or blocked."""
    if request.param == "ignored":
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        yield
        signal.signal(signal.SIGINT, previous)
    else:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@pytest.mark.usefixtures("deaf")
def test_a_child_hears_of_an_interrupt_that_this_process_does_not(cancellation: Cancellation) -> None:
    test_cancelling_interrupts_the_child_and_lets_it_finish(cancellation)


@pytest.mark.usefixtures("deaf")
def test_a_child_of_another_thread_hears_of_it_too(cancellation: Cancellation) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(test_cancelling_interrupts_the_child_and_lets_it_finish, cancellation).result()


def test_what_nohup_ignores_stays_ignored_for_children() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(shell("kill -HUP $$; echo alive")).stdout == b"alive\n"
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_all_that_run_can_be_killed_at_once() -> None:
    with (
        Process(Command(argv=("sleep", "60"), environment=ENVIRONMENT)) as one,
        Process(shell("trap '' TERM INT; sleep 60 & echo $!; wait")) as other,
    ):
        assert other.stdout is not None
        grandchild = int(other.stdout.readline())

        kill_children()

        assert (one.wait(10), other.wait(10)) == (-signal.SIGKILL, -signal.SIGKILL)
        wait_until_gone(grandchild)


def test_a_child_that_ignores_the_interrupt_is_killed_within_two_seconds(cancellation: Cancellation) -> None:
    started = time.monotonic()

    with pytest.raises(CancelledError):
        run(
            python(
                "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                "print('ready', flush=True); time.sleep(60)"
            ),
            Watch(cancellation=cancellation, on_stdout=lambda _: cancellation.cancel()),
        )

    assert time.monotonic() - started < 3


def test_a_cancelled_build_starts_nothing(cancellation: Cancellation) -> None:
    cancellation.cancel()

    with pytest.raises(CancelledError):
        run(Command(argv=("no-such-program",), environment={}), Watch(cancellation=cancellation))


def test_another_thread_can_cancel(cancellation: Cancellation) -> None:
    thread = threading.Timer(0.1, cancellation.cancel)
    thread.start()

    with pytest.raises(CancelledError):
        run(shell("sleep 60"), Watch(cancellation=cancellation))

    thread.join()


def test_a_handler_that_raises_leaves_no_child_behind() -> None:
    pids: list[int] = []

    def fail(line: bytes) -> None:
        pids.append(int(line))
        raise KeyError

    with pytest.raises(KeyError):
        run(shell("echo $$; exec sleep 60"), Watch(on_stdout=fail))

    assert not is_running(pids[0])


def test_leaving_the_context_ends_the_process() -> None:
    with Process(Command(argv=("sleep", "60"), environment=ENVIRONMENT)) as process:
        assert process.poll() is None
        pid = process.pid

    assert not is_running(pid)


def test_a_process_can_be_waited_for_with_a_limit() -> None:
    with Process(Command(argv=("sleep", "60"), environment=ENVIRONMENT)) as process:
        assert process.wait(0.05) is None
        process.signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


def test_stdout_can_be_a_descriptor_of_the_caller() -> None:
    read, write = os.pipe()
    try:
        run(shell("echo there"), stdio=Stdio(stdout=write))
        assert os.read(read, 100) == b"there\n"
    finally:
        os.close(read)
        os.close(write)


def test_a_command_shows_itself_redacted() -> None:
    command = Command(
        argv=("tool", "API_KEY=abc"), environment={"PASSWORD": "hidden"}, stdin=b"hidden as well"
    )

    assert repr(command) == "Command(tool API_KEY=****)"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(pid):
        # A killed orphan stays visible until init reaps it; where nobody does, it is at least dead.
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                return
        assert time.monotonic() < deadline
        os.sched_yield()


def test_of_a_line_without_end_the_beginning_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_LONGEST_LINE", 100_000)
    lines: list[bytes] = []

    run(
        shell("head -c 1000000 /dev/zero >&2; echo >&2; printf 'next\\r\\nlast' >&2"),
        Watch(on_stderr=lines.append),
    )

    assert lines == [bytes(100_000), b"next", b"last"]
