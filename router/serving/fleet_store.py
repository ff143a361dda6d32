"""The fleet's build cache, as if it were one daemon's: DiskUsage and Prune.

Limits of a Prune apply to each daemon, as with ``warmroute prune``: ``--max-used-space 10gb`` leaves each of
them ten.
"""

from __future__ import annotations

from router._proto import control_pb2 as pb
from router.model.daemon import Daemon
from router.net.deadline import Deadline
from router.operations.prune import check_spaces
from router.rpc.grpc import MAX_MESSAGE, Status
from router.serving.answers import Asking, Failed, ask_all, refusal
from router.serving.inquiry import Inquiry, asked
from router.serving.merging import merged_usage
from router.serving.peers import Peers
from router.serving.question import Line, Question
from router.session.server import CallRefused
from router.solve import answers

__all__ = ["FleetStore"]

_DISK_USAGE = "/moby.buildkit.v1.Control/DiskUsage"
_PRUNE = "/moby.buildkit.v1.Control/Prune"
# Seconds for a daemon that has answered before to list its cache: after builds it measures the new records.
_MEASURING = 60.0


class FleetStore:
    """Lists and prunes the caches of the daemons that answer."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def disk_usage(self, call: Inquiry) -> None:
        """Answer with the records of all daemons. Raises ``CallRefused`` if a client can't take so many."""

        def ask(line: Line) -> None:
            line.greet()
            answer = line.unary(_DISK_USAGE, call.request, timeout=_MEASURING)
            answers.disk_usage(answer, Deadline(_MEASURING))
            line.tell(answer)

        asking = Asking(task=ask, longest=self._peers.patience + _MEASURING, all=True)
        found = ask_all(self._peers, self._peers.daemons(), asking, call.cancellation)
        found.check()
        merged = merged_usage(found.messages)
        if len(merged) > MAX_MESSAGE:
            raise CallRefused(
                Status.RESOURCE_EXHAUSTED,
                f"the records of {len(found.said)} daemons are {len(merged) >> 20} MiB, more than the"
                f" {MAX_MESSAGE >> 20} MiB that clients of BuildKit accept: use filters, or run warmroute du",
            )
        call.emit(merged)

    def prune(self, call: Inquiry) -> None:
        """Prune all daemons, and pass each deleted record on at once.

        A daemon that would ignore a limit, and delete everything, is left out.
        """
        request = asked(pb.PruneRequest(), call.request)

        def prune(line: Line) -> None:
            line.greet()
            if request.maxUsedSpace or request.minFreeSpace:
                check_spaces(line.control, self._peers.patience, line.daemon)
            line.follow(_PRUNE, call.request, line.tell)

        done: list[Daemon] = []
        failed: list[Failed] = []
        with Question(self._peers, prune, call.cancellation) as question:
            question.ask(self._peers.daemons())
            while (told := question.hear()) is not None:
                if not told.over:
                    call.emit(told.message)
                    continue
                self._peers.noted(told.daemon, told.error)
                if told.error is None:
                    done.append(told.daemon)
                else:
                    failed.append((told.daemon, told.error))
        if not done:
            raise refusal(failed)
