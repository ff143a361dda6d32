"""A bake from its plan to its end: one display, what interrupts it, what it leaves behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence

import router as library
from cli.build_options import ResultOptions
from cli.building.bake_rights import require_rights
from cli.building.baked_answers import print_answers
from cli.building.display import Display
from cli.building.metadata import MetadataDetails
from cli.building.results import ResultFile, metadata_fields
from cli.building.running import telemetry
from cli.interruption import Silent, interruptible
from cli.named import NamedTuple
from cli.options import DisplayOptions
from cli.render import chosen_mode, open_renderer
from cli.render.bake import BakeDisplay, BakeWhereabouts, summary
from cli.render.error import render_error
from cli.render.foreign import printable
from cli.render.table import room_on_stderr, table
from router import (
    BakeBuild,
    BakePlan,
    BuildRouter,
    Cancellation,
    Event,
    RouterConfig,
    RouterError,
    TargetOutcome,
    UsageError,
    replace,
)

__all__ = ["Prepared", "Wanted", "bake_and_report", "print_places"]


class Prepared(NamedTuple):
    """A plan, and the builds that it comes to; ``allowed`` is what these may do, as given. ``remote``: the
    definition comes from a repository."""

    plan: BakePlan
    builds: tuple[BakeBuild, ...]
    allowed: Sequence[str] = ()
    remote: bool = False

    @property
    def asks(self) -> bool:
        """Whether a frontend is asked something instead of building."""
        return any(build.request.call != "build" for build in self.builds)


class Wanted(NamedTuple):
    """A bake as it was given. To ``prepare`` it reads its files, which may block: that is for where signals
    and the time limit hold. ``parallel`` are built at once, ``question`` is --call."""

    prepare: Callable[[Cancellation], Prepared]
    parallel: int = 0
    keep_going: bool = False
    question: str = "build"


def bake_and_report(config: RouterConfig, wanted: Wanted, shown: DisplayOptions, left: ResultOptions) -> None:
    """Build all targets with what is ``shown`` on stderr; what is to be ``left`` goes to a file.

    Raises the error of the target that failed first, ``OutputError``.
    """
    file = _metadata_file(left)
    mode = chosen_mode(shown.mode, sys.stderr, os.environ)
    interrupted = Display()
    with (
        telemetry(shown.verbose) as span,
        interruptible(interrupted, timeout=config.timeout) as cancellation,
    ):
        prepared = wanted.prepare(cancellation)
        _check_stdout(prepared.builds)
        builds = require_rights(prepared.builds, prepared.allowed, remote=prepared.remote)
        names = [build.name for build in builds]
        whereabouts = BakeWhereabouts(names)
        renderer = open_renderer(
            shown.mode,
            stream=sys.stderr,
            environment=os.environ,
            verbosity=shown.verbose,
            whereabouts=whereabouts,
        )
        interrupted.show(renderer)
        display = BakeDisplay(
            renderer, whereabouts, prefixed=len(names) > 1, brief=mode == "tty", told=wanted.keep_going
        )
        order = library.BakeOrder(targets=builds, parallel=wanted.parallel, keep_going=wanted.keep_going)
        try:
            router = BuildRouter(config, span=span)
            outcomes: Sequence[TargetOutcome] = library.build_targets(router, order, display, cancellation)
            if file is not None and not prepared.asks:
                outcomes = _with_details(outcomes, router, renderer.event)
        except BaseException as exc:
            renderer.close(exc)
            raise
        failed = [each for each in outcomes if each.error is not None]
        renderer.close(failed[0].error if failed else None)
        if mode in {"tty", "plain"} and not prepared.asks:
            _tell(outcomes, display)
        if file is not None and (not failed or wanted.keep_going):
            file.write(outcomes)
        _raise_first(failed, among=len(builds))
        requests = {build.name: build.request for build in builds}
        print_answers(prepared.plan, requests, wanted.question, outcomes)


def print_places(config: RouterConfig, wanted: Wanted) -> None:
    """Print where each target would be built, as a table."""
    with interruptible(Silent(heeds=False), timeout=config.timeout) as cancellation:
        builds = wanted.prepare(cancellation).builds
        router = BuildRouter(config)
        keys = library.placing_keys(builds)
        routes = [router.route(keys[build.name], build.request.platforms) for build in builds]
    rows: list[tuple[str, str, str]] = []
    for build, route in zip(builds, routes, strict=True):
        chosen = next((each for each in route.candidates if each.fit), None)
        rows.append((build.name, route.key.key, chosen.daemon.name if chosen else ""))
    sys.stdout.write(f"{table(('TARGET', 'KEY', 'DAEMON'), rows)}\n")


def _check_stdout(builds: Sequence[BakeBuild]) -> None:
    """Raise ``UsageError`` where archives would mix, or go to a terminal."""
    writing = [each.name for each in builds if any(output.dest == "-" for output in each.request.outputs)]
    if len(writing) > 1:
        raise UsageError(
            f"the outputs of {' and '.join(writing)} both go to stdout",
            hint="give all but one a file: --set TARGET.output=type=tar,dest=FILE",
        )
    if writing and sys.stdout.isatty():
        raise UsageError(
            f"the output of {writing[0]} is an archive, and stdout is a terminal",
            hint="redirect stdout, or give dest=FILE",
        )


def _metadata_file(left: ResultOptions) -> ResultFile[Sequence[TargetOutcome]] | None:
    if left.metadata_file is None:
        return None
    return ResultFile("--metadata-file", left.metadata_file, _metadata)


def _tell(outcomes: Sequence[TargetOutcome], display: BakeDisplay) -> None:
    sys.stderr.write(f"\n{summary(outcomes, room=room_on_stderr())}\n")
    if display.unkept:
        targets = ", ".join(printable(each) for each in sorted(display.unkept))
        sys.stderr.write(
            f"warmroute: no output for {targets}: only the build caches of the daemons keep the images\n"
        )


def _raise_first(failed: Sequence[TargetOutcome], *, among: int) -> None:
    """Raise the error of the first target that failed, after the others' are told; the same one once."""
    errors: dict[str, RouterError] = {}
    targets: dict[str, list[str]] = {}
    for outcome in failed:
        if outcome.error is not None:
            told = render_error(outcome.error, color=False)
            errors.setdefault(told, outcome.error)
            targets.setdefault(told, []).append(outcome.name)
    if among > 1:
        for told, error in errors.items():
            names = targets[told]
            error.args = (f"target{'s' * (len(names) > 1)} {', '.join(names)}: {error}",)
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    first, *others = (*errors.values(), None)
    for error in filter(None, others):
        sys.stderr.write(render_error(error, color=color))
    if first is not None:
        raise first


def _with_details(
    outcomes: Sequence[TargetOutcome], router: BuildRouter, on_event: Callable[[Event], None]
) -> Sequence[TargetOutcome]:
    details = MetadataDetails(os.environ)
    return [
        each
        if each.result is None
        else replace(each, result=details.complete(each.result, router.dial_options, on_event))
        for each in outcomes
    ]


def _metadata(outcomes: Sequence[TargetOutcome]) -> str:
    """Return the metadata of the targets that were built, as buildx writes it: an object for each."""
    built = {each.name: metadata_fields(each.result) for each in outcomes if each.result is not None}
    return json.dumps(dict(sorted(built.items())), indent=2) + "\n"
