"""End a build from another client than its own, through the daemon's history. Pure.

BuildKit ends a build when its client goes away or cancels Solve, and has no call for anybody else. But a
daemon tells all who follow its history that a record was deleted, whether it had one of that name or not. So
the word is the deletion of a record that never was, whose name says which build is meant, and by whom. A
build of warmroute follows the history of its daemon while it runs, and ends itself when it hears that.

To delete a build's own record is not that word: ``buildctl prune-histories`` does it to running ones too.
"""

from __future__ import annotations

__all__ = ["recall_ref", "recalled_by"]

_PREFIX = "warmroute.cancel/"
_LONGEST_NAME = 200


def recall_ref(ref: str, by: str) -> str:
    """Return the name of the record to delete."""
    return f"{_PREFIX}{ref}/{by}"


def recalled_by(deleted: str, ref: str) -> str | None:
    """Return the user in a deleted record's name that ends the build ``ref``; None for other names."""
    prefix = f"{_PREFIX}{ref}/"
    if not deleted.startswith(prefix):
        return None
    return deleted.removeprefix(prefix).partition("\n")[0][:_LONGEST_NAME]
