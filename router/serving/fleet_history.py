"""The build history of the fleet, as if it were one daemon's: ListenBuildHistory."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

from router._proto import control_pb2 as pb
from router.cancellation import Cancellation
from router.errors import RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.rpc.events import Http2Error
from router.serving.answers import Answers, Asking, Failed, ask_all, refusal
from router.serving.history_events import Heard, Repeated, as_one_history
from router.serving.inquiry import Inquiry, asked
from router.serving.peers import Peers
from router.serving.question import Line, Question
from router.serving.whereabouts import Whereabouts
from router.session.server import CallRefused
from router.solve.answers import parsed
from router.solve.inflight import history_event

__all__ = ["LISTEN", "FleetHistory", "Records"]

LISTEN = "/moby.buildkit.v1.Control/ListenBuildHistory"
# Seconds for a daemon that has answered before to list its history.
_LISTING = 10.0
# Seconds for the other daemons once one has sent the build that was asked for.
_GRACE = 0.25
# How often, in seconds, a stream looks for daemons that are new or back again.
_LOOK_AGAIN = 10.0


@frozen
class Records:
    """The daemons' records, as each sent them, and the daemons that did not answer."""

    told: tuple[Heard, ...]
    answers: Answers


class FleetHistory:
    """Merges the histories of the daemons that answer."""

    def __init__(self, peers: Peers, whereabouts: Whereabouts) -> None:
        self._peers = peers
        self._whereabouts = whereabouts

    def listen(self, call: Inquiry) -> None:
        """Answer with the known builds and, unless the client wants no more, with further events."""
        request = asked(pb.BuildHistoryRequest(), call.request)
        if not request.EarlyExit:
            self._follow(call, request)
            return
        for heard in as_one_history(self._shown(call, request), request.Limit):
            call.emit(heard.packed)

    def find(self, ref: str, cancellation: Cancellation) -> Records:
        """Return the daemons' records of a build, running or finished.

        The whole history is asked for: a daemon that was asked for one ref never deletes that record again,
        it only hides it. Raises ``CallRefused`` if no daemon answers, ``CancelledError``.
        """
        return self._ask(pb.BuildHistoryRequest(EarlyExit=True), ref, cancellation)

    def _shown(self, call: Inquiry, request: pb.BuildHistoryRequest) -> tuple[Heard, ...]:
        """Return the records that this client may see."""
        told = self._ask(request, request.Ref, call.cancellation).told
        shown = tuple(heard for heard in told if not call.hides(heard.event.ref))
        if request.Limit and len(shown) < len(told):
            # Records of other clients must not use up this client's limit.
            everything = pb.BuildHistoryRequest()
            everything.CopyFrom(request)
            everything.Limit = 0
            return self._shown(call, everything)
        return shown

    def _ask(self, request: pb.BuildHistoryRequest, ref: str, cancellation: Cancellation) -> Records:
        """Return the records of one build, or of all."""
        packed = request.SerializeToString()

        def ask(line: Line) -> None:
            if request.Ref:
                line.stream(LISTEN, packed, partial(_tell_checked, line))
            else:
                line.greet()
                line.stream(LISTEN, packed, partial(_tell_checked, line), timeout=_LISTING)

        daemons = self._peers.daemons()
        asking = Asking(
            task=ask,
            longest=None if request.Ref else self._peers.patience + _LISTING,
            wanted=partial(_is_of, ref) if ref else None,
            grace=_GRACE,
            known=self._whereabouts.first(ref, daemons),
            # Before each build buildx asks for one that runs nowhere, to see whether the call is supported.
            all=not request.ActiveOnly,
        )
        answers = ask_all(self._peers, daemons, asking, cancellation)
        answers.check()
        heard = (_heard(daemon, message) for daemon, messages in answers.said for message in messages)
        told = tuple(each for each in heard if ref in {"", each.event.ref})
        for each in told:
            self._whereabouts.note_event(each.packed, each.daemon)
        return Records(told=told, answers=answers)

    def _follow(self, call: Inquiry, request: pb.BuildHistoryRequest) -> None:
        """Begin to listen, send the existing records, then the events since: nothing is lost in between."""
        packed = request.SerializeToString()
        request.EarlyExit = True

        def follow(line: Line) -> None:
            line.greet()
            line.follow(LISTEN, packed, partial(_tell_checked, line))

        with Question(self._peers, follow, call.cancellation) as question:
            question.ask(self._peers.daemons())
            known = self._shown(call, request)
            for heard in as_one_history(known, request.Limit):
                call.emit(heard.packed)
            self._pass_on(call, question, Repeated(known))

    def _pass_on(self, call: Inquiry, question: Question, repeated: Repeated) -> None:
        """Pass events on, also from daemons that join, until no daemon is left."""
        failed: dict[str, Failed] = {}
        look = time.monotonic() + _LOOK_AGAIN
        while (told := question.hear(look)) is not None or question.talking:
            if told is None:
                look = time.monotonic() + _LOOK_AGAIN
                self._join(question)
            elif told.over:
                self._peers.noted(told.daemon, told.error)
                if told.error is not None:
                    failed[told.daemon.name] = told.daemon, told.error
            else:
                heard = _heard(told.daemon, told.message)
                self._whereabouts.note_event(heard.packed, heard.daemon)
                if not (call.hides(heard.event.ref) or repeated.add(heard)):
                    call.emit(heard.packed)
        if failed:
            raise refusal(tuple(failed.values()))

    def _join(self, question: Question) -> None:
        """Ask daemons that are not connected: they are new, or back again."""
        talking = {daemon.name for daemon in question.talking}
        with suppress(CallRefused):  # the listing failed: connected daemons go on
            question.ask([each for each in self._peers.daemons() if each.name not in talking])


def _tell_checked(line: Line, message: memoryview) -> None:
    packed = bytes(message)
    try:
        parsed(pb.BuildHistoryEvent(), packed)
    except RpcError as exc:
        raise Http2Error(f"{line.daemon.name}: its history can't be read: {exc}") from exc
    history_event(message)
    line.tell(packed)


def _is_of(ref: str, message: bytes) -> bool:
    return history_event(memoryview(message)).ref == ref


def _heard(daemon: Daemon, message: bytes) -> Heard:
    return Heard(daemon=daemon, packed=message, event=history_event(memoryview(message)))
