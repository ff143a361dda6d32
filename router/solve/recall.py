"""Cancel another client's build, through the daemon's history. Pure.

BuildKit ends a build when its client goes away or cancels Solve, and has no such call for other clients. But
a daemon tells everyone who follows its history that a record was deleted, whether the record existed or not.
So the signal is the deletion of a record that never existed, whose name includes the build and the user. A
warmroute build follows its daemon's history while it runs, and ends when it sees the signal.

Deleting a build's own record is not the signal: ``buildctl prune-histories`` does that to running builds too.
"""

from __future__ import annotations

__all__ = ["recall_ref", "recalled_by"]

_PREFIX = "warmroute.cancel/"
_LONGEST_NAME = 200


def recall_ref(ref: str, by: str) -> str:
    """Return the name of the record to delete."""
    return f"{_PREFIX}{ref}/{by}"


def recalled_by(deleted: str, ref: str) -> str | None:
    """Return the user in a deleted record's name that cancels the build ``ref``; None for other names."""
    prefix = f"{_PREFIX}{ref}/"
    if not deleted.startswith(prefix):
        return None
    return deleted.removeprefix(prefix).partition("\n")[0][:_LONGEST_NAME]
