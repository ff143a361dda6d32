"""One build from a prepared request to its end: the display, what interrupts it, what it leaves behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import router as library
from cli.build_options import ResultOptions
from cli.building.display import Display
from cli.given.files import GivenFiles
from cli.given.requests import Prepared, Unread
from cli.interruption import Silent, interruptible
from cli.options import DisplayOptions
from cli.render import ProgressMode, Renderer, chosen_mode, open_renderer
from cli.render.foreign import own_line, printable
from cli.render.output import say
from cli.render.whereabouts import where
from router import (
    NO_SPAN,
    BuildRequest,
    BuildResult,
    BuildRouter,
    Cancellation,
    Event,
    Notice,
    Place,
    RouterConfig,
    Span,
    TLSOptions,
    UsageError,
    replace,
)

if TYPE_CHECKING:
    from cli.building.results import ResultFile

__all__ = ["build_and_report", "print_plan", "telemetry"]

_NO_RESULT = ResultOptions()


def build_and_report(
    config: RouterConfig, unread: Unread, shown: DisplayOptions, left: ResultOptions = _NO_RESULT
) -> None:
    """Build with what is ``shown`` on stderr; what is to be ``left`` behind goes to files and stdout.

    Raises what ``BuildRouter.build`` raises, and ``OutputError``.
    """
    files = _result_files(left)
    progress = chosen_mode(shown.mode, sys.stderr, os.environ)
    display = Display()
    with (
        telemetry(shown.verbose) as span,
        interruptible(display, watch_parent=unread.by_skaffold, timeout=config.timeout) as cancellation,
        _prepared(unread, config.tls, _files(cancellation, progress)) as prepared,
    ):
        router = BuildRouter(config, span=span)
        renderer = open_renderer(
            shown.mode, stream=sys.stderr, environment=os.environ, verbosity=shown.verbose
        )
        display.show(renderer)
        asked = replace(prepared.request, identify=progress == "quiet")
        result = _build(router, prepared._replace(request=asked), left, renderer, cancellation)
        for file in files:
            file.write(result)
        if prepared.request.call != "build":
            from cli.building.answer import print_answer

            print_answer(prepared.question, prepared.request, result)
            return
        if progress == "quiet" and result.image_id:
            sys.stdout.write(f"{own_line(printable(result.image_id))}\n")
        _tell_how_warm(left, result)


def print_plan(config: RouterConfig, unread: Unread) -> None:
    """Print where and what would be built: the command line on stdout, with secrets redacted."""
    import shlex

    with (
        interruptible(Silent(heeds=False), timeout=config.timeout) as cancellation,
        _prepared(unread, config.tls, GivenFiles(cancellation)) as prepared,
    ):
        for warning in prepared.warnings:
            say(warning)
        route, argv = BuildRouter(config).command(prepared.request)
    place, chosen = next((place, each) for place, each in enumerate(route.candidates, start=1) if each.fit)
    sys.stderr.write(
        f"key {printable(route.key.key)} (rule: {route.key.rule}), placement {route.placement}\n"
        f"daemon {where(chosen.daemon.name, Place(number=place))}\n"
    )
    if config.backend == "native":
        sys.stderr.write("the native backend runs no program; the same build with buildctl would be:\n")
    sys.stdout.write(f"{shlex.join(argv)}\n")


def _tell_how_warm(left: ResultOptions, result: BuildResult) -> None:
    if left.metrics_file is None and left.require_warm is None:
        return
    from cli.building.results import append_metrics, require_warm  # few builds are measured

    if left.metrics_file is not None:
        append_metrics(left.metrics_file, result)
    if left.require_warm is not None:
        require_warm(result, left.require_warm)


def _result_files(left: ResultOptions) -> Sequence[ResultFile[BuildResult]]:
    if left.metrics_file is not None:
        if left.metrics_file == "-":
            raise UsageError(
                "--metrics-file - names no file", hint="--metrics-file /dev/stdout is stdout, ./- is a file"
            )
        library.check_file(left.metrics_file, "--metrics-file")
    if left.metadata_file is None and left.iidfile is None and left.ref_file is None:
        return ()
    from cli.building.results import ResultFile, image_id, metadata, reference  # few builds leave files

    wanted = (
        ("--metadata-file", left.metadata_file, metadata),
        ("--iidfile", left.iidfile, image_id),
        ("--ref-file", left.ref_file, reference),
    )
    return [ResultFile(flag, path, text) for flag, path, text in wanted if path is not None]


def _build(
    router: BuildRouter,
    prepared: Prepared,
    left: ResultOptions,
    renderer: Renderer,
    cancellation: Cancellation,
) -> BuildResult:
    for warning in prepared.warnings:
        renderer.event(Notice(level="warning", text=warning))
    with _traced(renderer.event, left.trace) as on_event:
        try:
            if left.metadata_file is None or prepared.request.call != "build":
                result = router.build(prepared.request, on_event=on_event, cancellation=cancellation)
            else:
                from cli.building.metadata import MetadataDetails

                details = MetadataDetails(os.environ)
                hearing = details.hearing(on_event)
                result = router.build(prepared.request, on_event=hearing, cancellation=cancellation)
                result = details.complete(result, router.dial_options, on_event)
        except BaseException as exc:
            renderer.close(exc)
            raise
    renderer.close(None, result if prepared.request.call == "build" else None)
    return result


@contextmanager
def telemetry(verbosity: int) -> Iterator[Span]:
    """Yield what a build's spans hang under, and export them at the end; what goes wrong with that is told
    to those who asked for more."""
    if not any(name.startswith("OTEL_") or name == "TRACEPARENT" for name in os.environ):
        yield NO_SPAN
        return
    # Else grpcio writes a log of its own to stderr.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    opened = library.open_telemetry()
    try:
        with opened:
            yield opened.span
    finally:
        if verbosity:
            for problem in opened.problems:
                say(problem)


@contextmanager
def _traced(on_event: Callable[[Event], None], path: str | None) -> Iterator[Callable[[Event], None]]:
    """Yield what hears of the progress: the display, and a trace file where one is asked for."""
    if path is None:
        yield on_event
        return
    from cli.building.trace import TraceFile

    with TraceFile(path) as trace:

        def both(event: Event) -> None:
            trace.event(event)
            on_event(event)

        yield both


def _files(cancellation: Cancellation, progress: ProgressMode) -> GivenFiles:
    """Return the reader of given files; what it waits for is told where stderr has lines for people."""
    return (
        GivenFiles(cancellation) if progress in {"tty", "plain"} else GivenFiles(cancellation, lambda _: None)
    )


@contextmanager
def _prepared(unread: Unread, tls: TLSOptions | None, files: GivenFiles) -> Iterator[Prepared]:
    """Yield the build with all that was given for it read, while that can be interrupted."""
    prepared = unread.prepare(files)
    with _with_stdin(prepared.request, tls) as request:
        yield prepared._replace(request=request, warnings=(*unread.warnings, *prepared.warnings))


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
    from cli.given.stdin import open_stdin, read_stdin, refuse_second_use

    what = "the context" if request.context == "-" else "the Dockerfile"
    refuse_second_use(
        what, (*request.files, request.dockerfile or "", *(tls.files if tls is not None else ()))
    )
    if request.context == "-":
        with library.open_stdin_context(request, open_stdin("the context", "-")) as complete:
            yield complete
    else:
        yield replace(request, dockerfile=None, dockerfile_text=read_stdin("the Dockerfile", "--file -"))
