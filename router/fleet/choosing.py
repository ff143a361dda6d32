"""Some daemons of a fleet, chosen by their names."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import NoDaemonError
from router.fleet.contract import Fleet
from router.model.daemon import Daemon

__all__ = ["choose_daemons"]


def choose_daemons(daemons: Sequence[Daemon], names: Sequence[str], fleet: Fleet) -> list[Daemon]:
    """Return the daemons of a fleet by their names, all of them where there are no names, sorted.

    Raises ``NoDaemonError`` where there is none, or none of a name.
    """
    known = {daemon.name: daemon for daemon in sorted(daemons, key=lambda daemon: daemon.name)}
    if not known:
        raise NoDaemonError(f"there are no {fleet.describe()}", hint=fleet.hint)
    for name in names:
        if name not in known:
            raise NoDaemonError(
                f'no daemon named "{name}" among the {fleet.describe()}; there are {", ".join(known)}',
                hint=fleet.hint,
            )
    return [daemon for name, daemon in known.items() if not names or name in names]
