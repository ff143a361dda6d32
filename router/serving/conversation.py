"""A client's events, without the connection: each goes to the call that it belongs to."""

from __future__ import annotations

import threading

from router.rpc.http2 import (
    DataReceived,
    Event,
    GoAwayReceived,
    Headers,
    HeadersReceived,
    PingAcknowledged,
    StreamReset,
)
from router.serving.builds import Builds
from router.serving.calls import Calls
from router.serving.client import Client
from router.serving.requests import Incoming

__all__ = ["Conversation"]


class Conversation:
    """The events of one client; ``builds`` has the channels of its builds."""

    def __init__(self, client: Client) -> None:
        self.builds = Builds(client)
        self._http2 = client.http2
        self._calls = Calls(client, self.builds)
        self._incoming: dict[int, Incoming] = {}
        self._newest = 0

    def take(self, event: Event) -> None:
        """Take one event. Raises ``OverrunError``."""
        match event:
            case DataReceived(stream_id, data, ended):
                if (incoming := self._incoming.get(stream_id)) is not None:
                    incoming.receive(data, ended=ended)
            case HeadersReceived(stream_id, headers, ended):
                self._begin(stream_id, headers, ended=ended)
            case StreamReset(stream_id, _, _):
                if (incoming := self._incoming.pop(stream_id, None)) is not None:
                    incoming.drop()
            case GoAwayReceived():
                pass  # it finishes its calls
            case PingAcknowledged():
                pass

    def close(self) -> tuple[threading.Thread, ...]:
        """The client is gone: cancel its calls. Return the threads to join."""
        threads = (*self.builds.close(), *self._calls.close())
        for incoming in tuple(self._incoming.values()):
            incoming.drop()
        return threads

    def _begin(self, stream_id: int, headers: Headers, *, ended: bool) -> None:
        if stream_id > self._newest:  # otherwise these are trailers
            self._newest = stream_id
            self._incoming = {
                number: each for number, each in self._incoming.items() if self._http2.is_open(number)
            }
            self._incoming[stream_id] = self._calls.begin(stream_id, headers)
        if ended and (incoming := self._incoming.get(stream_id)) is not None:
            incoming.receive(memoryview(b""), ended=True)
