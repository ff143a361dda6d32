"""``--ssh``: agents and keys that steps can use, as ``ID[=PATH,PATH...]``.

A path is an agent's socket or a private key; which of them, and whether it can be read, is found out when
it is needed. An id alone stands for the agent of ``SSH_AUTH_SOCK``, and so does ``ID=``, which is what a
shell makes of ``ID=$SSH_AUTH_SOCK`` where that is empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.model.build_options import SSHAgent
from router.notation.boolean import parse_bool
from router.notation.flag import Flag

__all__ = ["SSHAgent", "format_ssh", "parse_ssh", "parse_sshs"]

_FLAG = Flag(name="--ssh", example="default=/run/agent.sock")


def parse_sshs(texts: Iterable[str]) -> tuple[SSHAgent, ...]:
    """Parse several; the last of those with the same id counts, an empty text doesn't.

    Raises ``UsageError``.
    """
    return tuple({agent.id: agent for agent in (parse_ssh(text) for text in texts if text)}.values())


def parse_ssh(text: str) -> SSHAgent:
    """Parse ``ID``, ``ID=PATH,PATH...`` or ``ID=PATH,raw=true``. Raises ``UsageError``."""
    name, equals, rest = text.partition("=")
    if not name:
        raise _FLAG.error(text, "the id before the equals sign is missing")
    paths: list[str] = []
    raw = False
    for part in rest.split(",") if equals and rest else ():
        key, is_option, value = part.partition("=")
        if key == "raw" and is_option:
            parsed = parse_bool(value)
            if parsed is None:
                raise _FLAG.error(text, "raw must be true or false")
            raw = parsed
        elif not part:
            raise _FLAG.error(text, "a path is empty")
        else:
            paths.append(part)
    if raw and len(paths) != 1:
        raise _FLAG.error(text, "raw takes exactly one path, a socket")
    return SSHAgent(id=name, paths=tuple(paths), raw=raw)


def format_ssh(agent: SSHAgent) -> str:
    """Return the text that ``parse_ssh`` reads as ``agent``."""
    parts = [*agent.paths, *(["raw=true"] if agent.raw else [])]
    return f"{agent.id}={','.join(parts)}" if parts else agent.id
