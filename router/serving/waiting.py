"""What a client gets while its build waits for a daemon: a step in its progress, and answers to Ping."""

from __future__ import annotations

import os
import time

from router._proto import control_pb2 as pb
from router.bounds import shortened
from router.rpc.events import Headers
from router.rpc.grpc import Status, status_headers
from router.serving.bridge_calls import BridgeCall
from router.serving.client import Client
from router.serving.gathering import Answer
from router.serving.splice import RESPONSE, send_head

__all__ = ["Ping", "WaitingStep", "retried"]

_NAME = "[warmroute] waiting for a daemon"
_LONGEST_LINE, _MOST_LINES = 1000, 100
_STDERR = 2
# Bytes. A daemon's answer names its workers and what it can do.
_LARGEST_PONG = 256 * 1024


class WaitingStep:
    """A step that no daemon knows of. Each method returns a packed StatusResponse for those who follow it."""

    def __init__(self, name: str = _NAME) -> None:
        self._vertex = pb.Vertex(digest=f"sha256:{os.urandom(32).hex()}", name=name)
        self._vertex.started.FromNanoseconds(time.time_ns())
        self._lines: list[str] = []

    def so_far(self) -> bytes:
        """Return the whole step, for a client that starts to follow it."""
        return self._packed(self._lines)

    def line(self, text: str) -> bytes:
        """Add a line of output."""
        self._lines = [*self._lines, shortened(text, _LONGEST_LINE)][-_MOST_LINES:]
        return self._packed(self._lines[-1:])

    def end(self, *, told: bool = True) -> bytes:
        """End the step: a daemon has the build. ``told``: the lines of the step have been sent."""
        self._vertex.completed.FromNanoseconds(time.time_ns())
        return self._packed([] if told else self._lines)

    def _packed(self, lines: list[str]) -> bytes:
        response = pb.StatusResponse(vertexes=[self._vertex])
        for line in lines:
            log = response.logs.add(vertex=self._vertex.digest, stream=_STDERR, msg=f"{line}\n".encode())
            log.timestamp.FromNanoseconds(time.time_ns())
        return response.SerializeToString()


def retried(lost: str, daemon: str, why: str) -> bytes:
    """Return a packed StatusResponse with a step that says where a lost build starts again, and ``why``."""
    step = WaitingStep(f"[warmroute] {lost} was lost: starting again on {daemon}")
    step.line(why)
    return step.end(told=False)


class Ping(BridgeCall):
    """A client's LLBBridge.Ping, which waits 15 s. The answer of one daemon serves for all."""

    def __init__(self, client: Client, stream_id: int, headers: Headers, request: bytes) -> None:
        super().__init__(client.http2, stream_id, headers, client.budget, request)
        self._stream = (client.http2, stream_id)
        self._shared = client.shared

    def heard(self, answer: Answer) -> None:
        """Forward the answer, and remember it unless it is an error."""
        super().heard(answer)
        if answer.error is None and len(answer.data) <= _LARGEST_PONG:
            self._shared.pong = answer.data

    def answer(self) -> None:
        """Answer in place of a daemon, if any daemon has answered before."""
        if not self.over and self._shared.pong:
            near, stream_id = self._stream
            send_head(near, stream_id, RESPONSE)
            near.send(stream_id, self._shared.pong)
            near.finish(stream_id, status_headers(Status.OK))
            self.drop()
