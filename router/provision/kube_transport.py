"""Requests of the package kubernetes, sent as builds send theirs to an API server (`router.kubernetes.api`).

It stands where the package has its pool of urllib3's: that reads bodies without end, unpacks what is
compressed, and begins its time limit anew with each byte. Here an answer has a size and a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.kubernetes.api import KubeApi
from router.net.deadline import Deadline
from router.net.http1 import Reply

__all__ = ["KubeTransport"]

# Seconds to connect.
_CONNECT = 10.0


class KubeTransport:
    """One connection for each request: a fleet takes few of them. An answer is there ``within`` seconds."""

    def __init__(self, api: KubeApi, *, within: float = 30.0) -> None:
        self._api = api
        self._within = within

    def request(
        self,
        method: str,
        url: str,
        *,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_others: Any,
    ) -> Answer:
        """Send a request to a path of the server. Raises DialError, ToolError, UsageError."""
        content = body.encode() if isinstance(body, str) else body or b""
        given = {**(headers or {}), "Connection": "close"}
        with self._api.connect(Deadline(_CONNECT)) as connection:
            return Answer(connection.send(method, url, tuple(given.items()), content, Deadline(self._within)))

    def clear(self) -> None:
        """Have nothing to close."""


class Answer:
    """An answer with the names that the package looks for."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.reason = reply.phrase
        self.data = reply.body
        self.headers = reply.headers

    def getheaders(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.headers
