"""The agents, sockets and keys that ``--ssh`` names, found before the build and connected when a step asks.

Everything becomes one thing, a connected socket: to the named one itself where it is raw, else to an agent of
ours that has the keys, or that passes on to the user's agent what a step may ask.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from router.errors import RouterError, UsageError
from router.model.build_options import SSHAgent
from router.model.frozen import frozen
from router.net.unix import connect_unix
from router.once import OneTimeFiles
from router.providers.ssh_agent import Agent, key_agent, passed_on, serve

__all__ = ["Connection", "SSHForwarding"]

# A local socket answers at once or never.
_CONNECT = 2.0
_JOIN = 0.5


@frozen
class _Socket:
    path: str
    raw: bool


class Connection:
    """One client's way to what an id stands for: ``socket`` is its end. Closing it ends what serves it."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._behind: list[socket.socket] = []
        self._thread: threading.Thread | None = None

    def serve(self, agent: Agent, own: socket.socket, *behind: socket.socket) -> None:
        """Have an agent answer on ``own``, the other end; what it talks to itself is ``behind`` it."""
        self._behind = list(behind)
        self._thread = threading.Thread(target=serve, args=(own, agent), name="ssh agent", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close every socket; the agent's thread ends with them. Closing twice is allowed."""
        for sock in (self.socket, *self._behind):
            with suppress(OSError):  # not connected any more
                sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(_JOIN)
        for sock in (self.socket, *self._behind):
            sock.close()


class SSHForwarding:
    """What one build was given, by id, and nothing else."""

    def __init__(
        self, agents: Sequence[SSHAgent], environment: Mapping[str, str], files: OneTimeFiles | None = None
    ) -> None:
        self._agents = {agent.id: agent for agent in agents}
        self._environment = environment
        self._files = files or OneTimeFiles()
        self._found: dict[str, _Socket | Agent] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that steps may name."""
        return tuple(self._agents)

    def check(self) -> None:
        """Find every agent and read every key. Raises ``UsageError`` for the first that isn't right."""
        for agent in self._agents.values():
            self._found[agent.id] = self._find(agent)

    def connect(self, name: str) -> Connection | None:
        """Return a new connection to what an id stands for, None for an id that this build was not given.

        Raises ``UsageError`` when the socket has gone away since ``check``.
        """
        if name not in self._agents:
            return None
        if name not in self._found:
            self._found[name] = self._find(self._agents[name])
        found = self._found[name]
        if isinstance(found, _Socket):
            there = _connect(found.path, f"--ssh {name}")
            if found.raw:
                return Connection(there)
            near, far = socket.socketpair()
            connection = Connection(near)
            connection.serve(passed_on(there), far, there)
            return connection
        near, far = socket.socketpair()
        connection = Connection(near)
        connection.serve(found, far)
        return connection

    def _find(self, agent: SSHAgent) -> _Socket | Agent:
        flag = f"--ssh {agent.id}"
        paths = agent.paths or (self._users_agent(agent.id),)
        sockets = [path for path in paths if _is_socket(path)]
        if agent.raw and not sockets:
            raise UsageError(
                f"{flag}: raw=true needs a socket, and {paths[0]} is not one",
                hint="drop raw=true for a private key",
            )
        if sockets and len(paths) > 1:
            raise UsageError(
                f"{flag} names the socket {sockets[0]} together with other paths",
                hint="one id stands for one socket or any number of keys; give the others ids of their own",
            )
        if sockets:
            if not agent.raw:  # what a raw socket's owner does on a connection is unknown
                _connect(sockets[0], flag).close()
            return _Socket(path=sockets[0], raw=agent.raw)
        from router.providers.ssh_keys import load_key  # with all of cryptography; an agent needs none of it

        return key_agent([load_key(path, flag, self._files) for path in paths])

    def _users_agent(self, name: str) -> str:
        path = self._environment.get("SSH_AUTH_SOCK", "")
        if not path:
            raise UsageError(
                f"--ssh {name}: SSH_AUTH_SOCK is not set, so there is no agent to forward",
                hint=f'start one (eval "$(ssh-agent)"; ssh-add), or name a key: --ssh {name}=PATH',
            )
        if not _is_socket(path):
            raise UsageError(
                f"--ssh {name}: SSH_AUTH_SOCK names {path}, where there is no socket",
                hint='has the agent ended? Start one: eval "$(ssh-agent)"; ssh-add',
            )
        return path


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # reading it as a key says what is wrong


def _connect(path: str, flag: str) -> socket.socket:
    try:
        sock = connect_unix(path, f"the socket {path}", _CONNECT)
    except RouterError as exc:
        raise UsageError(
            f"{flag}: {exc}", hint=f"does an agent listen there? SSH_AUTH_SOCK={path} ssh-add -l"
        ) from exc
    sock.settimeout(None)
    return sock
