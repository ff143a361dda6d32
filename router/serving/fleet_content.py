"""Read blobs of the fleet's content stores by their digests: containerd's Content service.

buildx reads provenance, results and traces after a build, knowing only their digests. A record that was sent
before has shown which daemon has them; otherwise all are asked, and the first to have it is used. Writing
methods are not served: buildkitd refuses them too.
"""

from __future__ import annotations

from router._proto import content_pb2 as pb
from router.cancellation import Cancellation
from router.serving.answers import Answers, Asking, ask_all
from router.serving.inquiry import Inquiry, asked
from router.serving.peers import Peers
from router.serving.question import Line
from router.serving.relayed import relay
from router.serving.whereabouts import Whereabouts

__all__ = ["FleetContent"]

_INFO = "/containerd.services.content.v1.Content/Info"
_READ = "/containerd.services.content.v1.Content/Read"


class FleetContent:
    """Finds the daemon that has a blob, and reads it there."""

    def __init__(self, peers: Peers, whereabouts: Whereabouts) -> None:
        self._peers = peers
        self._whereabouts = whereabouts

    def info(self, call: Inquiry) -> None:
        """Answer with a blob's size. Raises ``CallRefused`` if no daemon has it."""
        digest = asked(pb.InfoRequest(), call.request).digest
        call.emit(self._find(digest, call.cancellation).messages[0])

    def read(self, call: Inquiry) -> None:
        """Send a blob or a part of it; errors as for ``info``."""
        digest = asked(pb.ReadContentRequest(), call.request).digest
        daemon, _ = self._find(digest, call.cancellation).said[0]
        relay(self._peers, daemon, _READ, call)

    def _find(self, digest: str, cancellation: Cancellation) -> Answers:
        """Return the answer of the daemon that has a blob."""
        request = pb.InfoRequest(digest=digest).SerializeToString()

        def ask(line: Line) -> None:
            line.tell(line.unary(_INFO, request))

        daemons = self._peers.daemons()
        known = self._whereabouts.first(digest, daemons)
        asking = Asking(task=ask, wanted=_anything, known=known, all=True)
        found = ask_all(self._peers, daemons, asking, cancellation)
        found.check()
        self._whereabouts.note(digest, found.said[0][0])
        return found


def _anything(_message: bytes) -> bool:
    return True
