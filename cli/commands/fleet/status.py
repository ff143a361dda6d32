"""`warmroute fleet status`: the fleets of a namespace and their pods, and why one isn't ready."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import router as library
from cli.fleet_options import AnyFleet, ClusterRouting
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import ChosenDaemons, FormatDisplay
from cli.render.foreign import printable
from cli.render.narrow import Narrowing, narrow_table, wrapped
from cli.render.table import room_on_stdout
from router import NoDaemonError, UnreachableError

if TYPE_CHECKING:
    from router import FleetState, PodRow

__all__ = ["command"]

_NARROWING = Narrowing(
    spared=("ARCH",),
    cut=(("IMAGE", "end"), ("VOLUME", "end"), ("NAME", "ends")),
    least=18,  # a version, and the number and the size of a volume
)


def command(fleet: AnyFleet, routing: ClusterRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """Show a fleet's pods, or those of every fleet in the namespace: state and reason, image, volume."""
    cluster = library.find_cluster(router_config(routing))
    with interruptible(Silent(heeds=False)), library.open_cluster(cluster) as objects:
        states = library.fleet_states(objects, fleet.name)
        namespace = objects.namespace
    if chosen.names:
        states = _with_daemons(states, chosen.names, namespace)
    if display.format == "json":
        sys.stdout.write(f"{json.dumps([_values(state) for state in states], indent=2)}\n")
    elif states:
        sys.stdout.write("\n\n".join(_shown(state) for state in states) + "\n")
    else:
        sys.stderr.write(f"there is no fleet in namespace {printable(namespace)}\n")
    if chosen.names:
        unready = [pod.name for state in states for pod in state.pods if not pod.ready]
    else:
        unready = [state.name for state in states if not state.ready]
    if unready:
        sys.stdout.flush()
        raise UnreachableError(f"not ready: {', '.join(unready)}")


def _with_daemons(
    states: Sequence[FleetState], names: Sequence[str], namespace: str
) -> tuple[FleetState, ...]:
    """Return the fleets that have these daemons, with no others. Raises ``NoDaemonError`` for one of none."""
    known = [pod.name for state in states for pod in state.pods]
    for name in names:
        if name not in known:
            there = f"; there are {', '.join(known)}" if known else ""
            raise NoDaemonError(f'no fleet in namespace {namespace} has a daemon named "{name}"{there}')
    narrowed = [
        library.replace(state, pods=tuple(pod for pod in state.pods if pod.name in names)) for state in states
    ]
    return tuple(state for state in narrowed if state.pods)


def _shown(state: FleetState) -> str:
    pools = ", ".join(f"{pool.name} {pool.ready} of {pool.wanted} ready" for pool in state.pools)
    room = room_on_stdout()
    lines = wrapped(f"{state.name} in namespace {state.namespace}: {pools}", room)
    if state.pods:
        header = ("NAME", "READY", "STATE", "ARCH", "VOLUME", "IMAGE")
        lines.append(narrow_table(header, [_row(pod) for pod in state.pods], _NARROWING, room=room))
    return "\n".join([*lines, *(line for note in _notes(state) for line in wrapped(note, room))])


def _row(pod: PodRow) -> Sequence[str]:
    volume = " ".join(filter(None, (pod.volume, pod.storage)))
    return (pod.name, "yes" if pod.ready else "no", pod.state, pod.arch, volume, pod.image)


def _notes(state: FleetState) -> Iterator[str]:
    """Yield what a cell has no room for."""
    for pool in state.pools:
        if pool.reason:
            yield f"{pool.name} has no pods: {pool.reason}"
    for pod in state.pods:
        if pod.reason:
            yield f"{pod.name}: {pod.state}: {pod.reason}"


def _values(state: FleetState) -> dict[str, object]:
    return {
        "name": state.name,
        "namespace": state.namespace,
        "ready": state.ready,
        "pools": [
            {"name": pool.name, "wanted": pool.wanted, "ready": pool.ready, "reason": pool.reason}
            for pool in state.pools
        ],
        "pods": [_pod_values(pod) for pod in state.pods],
    }


def _pod_values(pod: PodRow) -> dict[str, object]:
    return {
        "name": pod.name,
        "ready": pod.ready,
        "state": pod.state,
        "reason": pod.reason,
        "image": pod.image,
        "arch": pod.arch,
        "node": pod.node,
        "volume": pod.volume,
        "volumeSize": pod.storage,
        "volumeState": pod.volume_state,
    }
