"""How a fleet that was made is known by its name, until it is taken down."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cli.render.output import say
from router import RouterError, forget_fleet, remember_fleet, user_file

__all__ = ["forget", "remember", "tell_forgotten"]

# What says which fleet it is, and what else `fleet up` writes.
_IDENTITY = ("selector", "namespace", "kube-context")
_OTHERS = ("kubeconfig", "via", "tls-dir", "tls-server-name")


def remember(name: str, settings: Mapping[str, str]) -> None:
    """Put the fleet into the user's configuration file, and say so; where that can't be done, say why."""
    path = user_file(os.environ)
    try:
        found = remember_fleet(path, name, settings)
    except RouterError as exc:
        say(f"the fleet is not in your configuration file: {exc}")
        return
    if found in {"added", "there"}:
        say(f"--fleet {name} names it from now on ([fleet.{name}] in {path})")
    elif found == "other":
        say(f"[fleet.{name}] in {path} has other settings, and stays as it is")


def forget(name: str, settings: Mapping[str, str]) -> None:
    """Take the fleet out of the user's configuration file, if `fleet up` has put it there, and say so."""
    path = user_file(os.environ)
    try:
        found = forget_fleet(path, name, {key: settings.get(key, "") for key in _IDENTITY}, others=_OTHERS)
    except RouterError as exc:
        say(f"your configuration file can't be looked at for the fleet: {exc}")
        return
    if found == "removed":
        say(f"[fleet.{name}] is taken out of {path}")
    elif found == "kept":
        say(f"[fleet.{name}] stays in {path}: it is your default, or has settings of yours")


def tell_forgotten(kubeconfig: str) -> None:
    """Say that the fleet is not in the user's configuration file, since its kubeconfig does not last."""
    say(
        f"the fleet is not in your configuration file: {kubeconfig} can't be read again later;"
        " give --kubeconfig FILE to builds"
    )
