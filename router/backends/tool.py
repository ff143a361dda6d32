"""What the backends that run a program have in common: its lines become events, its end a result or an error.

Knows neither the program's flags nor how its lines are to be read; ``buildctl`` and ``docker`` tell it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from router.backends import BackendContext
from router.bounds import shortened
from router.errors import BuildError, DialError, RpcError, ToolError, UsageError
from router.model.daemon import Daemon
from router.model.events import SolveStatus
from router.model.frozen import replace
from router.notation.csv import format_pairs
from router.program import Command
from router.providers.outputs import Streams, streams
from router.running import Finished, Watch, run
from router.solve.exporters import ExportPlan
from router.solve.failure import BuildObserver
from router.tracing import Span

if TYPE_CHECKING:
    from router.docker.endpoint import DockerEndpoint

__all__ = [
    "Sink",
    "ToolOutput",
    "ask_for_turn",
    "format_export",
    "open_sink",
    "run_build",
    "through_stdout",
    "tool_version",
    "trace_variables",
]

_UNKNOWN = 2  # gRPC's status for an error that says no more
_EXCERPT = re.compile(r"^\S+:\d+\n-{20}\n(?:.*\n)*?-{20}$", re.MULTILINE)
_ERROR = re.compile(r"^(?:error|ERROR): (?:failed to solve: )?(.+)", re.MULTILINE | re.DOTALL)
_MAX_LINES, _LONGEST_LINE = 2000, 8000


class Sink(Protocol):
    """Where a file that the program writes to its stdout goes: whole, or not at all."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""

    def commit(self) -> None:
        """Make the result appear."""

    def abort(self) -> None:
        """Leave nothing behind."""


class ToolOutput:
    """Reads a program's stderr: messages go on as events, all else explains a failure."""

    def __init__(
        self, parse: Callable[[bytes], SolveStatus | None], on_event: Callable[[SolveStatus], None]
    ) -> None:
        self._parse = parse
        self._on_event = on_event
        self._observer = BuildObserver()
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        self.started = False

    def line(self, line: bytes) -> None:
        """Take one line."""
        status = self._parse(line)
        if status is None:
            self._lines.append(shortened(line.decode(errors="replace"), _LONGEST_LINE))
            return
        self.started = self.started or bool(status.vertexes)
        self._observer.see(status)
        if status != SolveStatus():
            self._on_event(status)

    @property
    def text(self) -> str:
        """What the program printed beside events."""
        return "\n".join(self._lines)

    @property
    def message(self) -> str:
        """The program's own words about its failure, empty where it had none."""
        found = _ERROR.search(self.text)
        return (found[1] if found else "\n".join(list(self._lines)[-3:])).strip()

    def build_error(self, done: Finished) -> BuildError:
        """Return the failure as the user sees it."""
        told = self._observer.build_error(RpcError(self.message or done.message, code=_UNKNOWN))
        excerpt = _EXCERPT.search(self.text)
        return BuildError(
            str(told),
            step=told.step,
            log_tail=told.log_tail,
            excerpt=excerpt[0] if excerpt else "",
            hint=told.hint,
            exit_code=done.returncode,
        )


def ask_for_turn(daemon: Daemon, context: BackendContext) -> None:
    """Raise ``BusyError`` where the daemon has ``context.max_builds`` in flight: no program asks that."""
    if context.max_builds:
        from router.solve.room import require_room

        require_room(daemon, context.max_builds, context.dial, context.cancellation)


def run_build(
    command: Command, output: ToolOutput, context: BackendContext, daemon: Daemon, sink: Sink | None
) -> Finished:
    """Run the build; a program that never says a word gives ``DialError``, since the daemon is silent."""
    watch = Watch(
        first_output=context.dial.timeout,
        cancellation=context.cancellation,
        on_stderr=output.line,
        stdout_data=None if sink is None else sink.write,
    )
    try:
        return run(command, watch)
    except ToolError as exc:
        if exc.reason != "timeout":
            raise
        waited = f"{command.argv[0]} within {context.dial.timeout:g} s"
        raise DialError(
            f"{daemon.peer} did not answer {waited}",
            hint="check that buildkitd is running there: `warmroute ls` asks every daemon",
            temporary=True,
        ) from exc


def format_export(plan: ExportPlan) -> str:
    """Return a plan as the value of ``--output``. Pure."""
    dest = {"dest": plan.dest} if plan.dest else {}
    return format_pairs({"type": plan.exporter.type, **dest, **plan.exporter.attrs})


def through_stdout(plans: Sequence[ExportPlan]) -> list[ExportPlan]:
    """Send files to stdout: the programs themselves would leave half a file when the build fails. Pure."""
    return [replace(plan, dest="-") if plan.delivery in {"file", "load"} else plan for plan in plans]


@contextmanager
def open_sink(plans: Sequence[ExportPlan], engine: DockerEndpoint | None) -> Iterator[Sink | None]:
    """Yield where the program's stdout goes, None where no plan needs it; commit it unless an error passes.

    Raises ``UsageError`` for a second one: a program has one stdout.
    """
    files = [plan for plan in plans if plan.delivery in {"file", "load"}]
    if len(files) > 1:
        raise UsageError(
            "a program has only one stdout, and several outputs are files",
            hint="ask for one file, or use --backend native",
        )
    if not files:
        yield None
        return
    with streams() as opened:
        sink = _sink(files[0], engine, opened)
        try:
            yield sink
        except BaseException:
            sink.abort()
            raise
        sink.commit()


def _sink(plan: ExportPlan, engine: DockerEndpoint | None, opened: Streams) -> Sink:
    if plan.delivery == "load":
        from router.providers.docker_load import DockerLoadSink

        assert engine is not None  # whoever prepared the build has found it
        return DockerLoadSink(engine)
    return opened.open(plan.dest)


def trace_variables(span: Span) -> dict[str, str]:
    """Return the variables by which the program learns of the trace that it works for."""
    return {name.upper(): value for name, value in span.headers}


def tool_version(command: Command) -> tuple[int, ...]:
    """Return the first dotted number that the program prints, () where it prints none.

    Raises ``ToolError`` for a program that is missing.
    """
    done = run(command, Watch(deadline=10.0))
    found = re.search(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?", done.stdout.decode(errors="replace"))
    if done.returncode or found is None:
        return ()
    return tuple(int(part) for part in found.groups(default="0"))
