"""One solve on one connection: the calls that it takes, in their order, and what comes of them.

Nothing is asked of the daemon before Solve but its builds in flight, while the session opens; more only where
an option needs it. Neither Info nor ListWorkers is, and each would cost a round trip.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from router.backends import BackendContext
from router.backends.copies import Copies
from router.backends.looking_back import LookBack
from router.backends.recall import Recall
from router.backends.turn import Turn, before_solve
from router.errors import ConnectionLostError, DialError, RouterError
from router.faults import fault_of
from router.model.daemon import Daemon
from router.model.events import Notice, SolveStatus
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.rpc import RpcCall, RpcChannel
from router.session.filesync import prepare, wants_everything
from router.session.server import SessionServer
from router.solve.control import Control
from router.solve.exporters import ExportPlan
from router.solve.failure import BuildObserver, explain
from router.solve.inputs import Inputs
from router.solve.mark import mark_attrs
from router.solve.ref import new_ref, ref_prefix
from router.solve.request import FrontendCall, SolveIdentity, frontend_attrs, solve_request

__all__ = ["Solving"]

# The daemon ends the status stream when the build is done; one that doesn't is not waited for.
_STATUS_GRACE = 5.0
# How long a daemon may take to end a build that it can't have all of.
_OWN_END = 1.0
# Messages that come before the daemon has announced the build, which it does at once.
_MOST_HELD = 1000


@frozen
class _Calls:
    """What is under way for the build ``ref``."""

    ref: str
    solve: RpcCall
    status: RpcCall
    recall: Recall


class Solving:
    """One solve on one connection."""

    def __init__(
        self,
        request: BuildRequest,
        daemon: Daemon,
        context: BackendContext,
        channel: RpcChannel,
        session: SessionServer,
    ) -> None:
        self._request = request
        self._daemon = daemon
        self._context = context
        self._channel = channel
        self._session = session
        self._observer = BuildObserver()
        self._response: Mapping[str, str] = {}
        self._held: list[SolveStatus] | None = None
        self._looking_back: LookBack | None = None
        self._told_of_loss = False

    def run(
        self, inputs: Inputs, plans: Sequence[ExportPlan], copies: Copies, deadline: float
    ) -> BuildResult:
        """Build. ``deadline`` is when (as of ``time.monotonic``) the daemon must have begun to speak."""
        mark = self._context.mark
        marked = {} if mark is None else mark_attrs(replace(mark, at=time.time_ns()))
        identity = SolveIdentity(
            ref=new_ref(self._context.key),
            session_id=_random_id(),
            mark=marked,
            led=self._context.linked is not None,
        )
        self._context.span.note({"warmroute.ref": identity.ref})
        control = Control(self._channel)
        recall = Recall(identity.ref)
        request = self._complete(control, deadline)
        message = solve_request(request, inputs, [plan.exporter for plan in plans], identity)
        with before_solve():
            turn = self._ask_for_turn(identity.ref, recall)
            if turn is None and request.call == "build":
                control.history(recall.hear, follow=True)
            reverse = control.session(
                self._session_metadata(identity, copies.shared_key), self._session, self._session.receive
            )
            if turn is not None:
                self._channel.handshake(deadline - time.monotonic())
                prepare()  # while the daemon counts its builds
                copies.prepare()
                turn.ask(deadline)
            solve = control.solve(message, self._answered)
        if request.call == "build" and not request.no_cache:
            self._looking_back = LookBack(self._channel, key=self._context.key, ref=identity.ref)
        status = control.status(identity.ref, self._saw)
        if turn is None:
            self._channel.handshake(deadline - time.monotonic())
            prepare()
            copies.prepare()
        else:
            self._take_turn(turn, solve)
        if request.call == "build":
            error = self._build(
                request, inputs, _Calls(ref=identity.ref, solve=solve, status=status, recall=recall)
            )
        else:
            error = self._ask(request, inputs, identity, solve)
        with suppress(DialError, ConnectionLostError):  # the build is done, whatever happens now
            self._channel.run(lambda: status.done or reverse.done, timeout=_STATUS_GRACE)
        if recall.heard and error is not None:
            raise recall.error(self._daemon.name)
        if (failed := self._transfer_failure()) is not None:
            raise failed
        if error is not None:
            failure = explain(
                error,
                own=self._session.failures,
                observer=self._observer,
                daemon=self._daemon.name,
            )
            raise failure from failure.__cause__ or error
        if status.error is not None:
            self._tell_of_loss(status.error)
        return BuildResult(
            daemon=self._daemon.name,
            address=self._daemon.address,
            ref=identity.ref,
            metadata=self._response,
            key=self._context.key,
            miss=self._looking_back.miss() if self._looking_back is not None else None,
        )

    def _build(self, request: BuildRequest, inputs: Inputs, calls: _Calls) -> RouterError | None:
        """Wait for the end of the build, and lead a linked one there; return what went wrong."""
        solve, recall = calls.solve, calls.recall

        def over() -> bool:
            return recall.heard or self._is_over(solve, calls.status)

        error = None
        if (linked := self._context.linked) is not None:
            frontend, attrs = frontend_attrs(request, inputs)
            call = FrontendCall(ref=calls.ref, frontend=frontend, attrs=attrs, definitions=inputs.definitions)
            error = linked.lead(self._channel, solve, call, over)
        self._channel.run(over)
        if recall.heard and not solve.done:
            self._channel.cancel(solve)
        self._end(solve)
        return error or solve.error

    def _is_over(self, solve: RpcCall, status: RpcCall) -> bool:
        # A daemon that goes away breaks both off, and Solve's error says so.
        if status.error is not None and fault_of(status.error) != "lost":
            self._tell_of_loss(status.error)
        return solve.done or self._transfer_failure() is not None

    def _end(self, solve: RpcCall) -> None:
        """Cancel a build of which we could not send all, unless the daemon ends it by itself.

        It does where a step lacks its files; its history and whoever else waits for the step then know the
        cause, which a cancellation would overtake. A frontend may build on without a file that it can't have.
        """
        if all(map(wants_everything, self._session.failed_streams)):
            with suppress(DialError, ConnectionLostError):
                self._channel.run(lambda: solve.done, timeout=_OWN_END)
        if not solve.done:
            self._channel.cancel(solve)

    def _tell_of_loss(self, error: RouterError) -> None:
        """Say once that the progress is not whole; the result of the build is."""
        if self._told_of_loss:
            return
        self._told_of_loss = True
        text = f"progress from {self._daemon.name} ended early ({error}): steps and warnings may be missing"
        self._context.on_event(Notice(level="warning", text=text, reason="progress-lost"))

    def _transfer_failure(self) -> RouterError | None:
        """Return why a context could not be sent as a whole, if so.

        The frontend takes some of what it asks for as missing where it can't be sent, and would build on.
        """
        failures = (*self._session.failures, *self._context.failures())
        return next((error for error in failures if error.reason == "context"), None)

    def _ask_for_turn(self, ref: str, recall: Recall) -> Turn | None:
        bound = self._context.max_builds
        if not bound or self._request.call != "build":
            return None
        # What a build that is taken back has told is not shown.
        self._held = []
        prefix = ref_prefix(self._context.key) if self._context.warm_only else ""
        return Turn(
            self._channel,
            daemon=self._daemon.name,
            bound=bound,
            ref=ref,
            prefix=prefix,
            hear=recall.hear,
        )

    def _take_turn(self, turn: Turn, solve: RpcCall) -> None:
        turn.take(solve)
        held, self._held = self._held or (), None
        for status in held:
            self._saw(status)

    def _ask(
        self, request: BuildRequest, inputs: Inputs, identity: SolveIdentity, opened: RpcCall
    ) -> RouterError | None:
        """Ask the frontend instead of building; return what went wrong."""
        from router.solve.gateway import Question, ask_frontend, question_attrs

        frontend, attrs = frontend_attrs(request, inputs)
        if (linked := self._context.linked) is not None:
            call = FrontendCall(
                ref=identity.ref, frontend=frontend, attrs=attrs, definitions=inputs.definitions
            )
            linked.hand_on(self._channel, opened, call)
        question = Question(
            ref=identity.ref,
            frontend=frontend,
            attrs=question_attrs(attrs, request.call),
            definitions=inputs.definitions,
        )
        self._response, error = ask_frontend(self._channel, opened, question)
        return error

    def _complete(self, control: Control, deadline: float) -> BuildRequest:
        """Fill in what only the daemon knows."""
        if not self._request.add_hosts:
            return self._request
        from router.solve.host_gateway import with_host_gateway

        timeout = deadline - time.monotonic()
        return with_host_gateway(self._request, control, daemon=self._daemon.name, timeout=timeout)

    def _session_metadata(self, identity: SolveIdentity, shared_key: str) -> list[tuple[str, str]]:
        return [
            ("x-docker-expose-session-uuid", identity.session_id),
            ("x-docker-expose-session-sharedkey", shared_key),
            *(("x-docker-expose-session-grpc-method", method) for method in self._session.methods),
        ]

    def _answered(self, response: Mapping[str, str]) -> None:
        self._response = response

    def _saw(self, status: SolveStatus) -> None:
        if self._held is not None:
            if len(self._held) < _MOST_HELD:
                self._held.append(status)
            return
        self._observer.see(status)
        if self._looking_back is not None:
            self._looking_back.see(status)
        self._context.on_event(status)


def _random_id() -> str:
    return os.urandom(16).hex()
