"""From the options of `prune` to the library's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import router as library
from cli.groups import OptionGroup, option
from cli.options import RecordFilters
from router import Flag, UsageError, parse_duration, parse_size, parse_usage_filters, replace

if TYPE_CHECKING:
    from router import Pruning

__all__ = ["PruneOptions", "pruning"]

_KEEP_STORAGE = Flag(name="--keep-storage", example="10GB")


class PruneOptions(OptionGroup, panel="Records"):
    """What is deleted, and what is kept."""

    all: bool = option(
        "--all", "-a", default=False, help="Also records of frontends, and those that images share."
    )
    filters: RecordFilters = RecordFilters()
    keep_duration: str | None = option(
        "--keep-duration",
        default=None,
        metavar="DURATION",
        help="Keep what was used in this time, as --filter until=DURATION does.",
    )
    reserved_space: str | None = option(
        "--reserved-space",
        default=None,
        metavar="SIZE",
        help="Keep this much on each daemon.",
        outranked_by=("--keep-storage",),
    )
    keep_storage: str | None = option(
        "--keep-storage",
        default=None,
        metavar="SIZE",
        help="buildx's old name of --reserved-space; the size needs a unit.",
        outranked_by=("--reserved-space",),
    )
    max_used_space: str | None = option(
        "--max-used-space",
        default=None,
        metavar="SIZE",
        help="Delete until a daemon's cache is no larger: what was used longest ago and least goes first.",
    )
    min_free_space: str | None = option(
        "--min-free-space",
        default=None,
        metavar="SIZE",
        help="Delete until this much of a daemon's disk is free.",
    )


def pruning(options: PruneOptions) -> Pruning:
    """Return what is to be deleted. Raises ``UsageError``."""
    filters = parse_usage_filters(options.filters.texts or ())
    if options.keep_duration:
        kept = parse_duration(options.keep_duration, Flag(name="--keep-duration", example="24h"))
        if filters.unused_for not in (None, kept):
            raise UsageError(
                "--keep-duration and --filter until= contradict each other", hint="give one of them"
            )
        filters = replace(filters, unused_for=kept)
    return library.Pruning(
        filters=filters,
        all=options.all,
        reserved_space=_reserved(options),
        max_used_space=_size("--max-used-space", options.max_used_space),
        min_free_space=_size("--min-free-space", options.min_free_space),
    )


def _reserved(options: PruneOptions) -> int:
    if not options.keep_storage:
        return _size("--reserved-space", options.reserved_space)
    if options.reserved_space:
        raise UsageError(
            "--keep-storage is the old name of --reserved-space: give one of them", hint="--reserved-space"
        )
    if options.keep_storage[-1].isdigit() and options.keep_storage != "0":
        # buildx counts bytes, and buildctl, for which it is --max-used-space, megabytes.
        raise _KEEP_STORAGE.error(
            options.keep_storage, "it needs a unit, since buildx and buildctl read a bare number differently"
        )
    return parse_size(options.keep_storage, _KEEP_STORAGE)


def _size(name: str, text: str | None) -> int:
    return parse_size(text, Flag(name=name, example="10GB")) if text else 0
