"""What an index proves, in real checkouts, with the hash of each file's content as the judge."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from router.providers.git_clean import CleanFiles, clean_files
from tests.unit.providers.git_checkouts import ENVIRONMENT, Checkout, object_name, proven_files

FILES = {"a": b"one\n", "empty": b"", "src/b.py": b"two\n", "src/deep/c": b"three\n", "z/é \n": b"four\n"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "work")
    made.commit(FILES)
    return made


def _names(directory: Path) -> list[str]:
    return sorted(proven_files(directory))


def _without(*names: str) -> list[str]:
    return sorted(FILES.keys() - set(names))


def test_committed_files_are_their_blobs(checkout: Checkout) -> None:
    assert proven_files(checkout.path) == {name: checkout.blob_of(name) for name in FILES}


@pytest.mark.parametrize("version", ["2", "3", "4"])
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_every_version_and_hash_is_read(tmp_path: Path, version: str, algorithm: str) -> None:
    checkout = Checkout(tmp_path / "work", f"--object-format={algorithm}")
    checkout.commit(FILES)
    checkout.write({"src/later": b"later\n"})
    # A flag that only version 3 and later can hold.
    checkout.git("add", "--intent-to-add", "src/later")
    checkout.git("update-index", "--index-version", version)
    assert proven_files(checkout.path) == {name: checkout.blob_of(name) for name in FILES}


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_path_as_long_as_can_be_is_read(checkout: Checkout, version: str) -> None:
    long = "/".join(["d" * 200] * 20) + "/" + "e" * 70
    assert len(long) > 0xFFF - 8
    entry = f"100644 {object_name(b'')}\t{long}{'f' * 5}\n"
    checkout.git("update-index", "--add", "--index-info", stdin=entry.encode())
    checkout.git("update-index", "--index-version", version)
    assert _names(checkout.path) == _without()


def test_a_directory_inside_proves_its_own_files(checkout: Checkout) -> None:
    assert _names(checkout.path / "src") == ["b.py", "deep/c"]
    assert _names(checkout.path / "src" / "deep") == ["c"]


def test_a_directory_behind_a_link_is_the_one_it_leads_to(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(checkout.path / "src")
    assert _names(tmp_path / "link") == ["b.py", "deep/c"]


def test_outside_of_a_checkout_nothing_is_proven(tmp_path: Path) -> None:
    assert clean_files(os.fsencode(tmp_path), ENVIRONMENT) is None


def test_an_edit_of_equal_size_and_time_is_seen(checkout: Checkout) -> None:
    path = checkout.path / "a"
    before = path.stat()
    path.write_bytes(b"eno\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _names(checkout.path) == _without("a")


def test_a_file_put_in_its_place_is_seen(checkout: Checkout) -> None:
    before = (checkout.path / "a").stat()
    checkout.write({"other": b"eno\n"})
    os.utime(checkout.path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
    (checkout.path / "other").rename(checkout.path / "a")
    assert _names(checkout.path) == _without("a")


def test_a_file_that_may_be_run_now_is_not_proven(checkout: Checkout) -> None:
    (checkout.path / "a").chmod(0o755)
    assert _names(checkout.path) == _without("a")


def test_a_mode_that_was_set_in_the_index_alone_is_not_the_file_s(checkout: Checkout) -> None:
    checkout.git("update-index", "--chmod=+x", "a")
    assert _names(checkout.path) == _without("a")


def test_an_executable_is_proven(checkout: Checkout) -> None:
    (checkout.path / "a").chmod(0o755)
    checkout.commit({})
    assert _names(checkout.path) == _without()


def test_times_that_were_normalised_are_no_obstacle_once_git_has_seen_them(checkout: Checkout) -> None:
    for name in FILES:
        os.utime(checkout.path / name, (1_700_000_000, 1_700_000_000))
    assert _names(checkout.path) == []
    checkout.settle()
    checkout.git("status")
    assert _names(checkout.path) == _without()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_not_proven(checkout: Checkout, flag: str) -> None:
    checkout.git("update-index", flag, "a")
    assert _names(checkout.path) == _without("a")


def test_what_was_never_stat_is_not_proven(checkout: Checkout) -> None:
    checkout.git("update-index", "--cacheinfo", f"100644,{object_name(b'one')},a")
    assert _names(checkout.path) == _without("a")


def test_a_conflict_is_not_proven(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "-b", "other")
    checkout.commit({"a": b"theirs\n"})
    checkout.git("checkout", "-q", "-")
    checkout.commit({"a": b"ours\n"})
    with pytest.raises(subprocess.CalledProcessError):
        checkout.git("merge", "other")
    assert _names(checkout.path) == _without("a")


def test_links_are_not_proven(checkout: Checkout) -> None:
    (checkout.path / "link").symlink_to("a")
    checkout.commit({})
    assert _names(checkout.path) == _without()


def test_files_as_young_as_the_index_are_not_proven(checkout: Checkout) -> None:
    youngest = max((checkout.path / name).stat().st_mtime_ns for name in FILES)
    os.utime(checkout.path / ".git" / "index", ns=(youngest, youngest))
    changed = {name for name in FILES if (checkout.path / name).stat().st_ctime_ns == youngest}
    assert changed
    assert _names(checkout.path) == _without(*changed)


def test_an_index_with_a_time_to_come_is_as_old_as_it_is(checkout: Checkout) -> None:
    os.utime(checkout.path / ".git" / "index", (2**32, 2**32))
    assert _names(checkout.path) == _without()
    checkout.write({"a": b"eno\n"})
    assert _names(checkout.path) == _without("a")


def test_an_empty_file_with_the_blob_of_another_is_not_proven(checkout: Checkout) -> None:
    # git writes the size 0 for an entry that it found to be racy and changed.
    index = checkout.path / ".git" / "index"
    entry = bytes.fromhex(object_name(b"")) + b"\0\5empty"
    changed = index.read_bytes().replace(entry, bytes.fromhex(object_name(b"one")) + b"\0\5empty")
    index.write_bytes(changed[:-20] + bytes(20))
    assert _names(checkout.path) == _without("empty")


def test_a_copied_checkout_proves_nothing_until_git_has_seen_it(checkout: Checkout, tmp_path: Path) -> None:
    shutil.copytree(checkout.path, tmp_path / "copy", symlinks=True)
    assert _names(tmp_path / "copy") == []


def test_a_split_index_is_joined(checkout: Checkout) -> None:
    checkout.git("update-index", "--split-index")
    assert _names(checkout.path) == _without()
    checkout.git("config", "splitIndex.maxPercentChange", "100")
    checkout.write({"a": b"other\n", "new": b"new\n", "b": b"new too\n"})
    (checkout.path / "src" / "b.py").unlink()
    checkout.settle()
    checkout.git("add", "-A")
    assert len(list((checkout.path / ".git").glob("sharedindex.*"))) == 1
    assert _names(checkout.path) == sorted({*_without("src/b.py"), "new", "b"})
    for shared in (checkout.path / ".git").glob("sharedindex.*"):
        shared.unlink()
    assert _names(checkout.path) == []


@pytest.mark.parametrize("kind", ["--cone", "--sparse-index"])
def test_a_sparse_checkout_proves_what_is_there(checkout: Checkout, kind: str) -> None:
    checkout.git("sparse-checkout", "set", "--cone", *({kind} - {"--cone"}), "src/deep")
    assert _names(checkout.path) == _without("z/é \n")
    checkout.write({"z/é \n": b"four\n"})
    assert _names(checkout.path) == _without("z/é \n")


def test_caches_in_the_index_are_ignored(checkout: Checkout) -> None:
    checkout.git("config", "core.untrackedCache", "true")
    checkout.git("status")
    assert b"UNTR" in (checkout.path / ".git" / "index").read_bytes()
    assert _names(checkout.path) == _without()


def test_a_worktree_has_its_own_index(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("worktree", "add", "-q", str(tmp_path / "other"))
    other = Checkout(tmp_path / "other")
    other.commit({"more": b"more\n"})
    assert "more" in proven_files(other.path)
    other.git("update-index", "--split-index")
    assert "more" in proven_files(other.path)


@pytest.mark.parametrize("directory", [".", "lib"])
@pytest.mark.parametrize("absorbed", [True, False])
def test_a_submodule_proves_its_own_files(
    checkout: Checkout, tmp_path: Path, directory: str, absorbed: bool
) -> None:
    outer = Checkout(tmp_path / "outer")
    outer.commit({"top": b"top\n", "lib/beside": b"beside\n"})
    if absorbed:
        outer.git("submodule", "--quiet", "add", str(checkout.path), "lib/inner")
    else:
        outer.git("clone", "-q", str(checkout.path), "lib/inner")
        outer.git("add", "lib/inner")
    Checkout(outer.path / "lib" / "inner").commit({"own": b"own\n"})
    prefix = "" if directory == "lib" else "lib/"
    assert {f"{prefix}inner/own", f"{prefix}beside"} <= proven_files(outer.path / directory).keys()
    (outer.path / "lib" / "inner" / "own").write_bytes(b"nwo\n")
    assert f"{prefix}inner/own" not in proven_files(outer.path / directory)


def test_a_submodule_that_is_not_there_proves_nothing(checkout: Checkout, tmp_path: Path) -> None:
    outer = Checkout(tmp_path / "outer")
    outer.commit({"top": b"top\n"})
    outer.git("submodule", "--quiet", "add", str(checkout.path), "inner")
    outer.git("commit", "-q", "-m", "b")
    outer.git("submodule", "--quiet", "deinit", "-f", "inner")
    (outer.path / "inner" / "own").write_bytes(b"own\n")
    assert _names(outer.path) == [".gitmodules", "top"]


def test_a_repository_that_nobody_tracks_proves_nothing(checkout: Checkout) -> None:
    Checkout(checkout.path / "nested").commit({"own": b"own\n"})
    assert _names(checkout.path) == _without()


def test_a_working_tree_elsewhere_is_another_one(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    checkout.git("config", "core.worktree", str(tmp_path / "elsewhere"))
    assert _names(checkout.path) == []
    checkout.git("config", "core.worktree", str(checkout.path))
    assert _names(checkout.path) == _without()


@pytest.mark.parametrize(
    "setting",
    [("core.repositoryFormatVersion", "2"), ("extensions.unheardOf", "true"), ("include.path", "/")],
)
def test_a_repository_of_an_unknown_kind_proves_nothing(checkout: Checkout, setting: tuple[str, str]) -> None:
    checkout.git("config", "core.repositoryFormatVersion", "1")
    assert _names(checkout.path) == _without()
    checkout.git("config", *setting)
    assert clean_files(os.fsencode(checkout.path), ENVIRONMENT) is None


def test_a_partial_clone_is_of_a_known_kind(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{checkout.path}"
    checkout.git("clone", "-q", "--filter=blob:none", "--sparse", url, str(tmp_path / "clone"))
    clone = Checkout(tmp_path / "clone")
    clone.settle()
    clone.git("sparse-checkout", "add", "src")
    clone.settle()
    clone.git("update-index", "--force-write-index")
    assert _names(clone.path) == _without("z/é \n")


@pytest.mark.parametrize("damage", ["missing", "empty", "pipe", "cut", "flipped", "directory", "version"])
def test_a_damaged_index_proves_nothing(checkout: Checkout, damage: str) -> None:
    index = checkout.path / ".git" / "index"
    data = bytearray(index.read_bytes())
    index.unlink()
    match damage:
        case "empty":
            index.touch()
        case "pipe":
            os.mkfifo(index)
        case "cut":
            index.write_bytes(data[:-30])
        case "flipped":
            data[60] ^= 1
            index.write_bytes(data)
        case "directory":
            index.mkdir()
        case "version":
            data[7] = 5
            index.write_bytes(data)
    assert clean_files(os.fsencode(checkout.path), ENVIRONMENT) is None


@pytest.mark.parametrize("pointer", [b"", b"gitdir: ", b"gitdir: nowhere", b"gitdir: .git", b"\xff\0\n"])
def test_a_git_file_that_leads_nowhere_proves_nothing(tmp_path: Path, pointer: bytes) -> None:
    (tmp_path / ".git").write_bytes(pointer)
    assert clean_files(os.fsencode(tmp_path), ENVIRONMENT) is None


class TestTimes:
    """File systems that can't be made here: a description is made up, and an entry made to match it."""

    @staticmethod
    def _clean(checkout: Checkout, entry: os.stat_result, written: int) -> bytes | None:
        index = checkout.path / ".git" / "index"
        data = index.read_bytes()
        at = data.index(b"\0\x01a\0", 12) - 60  # the flags: a name of one letter
        fields = (entry.st_ctime_ns, entry.st_mtime_ns)
        times = b"".join(part.to_bytes(4) for time in fields for part in divmod(time, 10**9))
        rest = entry.st_dev.to_bytes(4) + entry.st_ino.to_bytes(4)
        data = data[:at] + times + rest + data[at + 24 : -20] + bytes(20)
        index.write_bytes(data)
        os.utime(index, ns=(written, written))
        clean = clean_files(os.fsencode(checkout.path), ENVIRONMENT)
        assert isinstance(clean, CleanFiles)
        return clean.blob(b"a", entry)

    @staticmethod
    def _entry(checkout: Checkout, time: int, **changes: int) -> os.stat_result:
        real = (checkout.path / "a").stat()
        plain = list(real[:10])
        plain[1], plain[2] = changes.get("inode", real.st_ino), changes.get("device", real.st_dev)
        return os.stat_result(plain, {"st_mtime_ns": time, "st_ctime_ns": time})

    @pytest.mark.parametrize(
        ("time", "written", "proven"),
        [
            (1_500_000_000_000_000_001, 1_500_000_000_000_000_002, True),
            (1_500_000_000_000_000_001, 1_500_000_000_000_000_001, False),
            (1_500_000_000_000_000_001, 1_500_000_000_000_000_000, False),
            (1_500_000_000_000_000_000, 1_500_000_001_999_999_999, False),
            (1_500_000_000_000_000_000, 1_500_000_002_000_000_000, True),
        ],
    )
    def test_whole_seconds_are_compared_as_such(
        self, checkout: Checkout, time: int, written: int, proven: bool
    ) -> None:
        assert (self._clean(checkout, self._entry(checkout, time), written) is not None) == proven

    def test_a_time_that_was_set_back_does_not_hide_a_late_change(self, checkout: Checkout) -> None:
        late = 1_500_000_000_000_000_009
        real = (checkout.path / "a").stat()
        for changed, proven in ((late, False), (late - 1, True)):
            times = {"st_mtime_ns": late - 10**9, "st_ctime_ns": changed}
            entry = os.stat_result(real[:10], times)
            assert (self._clean(checkout, entry, written=late) is not None) == proven

    def test_an_index_is_not_younger_than_its_own_change(self, checkout: Checkout) -> None:
        entry = self._entry(checkout, 3_000_000_000_000_000_001)
        assert self._clean(checkout, entry, written=4_000_000_000_000_000_000) is None

    @pytest.mark.parametrize("place", [1, 2, 4, 5, 6, "st_mtime_ns", "st_ctime_ns"])
    def test_a_file_that_differs_in_one_thing_is_not_proven(
        self, checkout: Checkout, place: int | str
    ) -> None:
        entry = self._entry(checkout, 1_500_000_000_000_000_009)
        assert self._clean(checkout, entry, written=1_600_000_000_000_000_000) is not None
        clean = clean_files(os.fsencode(checkout.path), ENVIRONMENT)
        fields = list(entry[:10])
        times = {"st_mtime_ns": entry.st_mtime_ns, "st_ctime_ns": entry.st_ctime_ns}
        assert clean
        assert clean.blob(b"a", os.stat_result(fields, times)) is not None
        if isinstance(place, str):
            times[place] -= 1
        else:
            # Of a device the index has but 32 bits.
            fields[place] += 2**32 if place == 2 else 1
        assert clean.blob(b"a", os.stat_result(fields, times)) is None

    @pytest.mark.parametrize("changes", [{"inode": 0}, {"device": 1}])
    def test_a_file_without_an_inode_or_of_another_device_is_not_proven(
        self, checkout: Checkout, changes: dict[str, int]
    ) -> None:
        entry = self._entry(checkout, 1_500_000_000_000_000_001, **changes)
        assert self._clean(checkout, entry, 1_600_000_000_000_000_000) is None

    def test_a_time_or_size_beyond_32_bits_is_not_proven(self, checkout: Checkout) -> None:
        clean = clean_files(os.fsencode(checkout.path), ENVIRONMENT)
        assert clean
        for place, value in ((6, 2**32 + 4), (4, 2**40)):
            fields = list((checkout.path / "a").stat()[:10])
            fields[place] = value
            real = (checkout.path / "a").stat()
            times = {"st_mtime_ns": real.st_mtime_ns, "st_ctime_ns": real.st_ctime_ns}
            assert clean.blob(b"a", os.stat_result(fields, times)) is None
        times = {"st_mtime_ns": 2**62, "st_ctime_ns": -5}
        assert clean.blob(b"a", os.stat_result(fields, times)) is None
