"""Builds that use each other's results, on one daemon: the group goes to the home of its first base.

To the router the group is one build, which a daemon takes or doesn't, and which goes to the next when it is
lost. A result that was delivered by then is not delivered again: it is built on for those that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from router.backends import BackendContext
from router.backends.native import NativeBackend
from router.backends.sharing import SharedFiles
from router.baking.groups import needed_by
from router.baking.member import Member
from router.baking.requests import BakeBuild
from router.baking.round import BaseFailedError, Round
from router.baking.threads import side_by_side
from router.build import BuildRouter, Relayed
from router.cancellation import Cancellation
from router.errors import BuildError, CancelledError, RouterError
from router.faults import fault_of
from router.model.daemon import Daemon
from router.model.events import Attempt, Event, Notice
from router.model.frozen import frozen, replace
from router.model.mark import BuildMark
from router.model.result import BuildResult
from router.solve.handing import Linked
from router.solve.prepared import PreparedBuild

__all__ = ["Ear", "Group", "LinkedBackend", "build_linked"]


@frozen
class Ear:
    """Who hears of the builds of a group: of progress, and of each one's end."""

    event: Callable[[str, Event], None]
    built: Callable[[str, BuildResult], None]
    failed: Callable[[str, RouterError], None]
    skipped: Callable[[str, str], None]


@frozen
class Group:
    """Builds that use each other's results, bases first, and what they share with others."""

    builds: Sequence[BakeBuild]
    shared: SharedFiles


def build_linked(router: BuildRouter, group: Group, ear: Ear, cancellation: Cancellation) -> None:
    """Build a group. What comes of each build is told, and nothing raised."""
    builds = group.builds
    members: list[Member] = []
    for build in builds:
        hear = _named(build.name, ear)
        try:
            ready = router.ready(build.request, on_event=hear, cancellation=cancellation)
        except RouterError as exc:
            _tell(exc, build.name, ear, cancellation)
            for each in builds:
                if each is not build:
                    ear.skipped(each.name, cancellation.why or f"{build.name} failed")
            return
        members.append(Member(build, ready, hear))
    backend = LinkedBackend(members, group.shared, ear)
    platforms = {each: None for build in builds for each in build.request.platforms}
    relayed = Relayed(key=builds[0].key, platforms=tuple(platforms))
    try:
        router.relay(relayed, backend, on_event=backend.hear, cancellation=cancellation)
    except RouterError as exc:
        for name in backend.unfinished:
            _tell(exc, name, ear, cancellation)


def _named(name: str, ear: Ear) -> Callable[[Event], None]:
    return lambda event: ear.event(name, event)


def _tell(error: RouterError, name: str, ear: Ear, cancellation: Cancellation) -> None:
    if isinstance(error, CancelledError) and cancellation.cancelled:
        ear.skipped(name, cancellation.why)
    else:
        ear.failed(name, error)


class LinkedBackend:
    """Builds a group on the daemon that the router has chosen for it, as one build."""

    def __init__(self, members: Sequence[Member], shared: SharedFiles, ear: Ear) -> None:
        self._members = {each.build.name: each for each in members}
        self._builds = {each.build.name: each.build for each in members}
        self._shared = shared
        self._ear = ear
        self._native = NativeBackend()
        self._attempt: Attempt | None = None
        self._told: set[str] = set()

    @property
    def unfinished(self) -> Sequence[str]:
        """The builds of which nothing has come yet, by their names."""
        return [name for name in self._members if name not in self._told]

    def hear(self, event: Event) -> None:
        """Take what the router tells of the group."""
        if isinstance(event, Attempt):
            self._attempt = event
        elif isinstance(event, Notice) and event.reason != "cache-only":
            self._ear.event(next(iter(self._members)), event)

    def build(self, _build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        """Build what is left on a daemon; see ``Backend.build``. The result stands for the group."""
        needed = needed_by(self.unfinished, self._builds)
        members = [each for name, each in self._members.items() if name in needed]
        with Cancellation() as stop:
            tried = Round([each.build for each in members], stop.cancel)
            inner = replace(context, cancellation=stop)
            works = [partial(self._build_member, member, tried, daemon, inner) for member in members]
            side_by_side(works, context.cancellation, tried.give_up)
        if tried.fault is not None:
            for member in members:
                member.lost()
            raise tried.fault
        context.cancellation.check()
        return BuildResult(daemon=daemon.name, address=daemon.address, ref="")

    def command(self, _build: PreparedBuild, _daemon: Daemon, _context: BackendContext) -> Sequence[str]:
        """Return nothing: no program builds a group."""
        return ()

    def _build_member(self, member: Member, tried: Round, daemon: Daemon, context: BackendContext) -> None:
        build, attempt = member.build, self._attempt
        assert attempt is not None  # the router has told it before it has asked for a build
        try:
            contexts = tried.contexts_of(build)
            if not member.done:
                member.begins(attempt, daemon, lambda step: bool(tried.base_with(build, step)))
            first = build.name == tried.first
            context = replace(
                context,
                key=build.key.key,
                mark=_marked(context.mark, build),
                context_id=member.ready.context_id,
                files=member.ready.files,
                on_event=_ignore if member.done else member.hear,
                max_builds=context.max_builds if first else 0,
                warm_only=context.warm_only and first,
                linked=Linked(build.name, contexts, tried),
                shared=self._shared.of(build.name),
            )
            prepared = member.ready.build
            if member.done:
                prepared = replace(prepared, outputs=(), request=replace(prepared.request, cache_to=()))
            result = self._native.build(prepared, daemon, context)
            self._end(member, lambda: self._ear.built(build.name, member.result(result, attempt)))
            member.done = True
        except BaseFailedError as exc:
            reason = f"{exc.base} failed"
            self._end(member, lambda: self._ear.skipped(build.name, reason))
        except RouterError as exc:
            # Who has canceled the try knows why; others can cancel a build at the daemon.
            if not (isinstance(exc, CancelledError) and context.cancellation.cancelled):
                self._failed(member, tried, exc)
        finally:
            tried.ended(build.name)

    def _failed(self, member: Member, tried: Round, error: RouterError) -> None:
        name = member.build.name
        if fault_of(error) != "final":
            tried.broke(error)
        elif isinstance(error, BuildError) and (base := tried.base_with(member.build, error.vertex)):
            self._end(member, lambda: self._ear.skipped(name, f"{base} failed"))
        else:
            self._end(member, lambda: self._ear.failed(name, error))

    def _end(self, member: Member, tell: Callable[[], None]) -> None:
        if member.build.name not in self._told:
            self._told.add(member.build.name)
            tell()


def _ignore(_event: Event) -> None:
    """Hear nothing."""


def _marked(mark: BuildMark | None, build: BakeBuild) -> BuildMark | None:
    return mark and replace(mark, key=build.key.key, rule=build.key.rule)
