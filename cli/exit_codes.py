"""What each command exits with, for its help. The one declaration; the errors' own codes say the same.

Left out is what can happen to every command: 69 where no file descriptor is left, 141 where the reader of
stdout is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["EXIT_CODES", "exit_codes", "exit_codes_text"]

_EVERY = {0: "done", 2: "wrong usage", 130: "interrupted"}

_PRINTS = {1: "the output could not be written"}
_LISTS = {**_PRINTS, 69: "the fleet can't be listed"}
_ASKS = {1: "a daemon refused the request", 69: "a daemon can't be reached, or the fleet can't be listed"}
_CONNECTS = {69: "no daemon can be reached, or a tool is missing"}
_TIMED = {124: "--timeout has passed"}
_BUILDS = {
    1: "the build failed, or its result could not be written",
    69: "a daemon or a tool can't be reached",
}
_FULL_BUILDS = {**_BUILDS, 3: "colder than --require-warm", **_TIMED}
_REGISTRY = {
    1: "a registry refused the request or sent something invalid, or the output could not be written",
    69: "a registry can't be reached",
    **_TIMED,
}
_CLUSTER = {**_PRINTS, 69: "the cluster can't be reached or refused, or --ready-within has passed"}
_LINKS = {1: "a link or a file could not be changed"}

EXIT_CODES: Mapping[str, Mapping[int, str]] = {
    "bake": {**_BUILDS, 1: "a build failed, or a result could not be written", **_TIMED},
    "build": _FULL_BUILDS,
    "docker_build": _FULL_BUILDS,
    "wrapper_build": _BUILDS,
    "buildkit_build": _BUILDS,
    "where": _LISTS,
    "ls": {**_ASKS, **_PRINTS},
    "workers": _ASKS,
    "du": _ASKS,
    "prune": _ASKS,
    "exec": _CONNECTS,
    "version": _PRINTS,
    "serve": {
        0: "stopped, and all builds had ended",
        1: "an address is in use, or --grace passed and builds were canceled",
        69: "buildx is missing for --register",
        130: "stopped at once by a second signal",
    },
    "dial_stdio": _CONNECTS,
    "drain_check": {**_ASKS, 0: "the daemon is idle", 1: "it has builds in flight"},
    "ps": _ASKS,
    "cancel": _ASKS,
    "logs": _ASKS,
    "stats": _ASKS,
    "history.ls": _ASKS,
    "history.inspect": _ASKS,
    "history.trace": _ASKS,
    "history.export": _ASKS,
    "history.change": _ASKS,
    "imagetools.create": _REGISTRY,
    "imagetools.inspect": _REGISTRY,
    "simulate": {**_ASKS, 1: "a file could not be written, or a daemon refused the request"},
    "install.docker_plugin": _LINKS,
    "install.kubectl_plugin": _LINKS,
    "fleet.up": _CLUSTER,
    "fleet.status": {**_CLUSTER, 69: "the cluster can't be reached or refused, or a fleet isn't ready"},
    "fleet.scale": _CLUSTER,
    "fleet.down": _CLUSTER,
    "debug.dump_llb": _PRINTS,
    "debug.workers": _ASKS,
    "debug.info": _ASKS,
    "doctor": {0: "no problem found", 1: "problems found"},
    "config_show": _PRINTS,
    "config_trust": {1: "the trust could not be written"},
}
"""What the codes of each module of commands mean, beside those that are the same for every command."""

_OTHERS = {"exec": "any other code is COMMAND's own"}


def exit_codes(command: Callable[..., None]) -> Mapping[int, str]:
    """Return the codes that a command can return and what they mean, in ascending order."""
    codes = {**_EVERY, **EXIT_CODES[_name(command)]}
    return {code: codes[code] for code in sorted(codes)}


def exit_codes_text(command: Callable[..., None]) -> str:
    """Return them as a line of its help."""
    others = _OTHERS.get(_name(command))
    parts = [*(f"{code} {text}" for code, text in exit_codes(command).items()), *([others] if others else [])]
    return f"Exit codes: {'; '.join(parts)}."


def _name(command: Callable[..., None]) -> str:
    return command.__module__.removeprefix("cli.commands.")
