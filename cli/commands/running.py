"""One build from a prepared request to its end: the display, what interrupts it, what it leaves behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.commands.interruption import interruptible
from cli.commands.requests import Prepared
from cli.render import ProgressMode, Renderer, chosen_mode, open_renderer
from cli.render.foreign import own_line, printable
from router import BuildResult, BuildRouter
from router.cancellation import Cancellation
from router.config import RouterConfig, environment
from router.errors import UsageError
from router.model.events import Event, Notice
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest
from router.model.tls import TLSOptions

if TYPE_CHECKING:
    from cli.commands.results import ResultFile

__all__ = ["Reporting", "build_and_report", "print_plan"]


@frozen
class Reporting:
    """How a build is told of: while it runs, and afterwards in files."""

    progress: ProgressMode = "auto"
    verbosity: int = 0
    metadata_file: str | None = None
    iidfile: str | None = None
    ref_file: str | None = None
    trace: str | None = None
    call: str = "build"


def build_and_report(config: RouterConfig, prepared: Prepared, reporting: Reporting) -> None:
    """Build with a display on stderr; the results that were asked for go to files and stdout.

    Raises what ``BuildRouter.build`` raises, and ``OutputError``.
    """
    files = _result_files(reporting)
    progress = chosen_mode(reporting.progress, sys.stderr, environment())
    display = _Display()
    with (
        interruptible(display, watch_parent=prepared.by_skaffold, timeout=config.timeout) as cancellation,
        _with_stdin(prepared.request, config.tls) as request,
    ):
        result = _build(config, replace(prepared, request=request), reporting, display, cancellation)
        for file in files:
            file.write(result)
        if prepared.request.call != "build":
            from cli.commands.answer import print_answer

            print_answer(reporting.call, prepared.request, result)
        elif progress == "quiet" and result.image_id:
            sys.stdout.write(f"{own_line(printable(result.image_id))}\n")


def print_plan(config: RouterConfig, prepared: Prepared) -> None:
    """Print where and what would be built: the command line on stdout, with secrets redacted."""
    import shlex

    for warning in prepared.warnings:
        sys.stderr.write(f"warmroute: {printable(warning)}\n")
    with _with_stdin(prepared.request, config.tls) as request:
        route, argv = BuildRouter(config).command(request)
    sys.stderr.write(
        f"key {printable(route.key.key)} (rule: {route.key.rule}), placement {route.placement}\n"
    )
    sys.stdout.write(f"{shlex.join(argv)}\n")


def _result_files(reporting: Reporting) -> Sequence[ResultFile]:
    if reporting.metadata_file is None and reporting.iidfile is None and reporting.ref_file is None:
        return ()
    from cli.commands.results import ResultFile, image_id, metadata, reference  # few builds leave files

    wanted = (
        ("--metadata-file", reporting.metadata_file, metadata),
        ("--iidfile", reporting.iidfile, image_id),
        ("--ref-file", reporting.ref_file, reference),
    )
    return [ResultFile(flag, path, text) for flag, path, text in wanted if path is not None]


def _build(
    config: RouterConfig,
    prepared: Prepared,
    reporting: Reporting,
    display: _Display,
    cancellation: Cancellation,
) -> BuildResult:
    router = BuildRouter(config)
    renderer = open_renderer(
        reporting.progress, stream=sys.stderr, environment=environment(), verbosity=reporting.verbosity
    )
    display.show(renderer)
    for warning in prepared.warnings:
        renderer.event(Notice(level="warning", text=warning))
    with _traced(renderer.event, reporting.trace) as on_event:
        try:
            if reporting.metadata_file is None or prepared.request.call != "build":
                result = router.build(prepared.request, on_event=on_event, cancellation=cancellation)
            else:
                from cli.commands.metadata import MetadataDetails

                details = MetadataDetails(environment())
                hearing = details.hearing(on_event)
                result = router.build(prepared.request, on_event=hearing, cancellation=cancellation)
                result = details.complete(result, router.dial_options, on_event)
        except BaseException as exc:
            renderer.close(exc)
            raise
    renderer.close(None, result if prepared.request.call == "build" else None)
    return result


@contextmanager
def _traced(on_event: Callable[[Event], None], path: str | None) -> Iterator[Callable[[Event], None]]:
    """Yield what hears of the progress: the display, and a trace file where one is asked for."""
    if path is None:
        yield on_event
        return
    from cli.commands.trace import TraceFile

    with TraceFile(path) as trace:

        def both(event: Event) -> None:
            trace.event(event)
            on_event(event)

        yield both


class _Display:
    """Hears of an interruption, before there is progress to show as well."""

    def __init__(self) -> None:
        self._renderer: Renderer | None = None

    def show(self, renderer: Renderer) -> None:
        """Take the display of the build that begins."""
        self._renderer = renderer

    @property
    def heeds(self) -> bool:
        """Whether the build has begun; what comes before it only an exception ends."""
        return self._renderer is not None

    def hurry(self) -> None:
        """Wait no longer for who reads the progress."""
        if self._renderer is not None:
            self._renderer.hurry()

    def tell(self, text: str) -> None:
        """Say so among the progress."""
        if self._renderer is not None:
            self._renderer.event(Notice(level="info", text=text))

    def leave(self) -> None:
        """Leave a sane terminal."""
        if self._renderer is not None:
            self._renderer.close(KeyboardInterrupt())


@contextmanager
def _with_stdin(request: BuildRequest, tls: TLSOptions | None) -> Iterator[BuildRequest]:
    """Yield the request with what stdin is to give, and keep a terminal free of archives.

    What had to be kept of it is removed afterwards. Raises ``UsageError``.
    """
    if any(output.dest == "-" for output in request.outputs) and sys.stdout.isatty():
        raise UsageError(
            "the output is an archive, and stdout is a terminal", hint="redirect stdout, or give dest=FILE"
        )
    if request.generic or "-" not in {request.context, request.dockerfile}:
        yield request
        return
    from cli.commands.stdin import open_stdin, read_stdin, refuse_second_use

    what = "the context" if request.context == "-" else "the Dockerfile"
    refuse_second_use(
        what, (*request.files, request.dockerfile or "", *(tls.files if tls is not None else ()))
    )
    if request.context == "-":
        from router import open_stdin_context

        with open_stdin_context(request, open_stdin("the context", "-")) as complete:
            yield complete
    else:
        yield replace(request, dockerfile=None, dockerfile_text=read_stdin("the Dockerfile", "--file -"))
