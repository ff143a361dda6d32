"""What an index proves, in real checkouts, with git's own hash of each file as the judge."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.providers.git_clean import clean_files
from tests.unit.providers.git_checkouts import ENVIRONMENT, Checkout, proven_files

FILES = {"a": b"one\n", "empty": b"", "src/b.py": b"two\n", "src/deep/c": b"three\n", "z/é \n": b"four\n"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "work")
    made.commit(FILES)
    return made


def test_committed_files_are_their_blobs(checkout: Checkout) -> None:
    assert proven_files(checkout.path) == {name: checkout.blob_of(name) for name in FILES}


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_every_version_and_hash_is_read(tmp_path: Path, version: str, algorithm: str) -> None:
    checkout = Checkout(tmp_path / "work", f"--object-format={algorithm}")
    checkout.commit(FILES)
    checkout.git("update-index", "--index-version", version)
    assert proven_files(checkout.path) == {name: checkout.blob_of(name) for name in FILES}


def test_a_directory_inside_proves_its_own_files(checkout: Checkout) -> None:
    assert sorted(proven_files(checkout.path / "src")) == ["b.py", "deep/c"]
    assert sorted(proven_files(checkout.path / "src" / "deep")) == ["c"]


def test_outside_of_a_checkout_nothing_is_proven(tmp_path: Path) -> None:
    assert clean_files(os.fsencode(tmp_path), ENVIRONMENT) is None


def test_an_edit_of_equal_size_and_time_is_seen(checkout: Checkout) -> None:
    path = checkout.path / "a"
    before = path.stat()
    path.write_bytes(b"eno\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sorted(proven_files(checkout.path)) == sorted(set(FILES) - {"a"})


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_not_proven(checkout: Checkout, flag: str) -> None:
    checkout.git("update-index", flag, "a")
    assert "a" not in proven_files(checkout.path)


def test_a_split_index_is_joined(checkout: Checkout) -> None:
    checkout.git("update-index", "--split-index")
    assert len(proven_files(checkout.path)) == len(FILES)
    checkout.write({"a": b"other\n", "new": b"new\n", "b": b"new too\n"})
    (checkout.path / "src" / "b.py").unlink()
    checkout.settle()
    checkout.git("add", "-A")
    assert sorted(proven_files(checkout.path)) == sorted({*FILES, "new", "b"} - {"src/b.py"})


def test_a_worktree_has_its_own_index(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("worktree", "add", "-q", str(tmp_path / "other"))
    other = Checkout(tmp_path / "other")
    other.settle()
    other.git("update-index", "-q", "--really-refresh")
    other.commit({"more": b"more\n"})
    assert "more" in proven_files(other.path)


def test_a_submodule_proves_its_own_files(checkout: Checkout, tmp_path: Path) -> None:
    outer = Checkout(tmp_path / "outer")
    outer.commit({"top": b"top\n"})
    outer.git("submodule", "--quiet", "add", str(checkout.path), "lib/inner")
    Checkout(outer.path / "lib" / "inner").commit({"inner": b"inner\n"})
    proven = proven_files(outer.path)
    assert "top" in proven
    assert "lib/inner/inner" in proven
