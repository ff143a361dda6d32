"""What a step may ask of an SSH agent: which keys there are, and signatures. Nothing else is answered.

A step is as little trusted as its Dockerfile: it can't add, remove or lock keys, nor use extensions, whether
the keys are ours or those of the user's own agent, to which only these two questions are passed on.

https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Protocol

__all__ = ["MOST_MESSAGE", "AgentKey", "key_agent", "passed_on", "serve", "string"]

# OpenSSH's own limit, on both ends.
MOST_MESSAGE = 256 * 1024

_FAILURE = 5
_REQUEST_IDENTITIES = 11
_IDENTITIES_ANSWER = 12
_SIGN_REQUEST = 13
_SIGN_RESPONSE = 14
_REFUSED = bytes((_FAILURE,))

# Takes a request, without the size before it, and returns the answer in the same form.
Agent = Callable[[bytes], bytes]


class AgentKey(Protocol):
    """A private key: its public half as SSH sends it, and what ``ssh-add -l`` shows."""

    @property
    def blob(self) -> bytes: ...

    @property
    def comment(self) -> str: ...

    def sign(self, data: bytes, flags: int) -> bytes:
        """Return a signature in SSH's form; ``flags`` are those of the request."""


def string(data: bytes) -> bytes:
    """Return SSH's form of a byte string: its size and itself."""
    return len(data).to_bytes(4, "big") + data


def serve(sock: socket.socket, agent: Agent) -> None:
    """Answer one client until it goes away or breaks the protocol; then close the socket."""
    with sock:
        try:
            while (request := _receive(sock)) is not None:
                sock.sendall(string(agent(request)))
        except OSError:
            pass  # the client went away, or the agent behind did: in both cases nobody is left to tell


def key_agent(keys: Sequence[AgentKey]) -> Agent:
    """Return an agent that has these keys."""
    by_blob = {key.blob: key for key in keys}
    listed = b"".join(
        string(key.blob) + string(key.comment.encode(errors="replace")) for key in by_blob.values()
    )
    identities = bytes((_IDENTITIES_ANSWER,)) + len(by_blob).to_bytes(4, "big") + listed

    def answer(request: bytes) -> bytes:
        if request[0] == _REQUEST_IDENTITIES:
            return identities
        asked = _sign_request(request)
        key = by_blob.get(asked[0]) if asked else None
        if asked is None or key is None:
            return _REFUSED
        try:
            return bytes((_SIGN_RESPONSE,)) + string(key.sign(*asked[1:]))
        except Exception:  # noqa: BLE001 - such as a hash that this machine's policy forbids
            return _REFUSED

    return answer


def passed_on(upstream: socket.socket) -> Agent:
    """Return an agent that asks another one, connected to ``upstream``.

    No deadline: an agent may have its user confirm each signature. Raises ``OSError`` when it goes away.
    """

    def answer(request: bytes) -> bytes:
        if request[0] == _SIGN_REQUEST:
            asked = _sign_request(request)
            if asked is None:
                return _REFUSED
        elif request[0] != _REQUEST_IDENTITIES:
            return _REFUSED
        upstream.sendall(string(request))
        reply = _receive(upstream)
        if reply is None:
            raise ConnectionResetError("the agent closed the connection")
        return reply

    return answer


def _receive(sock: socket.socket) -> bytes | None:
    """Return the next message; None at the end, and for one that is empty or larger than any may be."""
    header = _exactly(sock, 4)
    size = int.from_bytes(header, "big")
    if len(header) < 4 or not 0 < size <= MOST_MESSAGE:
        return None
    message = _exactly(sock, size)
    return message if len(message) == size else None


def _exactly(sock: socket.socket, size: int) -> bytes:
    """Return so many bytes, fewer at the end; memory is taken as they come, not as they are promised."""
    data = bytearray()
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            break
        data += more
    return bytes(data)


def _sign_request(request: bytes) -> tuple[bytes, bytes, int] | None:
    """Return the public key, the data and the flags of a sign request; None for anything else."""
    if request[0] != _SIGN_REQUEST:
        return None
    blob, position = _string_at(request, 1)
    data, position = _string_at(request, position)
    if len(request) != position + 4:
        return None
    return blob, data, int.from_bytes(request[position:], "big")


def _string_at(message: bytes, position: int) -> tuple[bytes, int]:
    """Return a byte string and the position behind it, which is past the end where it is cut short."""
    start = position + 4
    end = start + int.from_bytes(message[position:start], "big")
    return message[start:end], end
