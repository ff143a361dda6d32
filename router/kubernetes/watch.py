"""Following pods: a watch of the API server, which says what changes as it changes.

A watch is a request whose answer goes on: one JSON object on each line. The API server ends it after a while,
and the next one goes on from the version that was seen last.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Iterator

from router.cancellation import Cancellation
from router.errors import DialError, FleetError
from router.kubernetes.api import KubeApi, KubeConnection
from router.kubernetes.listing import Asked, refused, unanswered
from router.kubernetes.pod_list import Expired, PodList
from router.kubernetes.watch_lines import LineReader
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.net.sockets import describe_os_error

__all__ = ["follow"]

_CONNECT = 10.0
# The API server ends a watch after this; a connection that died in silence is found out soon after.
_SPAN = 15
_GRACE = 3.0
_BEAT = 5.0
_RECEIVE = 1 << 16


def follow(
    api: KubeApi, asked: Asked, pods: PodList, deadline: Deadline, cancellation: Cancellation
) -> Iterator[None]:
    """Yield each time that ``pods`` may have changed, and now and then.

    Ends when the API server ends the watch, and at the deadline.
    Raises Expired when the pods must be listed again; FleetError, UsageError, ToolError; CancelledError.
    """
    connecting = Deadline(_CONNECT)
    try:
        span = max(1, min(_SPAN, int(deadline.remaining()) + 1))
        path = asked.path(
            watch="1", resourceVersion=pods.version, allowWatchBookmarks="true", timeoutSeconds=str(span)
        )
        with api.connect(connecting) as connection:
            reply = connection.get(path, (("Accept", "application/json"),), connecting, stream=True)
            if reply.status == 410:
                raise Expired
            if reply.status != 200:
                raise refused(reply, api, asked, "watch")
            until = Deadline(min(span + _GRACE, deadline.remaining()))
            yield from _changes(_received(connection, reply, until, cancellation), reply, pods)
    except DialError as exc:
        raise unanswered(exc, asked) from exc
    except TimeoutError:
        if not deadline.passed:
            raise FleetError(f"{api.name} went silent", reason="timeout", temporary=True) from None
    except OSError as exc:
        raise FleetError(f"{api.name} broke off: {describe_os_error(exc)}", temporary=True) from exc


def _changes(received: Iterator[bytes], reply: Reply, pods: PodList) -> Iterator[None]:
    lines = LineReader(chunked=reply.chunked)
    for data in received:
        for line in lines.feed(data):
            pods.apply(line)
        yield
        if lines.ended:
            return


def _received(
    connection: KubeConnection, reply: Reply, deadline: Deadline, cancellation: Cancellation
) -> Iterator[bytes]:
    """Yield what arrives, as it arrives, and nothing where that takes long.

    Raises OSError, TimeoutError past the deadline, CancelledError.
    """
    sock = connection.socket
    sock.setblocking(False)
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.register(cancellation, select.POLLIN)
    yield reply.rest
    # Also while it talks: what an API server that ends no watch still says is heard by the next one.
    while not deadline.passed:
        cancellation.check()
        try:
            data = sock.recv(_RECEIVE)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            if not poll.poll(min(deadline.remaining(), _BEAT) * 1000):
                deadline.remaining()
                yield b""
            continue
        if not data:
            return
        yield data
