"""The part of a directory that the daemon wants: include and exclude patterns, one directory at a time.

A directory in which no pattern can match any more is decided at once: it is either not walked at all, or
walked as fast as if there were no patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from router.fstransfer.beneath import Root
from router.fstransfer.followlinks import follow_links, without_covered
from router.fstransfer.patterns import PatternMatcher
from router.model.frozen import frozen

__all__ = ["Filter", "Scope", "select"]


@frozen
class Filter:
    """The files that the daemon wants of a directory, from the call's metadata.

    The fields are ``include-patterns``, ``exclude-patterns`` and ``followpaths``, already decoded.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    follow_paths: tuple[str, ...] = ()


def select(root: Root, chosen: Filter) -> Scope | None:
    """Return the scope of the root, None if everything is wanted.

    Raises UsageError for a malformed pattern, OSError for a link that can't be read.
    """
    include: Sequence[str] = chosen.include
    if chosen.follow_paths:
        targets = follow_links(root, chosen.follow_paths)
        if targets is not None:
            # Again None if one of them is the root: then nothing is left out.
            include = without_covered((*include, *targets)) or ()
    if not include and not chosen.exclude:
        return None
    including = PatternMatcher(include) if include else None
    return Scope(_Patterns(including=including, excluding=PatternMatcher(chosen.exclude)), 0, 0)


@frozen
class _Patterns:
    """Both lists; an include list of None includes everything."""

    including: PatternMatcher | None
    excluding: PatternMatcher


class Scope:
    """A directory whose entries have to be tested one by one.

    ``wants`` says whether an entry that isn't a directory is wanted; paths begin at the root.
    """

    __slots__ = ("_excluded_bits", "_included_bits", "_patterns", "wants")

    wants: Callable[[str], bool]

    def __init__(self, patterns: _Patterns, included_bits: int, excluded_bits: int) -> None:
        self._patterns = patterns
        self._included_bits = included_bits
        self._excluded_bits = excluded_bits
        excluded = patterns.excluding.tester(excluded_bits)
        if patterns.including is None:
            self.wants = lambda path: not excluded(path)
        else:
            included = patterns.including.tester(included_bits)
            self.wants = lambda path: included(path) and not excluded(path)

    def enter(self, path: str) -> tuple[bool, Scope | bool]:
        """Say whether a directory in this one is wanted itself, and which of its entries are.

        The second value is True for all entries, False for none, or a scope to ask. A directory that isn't
        wanted itself is sent if anything in it is.
        """
        including, excluding = self._patterns.including, self._patterns.excluding
        included, included_bits, all_included = True, 0, True
        if including is not None:
            included, included_bits = including.match(path, self._included_bits)
            settled = including.settled(path + "/", included_bits)
            if settled is False:
                return included, False
            all_included = settled is True
        excluded, excluded_bits = excluding.match(path, self._excluded_bits)
        all_excluded = excluding.settled(path + "/", excluded_bits)
        wanted = included and not excluded
        if all_excluded is True:
            return wanted, False
        if all_included and all_excluded is False:
            return wanted, True
        return wanted, Scope(self._patterns, included_bits, excluded_bits)
