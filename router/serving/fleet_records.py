"""Calls for one build's record, on the daemon that has it: UpdateBuildHistory, Status."""

from __future__ import annotations

from router._proto import control_pb2 as pb
from router.rpc.grpc import Status
from router.serving.answers import Asking, ask_all, causes, listed
from router.serving.fleet_history import FleetHistory, Records
from router.serving.history_events import as_one_history
from router.serving.inquiry import Inquiry, asked
from router.serving.peers import Peers
from router.serving.question import Line
from router.serving.relayed import relay
from router.session.server import CallRefused

__all__ = ["FleetRecords"]

_UPDATE = "/moby.buildkit.v1.Control/UpdateBuildHistory"
_STATUS = "/moby.buildkit.v1.Control/Status"
# Seconds for an update: before it finalizes a record, a daemon waits until the build's trace is written.
_UPDATING = 30.0


class FleetRecords:
    """Finds the daemon that has a build's record, and calls it."""

    def __init__(self, peers: Peers, history: FleetHistory) -> None:
        self._peers = peers
        self._history = history

    def update(self, call: Inquiry) -> None:
        """Change the record on every daemon that has one.

        If all daemons were asked and none knows the build, pass on a daemon's answer.
        """
        request = asked(pb.UpdateBuildHistoryRequest(), call.request)
        found = self._find(call, request.Ref)
        daemons = tuple({heard.daemon.name: heard.daemon for heard in found.told}.values())
        if not daemons:
            if not request.Finalize:
                _check_complete(request.Ref, found)
            daemons = tuple(daemon for daemon, _ in found.answers.said)[:1]

        def update(line: Line) -> None:
            line.tell(line.unary(_UPDATE, call.request, timeout=_UPDATING))

        asking = Asking(task=update, longest=self._peers.patience + _UPDATING, all=True)
        answers = ask_all(self._peers, daemons, asking, call.cancellation)
        answers.check()
        call.emit(answers.messages[0])

    def status(self, call: Inquiry) -> None:
        """Send a build's progress again, and follow it to its end. Raises ``CallRefused`` if there is no such
        build."""
        ref = asked(pb.StatusRequest(), call.request).Ref
        found = self._find(call, ref)
        if not found.told:
            _check_complete(ref, found)
            raise _unknown(ref)
        relay(self._peers, as_one_history(found.told, limit=0)[0].daemon, _STATUS, call)

    def _find(self, call: Inquiry, ref: str) -> Records:
        """Return the records of a build; ``CallRefused`` for one that this client may not see."""
        if call.hides(ref):
            raise _unknown(ref)
        return self._history.find(ref, call.cancellation)


def _unknown(ref: str) -> CallRefused:
    return CallRefused(Status.NOT_FOUND, f"no such job {ref}")  # buildkitd's message


def _check_complete(ref: str, found: Records) -> None:
    """Raise ``CallRefused`` if a daemon that did not answer may have the build."""
    said, failed = found.answers.said, found.answers.failed
    if failed:
        raise CallRefused(
            Status.UNAVAILABLE,
            f"no build {ref} on {listed(daemon.name for daemon, _ in said)};"
            f" {len(failed)} of {len(said) + len(failed)} daemons did not answer: {causes(failed)}",
        )
