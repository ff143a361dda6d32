"""The reader of index files, on what no git writes; what git writes is read in test_git_clean."""

from __future__ import annotations

from hashlib import sha1

import pytest

from router.model.frozen import replace
from router.providers.git_index import BrokenIndexError, Index, SharedIndex, join_split, parse_index
from tests.unit.providers.index_files import bitmap, index_file, link

PATHS = (b"a", b"d/b", b"d/longer name")
NO_CHECKSUM = bytes(20)


def _joined(own: bytes, base: bytes) -> Index:
    index = parse_index(own + NO_CHECKSUM)
    below = parse_index(base + sha1(base).digest())
    assert index.shared
    return join_split(replace(index, shared=replace(index.shared, checksum=below.data[-20:])), below)


@pytest.mark.parametrize("version", [2, 4])
def test_zeros_in_place_of_the_checksum_are_accepted(version: int) -> None:
    data = index_file(version, PATHS)
    assert tuple(parse_index(data + NO_CHECKSUM).files) == PATHS
    assert tuple(parse_index(data + sha1(data).digest()).files) == PATHS
    with pytest.raises(BrokenIndexError, match="checksum"):
        parse_index(data + b"\1" * 20)


def test_extended_flags_make_an_entry_another_one() -> None:
    index = parse_index(index_file(3, PATHS) + NO_CHECKSUM)
    assert not index.files
    assert index.others == set(PATHS)


@pytest.mark.parametrize("name", [b"TREE", b"EOIE", b"Zzzz", b"sdir"])
def test_extensions_that_say_nothing_of_entries_are_passed_over(name: bytes) -> None:
    data = index_file(2, PATHS, name + (3).to_bytes(4) + b"abc")
    assert tuple(parse_index(data + NO_CHECKSUM).files) == PATHS


@pytest.mark.parametrize("name", [b"tree", b"sdis", b"\0\0\0\0", b"[ABC"])
def test_an_extension_that_must_be_understood_is_refused(name: bytes) -> None:
    data = index_file(2, PATHS, name + (3).to_bytes(4) + b"abc")
    with pytest.raises(BrokenIndexError, match="unknown extension"):
        parse_index(data + NO_CHECKSUM)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_index_that_ends_early_is_refused(version: int) -> None:
    data = index_file(version, PATHS, b"TREE" + (3).to_bytes(4) + b"abc")
    whole = len(index_file(version, PATHS))
    for length in range(len(data)):
        if length != whole:
            with pytest.raises(BrokenIndexError):
                parse_index(data[:length] + NO_CHECKSUM)


def test_paths_can_not_grow_without_end() -> None:
    head = b"DIRC" + (4).to_bytes(4) + (20_000).to_bytes(4)
    fixed = bytes(24) + 0o100644.to_bytes(4) + bytes(34)
    # Each path is the one before, and a byte more: 200 MB from 1.3.
    data = head + (fixed + b"\0x\0") * 20_000
    with pytest.raises(BrokenIndexError, match="too long"):
        parse_index(data + NO_CHECKSUM)


@pytest.mark.parametrize("cut", [b"\1", b"\x80\0", b"\xff" * 40 + b"\0"])
def test_a_path_can_not_lose_more_than_there_was(cut: bytes) -> None:
    entry = bytes(24) + 0o100644.to_bytes(4) + bytes(34) + cut + b"x\0"
    with pytest.raises(BrokenIndexError):
        parse_index(b"DIRC" + (4).to_bytes(4) + (1).to_bytes(4) + entry + NO_CHECKSUM)


def test_a_split_index_drops_and_replaces_entries_of_the_shared_one() -> None:
    own = index_file(2, (b"", b"new"), link(deleted=0b001, replaced=0b100))
    index = _joined(own, index_file(4, PATHS))
    assert set(index.files) == {b"d/b", b"d/longer name", b"new"}
    # The replaced one is the first entry of the split index, its header being 12 bytes long.
    assert index.files[b"d/longer name"] == 12
    assert index.files[b"d/b"] > len(own)


@pytest.mark.parametrize(
    ("deleted", "replaced"),
    [(0b1000, 0), (0, 0b1000), (0, 0b111), (1 << 63, 0)],
    ids=["d", "r", "many", "far"],
)
def test_a_split_index_of_another_shared_one_is_refused(deleted: int, replaced: int) -> None:
    own = index_file(2, (b"", b"new"), link(deleted, replaced))
    with pytest.raises(BrokenIndexError):
        _joined(own, index_file(2, PATHS))


@pytest.mark.parametrize("bits", [b"\0", bitmap(1)[:-8], (64).to_bytes(4) + (1).to_bytes(4) + b"\xff" * 12])
def test_a_broken_bitmap_is_refused(bits: bytes) -> None:
    shared = parse_index(index_file(2, PATHS) + sha1(index_file(2, PATHS)).digest())
    own = parse_index(index_file(2, ()) + NO_CHECKSUM)
    link_to = SharedIndex(checksum=shared.data[-20:], bitmaps=bits)
    with pytest.raises(BrokenIndexError, match="bitmap"):
        join_split(replace(own, shared=link_to), shared)
