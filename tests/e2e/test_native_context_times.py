"""--context-times content: a fresh clone sends what changed, and gets nothing that isn't its own."""

from __future__ import annotations

import os
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest, UsageError
from router.model.request import Output
from tests.e2e.builder import Builder, write_tree
from tests.e2e.checkouts import clone, commit, git, normalise
from tests.e2e.program import Program
from tests.servers.buildkitd import Buildkitd

SIZE = 400_000
LITTLE = 40_000


@pytest.fixture
def builder(builder: Builder, tmp_path: Path) -> Builder:
    """A builder whose key no other test has."""
    builder.config = replace(builder.config, key=str(tmp_path))
    return builder


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with small files and a large one."""
    files: dict[str, str | bytes] = {
        "Dockerfile": "FROM scratch\nCOPY . /\n",
        ".dockerignore": ".git\n",
        "large": os.urandom(SIZE // 2),
    }
    files |= {f"sub/file-{number}": os.urandom(SIZE // 200) for number in range(100)}
    repository = write_tree(tmp_path / "origin", files)
    (repository / "link").symlink_to("sub")
    commit(repository)
    return repository


def another(origin: Path, tmp_path: Path, name: str, builder: Builder) -> Path:
    """Clone the repository on a machine that never built anything."""
    builder.environment["XDG_STATE_HOME"] = str(tmp_path / name / "state")
    path = clone(origin, tmp_path / name / "checkout")
    settle(path)
    return path


def settle(path: Path) -> None:
    """Wait until nothing in a checkout is so new that it could change within the same tick of the clock."""
    newest = max(entry.lstat().st_ctime_ns for entry in path.rglob("*"))
    time.sleep(max(0.0, newest / 1e9 + 2.1 - time.time()))


def request(context: Path) -> BuildRequest:
    return BuildRequest(context=str(context), context_times="content")


def sent(builder: Builder, context: Path) -> int:
    """Build, and return how many bytes of the context the daemon says that it received."""
    builder.events.clear()
    builder.build(request(context))
    transfers = [
        update.current
        for status in builder.statuses
        for update in status.statuses
        if update.id.startswith("transferring context")
    ]
    return transfers[-1]


def test_a_fresh_clone_on_a_fresh_machine_sends_descriptions_only(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    assert sent(builder, another(origin, tmp_path, "one", builder)) > SIZE

    assert sent(builder, another(origin, tmp_path, "two", builder)) < LITTLE


def test_a_fresh_clone_of_another_commit_sends_what_changed(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    sent(builder, another(origin, tmp_path, "one", builder))
    write_tree(origin, {"sub/file-7": os.urandom(50_000)})
    commit(origin)

    changed = another(origin, tmp_path, "two", builder)

    assert 50_000 < sent(builder, changed) < 50_000 + LITTLE
    files = builder.files(request(changed))
    assert files["sub/file-7"] == (origin / "sub/file-7").read_bytes()


def test_a_file_has_the_same_time_before_and_after_it_is_committed(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    tree = another(origin, tmp_path, "one", builder)
    write_tree(tree, {"sub/file-7": os.urandom(50_000)})
    settle(tree)
    assert sent(builder, tree) > SIZE
    commit(tree)

    assert sent(builder, another(tree, tmp_path, "two", builder)) < LITTLE


def test_an_unchanged_checkout_is_not_sent_again_with_files_that_git_does_not_know(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    tree = another(origin, tmp_path, "one", builder)
    write_tree(tree, {"artefact": os.urandom(SIZE)})
    settle(tree)
    assert sent(builder, tree) > 2 * SIZE

    assert sent(builder, tree) < LITTLE


@pytest.mark.parametrize("times", ["file", "content"])
def test_an_edit_of_the_same_size_under_normalised_times_is_never_mixed_up(
    times: str, builder: Builder, origin: Path, tmp_path: Path
) -> None:
    """What `touch -d @1700000000` in two clones did: the second build got the first one's file."""
    clones = [another(origin, tmp_path, name, builder) for name in ("one", "two")]
    for number, tree in enumerate(clones):
        write_tree(tree, {"sub/file-7": b"%d" % number * 2000, "large": b"%d" % number * (SIZE // 2)})
        normalise(tree)

    for tree in (*clones, *clones):
        wanted = replace(request(tree), context_times="file" if times == "file" else "content")
        files = builder.files(wanted)
        assert all(files[name] == (tree / name).read_bytes() for name in ("sub/file-7", "large"))


def test_the_times_in_the_image_are_the_same_for_every_clone_and_lie_in_the_past(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    found = []
    for name in ("one", "two"):
        tree = another(origin, tmp_path, name, builder)
        result = tmp_path / f"{name}.tar"
        builder.build(replace(request(tree), outputs=(Output(type="tar", dest=str(result)),)))
        with tarfile.open(result) as archive:
            found.append({member.name: member.mtime for member in archive if not member.isdir()})

    assert found[0] == found[1]
    assert all(315_619_200 < moment < 1_520_000_000 for moment in found[0].values())
    assert len(set(map(int, found[0].values()))) > 100


@pytest.mark.parametrize("size", [2_000, SIZE])
def test_a_file_that_the_index_errs_about_reaches_no_daemon(
    size: int, builder: Builder, origin: Path, tmp_path: Path
) -> None:
    """A filter of equal size, which was there when the file was added and isn't any more."""
    one = another(origin, tmp_path, "one", builder)
    git(one, "config", "filter.upper.clean", "tr a b")
    attributes = one / ".git/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("file filter=upper\n")
    write_tree(one, {"file": b"a" * size})
    settle(one)
    commit(one)
    attributes.unlink()
    git(one, "checkout", "--quiet", "--detach")

    with pytest.raises(UsageError, match=r"checkout/file.*but its content is not"):
        builder.build(request(one))
    other = another(one, tmp_path, "two", builder)
    assert builder.files(request(other))["file"] == b"b" * size
    (one / "file").touch()
    assert builder.files(request(one))["file"] == b"a" * size


def test_a_clone_without_an_attribute_of_a_file_does_not_get_the_other_ones(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    one, two = (another(origin, tmp_path, name, builder) for name in ("one", "two"))
    os.setxattr(one / "large", "user.test", b"one")

    found = []
    for tree in (one, two):
        out = tree.parent / "out"
        builder.build(replace(request(tree), outputs=(Output(type="local", dest=str(out)),)))
        found.append(os.listxattr(out / "large"))

    assert found == [["user.test"], []]


def test_a_branch_that_is_checked_out_is_what_is_built(
    builder: Builder, origin: Path, tmp_path: Path
) -> None:
    git(origin, "checkout", "--quiet", "-b", "other")
    write_tree(origin, {"sub/file-7": os.urandom(2000)})
    commit(origin)
    tree = another(origin, tmp_path, "one", builder)
    git(tree, "branch", "main", "origin/main")

    for branch in ("other", "main", "other"):
        git(tree, "checkout", "--quiet", branch)
        assert builder.files(request(tree))["sub/file-7"] == (tree / "sub/file-7").read_bytes()


def test_the_command_line_has_it_and_other_backends_refuse_it(
    buildkitd: Buildkitd, origin: Path, tmp_path: Path
) -> None:
    program = Program(environment={"WARMROUTE_CONTEXT_TIMES": "content", "WARMROUTE_ADDR": buildkitd.address})
    result = tmp_path / "result.tar"

    program.ok("build", "--key", str(tmp_path), "-o", f"type=tar,dest={result}", origin)

    with tarfile.open(result) as archive:
        assert archive.getmember("sub/file-7").mtime < 1_520_000_000
    for backend in ("buildctl", "docker"):
        refused = program.run("build", "--backend", backend, origin)
        assert refused.code == 2
        assert "use --backend native" in refused.stderr
