"""Awkward trees and ignore files: what arrives on a daemon, and comes back, is what buildctl makes of them.

Each tree is built twice on one daemon without its cache, once by each client, and exported as a directory
and as a tar. Where buildctl fails, warmroute does too.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from router import BuildRequest, Output, RouterError, UsageError
from tests.e2e.builder import Builder, write_tree
from tests.servers import binaries

EVERYTHING = "FROM scratch\nCOPY . /\n"

Exported = dict[bytes, tuple[object, ...]]
Results = tuple[Exported, Exported]


def export_both(builder: Builder, context: Path, out: Path) -> tuple[Results | str, Results | str]:
    """Build with each client; return what it exported, or what it said when it failed."""
    with suppress(OSError):  # a path that is too long
        _age(os.fsencode(context))
    ours, theirs = out / "warmroute", out / "buildctl"
    for folder in (ours, theirs):
        folder.mkdir(parents=True)
    return _ours(builder, context, ours), _theirs(builder, context, theirs)


def _age(context: bytes) -> None:
    """Give entries that were made now times of their own, in the past."""
    for number, (folder, directories, files) in enumerate(os.walk(context, topdown=False)):
        for position, name in enumerate(sorted(directories + files)):
            path = os.path.join(folder, name)
            if _unless_now(os.lstat(path).st_mtime_ns) is None:
                then = 1_600_000_000_000_000_000 + number * 10**12 + position * 1_000_003
                os.utime(path, ns=(then, then), follow_symlinks=False)


def _ours(builder: Builder, context: Path, out: Path) -> Results | str:
    outputs = (Output(type="local", dest=str(out / "tree")), Output(type="tar", dest=str(out / "tar")))
    try:
        builder.build(BuildRequest(context=str(context), no_cache=True, outputs=outputs))
    except RouterError as exc:
        return str(exc)
    return on_disk(out / "tree"), in_tar(out / "tar")


def _theirs(builder: Builder, context: Path, out: Path) -> Results | str:
    buildctl: list[str | Path] = [binaries.buildctl(), "--addr", str(builder.config.addresses[0][1])]
    # The daemon has one copy for all directories that buildctl sends, and a folder in it has the time of when
    # something was last put there.
    subprocess.run([*buildctl, "prune", "--all", "--filter=type==source.local"], check=True, timeout=60)
    line: list[str | Path] = [
        *(*buildctl, "build", "--no-cache"),
        *("--frontend", "dockerfile.v0", f"--local=context={context}", f"--local=dockerfile={context}"),
        *(f"--output=type=local,dest={out}/tree", f"--output=type=tar,dest={out}/tar"),
    ]
    done = subprocess.run(line, capture_output=True, timeout=120, check=False)
    if done.returncode:
        return done.stderr.decode(errors="replace")
    return on_disk(out / "tree"), in_tar(out / "tar")


def on_disk(root: Path) -> Exported:
    """Return all that can be seen of a tree's entries, by their names."""
    found: Exported = {}
    first_names: dict[tuple[int, int], bytes] = {}
    base = os.fsencode(root)
    for folder, directories, files in os.walk(base):
        for name in sorted(directories + files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            relative = path[len(base) + 1 :]
            kind = stat.S_IFMT(status.st_mode)
            first = first_names.setdefault((status.st_dev, status.st_ino), relative)
            content: object = None
            if stat.S_ISREG(kind):
                with open(path, "rb") as file:
                    content = (status.st_size, hashlib.file_digest(file, "sha256").hexdigest())
            elif stat.S_ISLNK(kind):
                content = os.readlink(path)
            names = os.listxattr(path, follow_symlinks=False)
            found[relative] = (
                oct(status.st_mode),
                _unless_now(status.st_mtime_ns),
                (status.st_uid, status.st_gid),
                status.st_rdev,
                first,
                content,
                {name: os.getxattr(path, name, follow_symlinks=False) for name in names},
            )
    return found


def _unless_now(time_ns: int) -> int | None:
    """Return a time, None for the moment's: directories that the daemon makes on the way get that one."""
    return time_ns if abs(time_ns - time.time_ns()) > 1800 * 10**9 else None


def in_tar(path: Path) -> Exported:
    """Return all that a tar says of its entries, by their names."""
    found: Exported = {}
    with tarfile.open(path, errors="surrogateescape") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            found[os.fsencode(member.name)] = (
                member.type,
                oct(member.mode),
                member.size,
                _unless_now(int(member.mtime * 10**9)),
                (member.uid, member.gid, member.uname, member.gname),
                member.linkname,
                (member.devmajor, member.devminor),
                {name: value for name, value in member.pax_headers.items() if name not in ("path", "mtime")},
                hashlib.sha256(content.read()).hexdigest() if content is not None else None,
            )
    return found


def check(builder: Builder, context: Path, tmp_path: Path) -> Exported:
    """Build with both; return the directory that both have made."""
    ours, theirs = export_both(builder, context, tmp_path / "out")
    assert not isinstance(theirs, str), theirs
    assert not isinstance(ours, str), ours
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    return ours[0]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": EVERYTHING})


# -- kinds of entries


def links(root: Path) -> None:
    """Make symbolic links of every sort."""
    write_tree(root, {"dir/file": "file", "dir/deep/file": "deep"})
    for name, target in (
        ("dangling", "nowhere"),
        ("absolute", "/etc/hostname"),
        ("self", "self"),
        ("loop-1", "loop-2"),
        ("loop-2", "loop-1"),
        ("to-dir", "dir"),
        ("to-root", "."),
        ("out", "../../.."),
        ("chain-1", "chain-2"),
        ("chain-2", "to-dir/file"),
        ("dir/up", "../dir/deep"),
        ("odd", "a\nb\\c d"),
        ("long", "x/" * 1500),
        ("with-slash", "dir/"),
    ):
        (root / name).symlink_to(target)
    os.symlink(b"\xff\xfe", os.fsencode(root / "raw"))
    os.utime(root / "dangling", ns=(5, 5), follow_symlinks=False)


def hard_links(root: Path) -> None:
    """Link files across directories, from both sides of the order, and what is no file."""
    write_tree(root, {"m/first": "shared", "alone": "alone", "ignored/z": "kept by its second name"})
    for source, name in (
        ("m/first", "a"),
        ("m/first", "z/deep/third"),
        ("m/first", "m/fourth"),
        ("ignored/z", "y"),
        ("ignored/z", "yy"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(root / source, root / name)
    (root / "link").symlink_to("m/first")
    os.link(root / "link", root / "link-again", follow_symlinks=False)
    os.mkfifo(root / "pipe")
    os.link(root / "pipe", root / "pipe-again")
    (root / ".dockerignore").write_text("ignored\n")


def attributes(root: Path) -> None:
    """Give extended attributes to files and directories."""
    write_tree(root, {"file": "x", "dir/file": "y", "plain": "z"})
    os.setxattr(root / "file", "user.text", b"text")
    os.setxattr(root / "file", "user.bytes", bytes(range(256)))
    os.setxattr(root / "file", "user.empty", b"")
    os.setxattr(root / "file", "trusted.seen", b"by root")
    os.setxattr(root / "dir", "user.on-directory", b"1")
    os.setxattr(root / "dir/file", "user.long", b"x" * 3000)


def special(root: Path) -> None:
    """Make pipes, devices, sockets."""
    os.mkfifo(root / "pipe", 0o640)
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "large-numbers", stat.S_IFBLK | 0o600, os.makedev(259, 300))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))


def nothing(root: Path) -> None:
    """Make what is empty."""
    write_tree(root, {"empty": "", "dir/empty": ""})
    (root / "dir/none/at/all").mkdir(parents=True)


def names(root: Path) -> None:
    """Use every byte that a name may have, and names whose order is easily got wrong."""
    odd = [b"\xff", b"\xc3\x28", b"caf\xc3\xa9", b"cafe\xcc\x81", b"new\nline", b"tab\t", b" lead", b"trail "]
    odd += [
        b"-dash",
        b"back\\slash",
        b"quote'\"",
        b"*",
        b"?",
        b"[a]",
        b"!not",
        b"#hash",
        b"..dots",
        b"x" * 255,
    ]
    odd += [b"\x01", b"\x7f", b"CASE", b"case", b"$HOME", b"%41", b"a+b", b"a", b"a.b", b"a-b", b"a b", b"a0"]
    for name in odd:
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(name)
    for name in (b"s", b"s.d", b"s-d", b"\xc3\xa9"):
        folder = os.fsencode(root) + b"/" + name + b"+"
        os.mkdir(folder)
        Path(os.fsdecode(folder + b"/in")).write_bytes(name)


def deep(root: Path) -> None:
    """Make a path that is almost as long as one may be on the daemon, too."""
    folder = root
    while len(str(folder.relative_to(root))) < 3000:
        folder /= "d" * 60
    folder.mkdir(parents=True)
    (folder / "file").write_text("deep")


def many(root: Path) -> None:
    """Make many files in one directory, and directories between them."""
    write_tree(root, {f"many/{number}": f"{number}\n" for number in range(3000)})
    write_tree(root, {f"many/{number}.d/x": "" for number in range(0, 3000, 100)})


def modes(root: Path) -> None:
    """Use every permission and special bit."""
    for mode in (0, 0o111, 0o222, 0o444, 0o755, 0o777, 0o4755, 0o2755, 0o1755, 0o7777, 0o4000, 0o6711):
        (root / f"file-{mode:o}").write_text("x")
        (root / f"file-{mode:o}").chmod(mode)
        (root / f"dir-{mode:o}").mkdir()
        (root / f"dir-{mode:o}/in").write_text("y")
        (root / f"dir-{mode:o}").chmod(mode)


def times(root: Path) -> None:
    """Use times from before 1970 to far from now, on files, directories and links."""
    second = 10**9
    for number, when in enumerate(
        [
            0,
            1,
            -1,
            -5 * second,
            -second // 2,
            1_700_000_000_123_456_789,
            2**31 * second,
            8_800_000_000 * second,
        ]
    ):
        (root / f"file-{number}").write_text("x")
        (root / f"dir-{number}").mkdir()
        (root / f"link-{number}").symlink_to("x")
        for kind in ("file", "dir", "link"):
            os.utime(root / f"{kind}-{number}", ns=(when, when), follow_symlinks=False)


def owners(root: Path) -> None:
    """Give files to others."""
    write_tree(root, {"theirs": "x", "dir/theirs": "y"})
    for name in ("theirs", "dir", "dir/theirs"):
        os.chown(root / name, 12345, 54321)
    (root / "link").symlink_to("theirs")
    os.lchown(root / "link", 12345, 54321)


def sparse(root: Path) -> None:
    """Make files with holes at their start, middle and end."""
    for name, marks in (("start", [9_000_000]), ("middle", [0, 9_000_000]), ("end", [0]), ("hole", [])):
        with (root / name).open("wb") as file:
            file.truncate(10_000_000)
            for mark in marks:
                file.seek(mark)
                file.write(b"mark")


@pytest.mark.parametrize(
    "make",
    [
        *(links, hard_links, attributes, special, nothing, names, deep),
        *(many, modes, times, owners, sparse),
    ],
    ids=lambda make: make.__name__,
)
def test_every_kind_of_entry_arrives_as_with_buildctl(
    builder: Builder, context: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(context)

    assert len(check(builder, context, tmp_path)) > 3


def test_a_directory_whose_name_is_no_utf8_arrives_where_buildctl_fails(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    os.mkdir(os.fsencode(context) + b"/\xff\xfe")
    Path(os.fsdecode(os.fsencode(context) + b"/\xff\xfe/\xfd")).write_text("x")

    ours, theirs = export_both(builder, context, tmp_path / "out")

    # It sends such a directory, and can't write it: Go's io/fs knows no such names.
    assert isinstance(theirs, str)
    assert "readdir" in theirs
    assert not isinstance(ours, str), ours
    assert {b"\xff\xfe", b"\xff\xfe/\xfd"} < set(ours[0])


# -- ignore files

TREE = (
    *("a", "b.txt", "B.TXT", "c.log", "dir/a", "dir/b.txt", "dir/c.log", "dir/sub/a", "dir/sub/b.txt"),
    *(
        "dir/sub/.dockerignore",
        "other/dir/a",
        "other/dir/x y",
        "node_modules/p/index.js",
        "src/node_modules/q",
    ),
    *("a b", "trail ", "[x]", "x", "back\\slash", "#hash", "!bang", "ä.txt", "dir.txt/in", "dirx/in", "*"),
    *(
        "vendor/keep/deep/file",
        "vendor/drop/deep/file",
        ".hidden/in",
        ".env",
        "Dir/a",
        "z/",
        "deep/1/2/3/4/f",
    ),
)

IGNORES = [
    "",
    "# only a comment\n\n   \n",
    "dir\n",
    "dir/\n",
    "/dir\n",
    "./dir/../dir/sub\n",
    "Dir\n",
    "*.txt\n",
    "**/*.txt\n",
    "*/*.log\n!dir/c.log\n",
    "**\n!dir/sub\n",
    "*\n!dir/sub/a\n!vendor/**/file\n",
    "*\n!dir\ndir/sub\n!dir/sub/b.txt\n",
    "vendor\n!vendor/keep\n",
    "vendor/**\n!vendor/keep/deep/file\n",
    "**/node_modules\n",
    "**/node_modules/**\n!**/q\n",
    "deep/**/3\n!deep/1/2/3/4\n",
    "a b\n  trail  \n",
    "\\[x]\n\\#hash\n\\!bang\n",
    "#hash\n!bang\n",
    "[a-c]*\n",
    "[^a]\n",
    "?\n",
    "\\*\n",
    "back\\\\slash\n",
    "ä.txt\n",
    "dir*\n!dir.txt\n",
    "**/dir\n!**/dir/a\n",
    "dir/**/*\n",
    "**/**/a\n",
    ".*\n",
    "!a\na\n!a\n",
    "other/*/x y\n",
    "a\r\ndir\r\n",
    "\ufeffdir\n",
    "z\n!z/..\n",
    "../context/dir\n",
    "/\n",
    ".\n",
    "dir/sub/../sub\n",
    "**/sub/**/b.txt\n",
    "a|b.txt\n{a,b.txt}\n",
    "d?r/[!x]\n",
    "dir/sub\\\n",
    "[\n",
    "a[b\n",
    "!\n",
]


@pytest.mark.parametrize("ignore", IGNORES, ids=ascii)
def test_an_ignore_file_means_what_it_means_to_buildctl(
    builder: Builder, context: Path, tmp_path: Path, ignore: str
) -> None:
    for name in TREE:
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_text(name)
    (context / ".dockerignore").write_text(ignore)
    (context / "dir/sub/.dockerignore").write_text("*\n")

    ours, theirs = export_both(builder, context, tmp_path / "out")

    if isinstance(theirs, str) or isinstance(ours, str):
        assert (type(ours), type(theirs)) == (str, str), (ours, theirs)
    else:
        assert set(ours[0]) == set(theirs[0])
        assert ours == theirs


@pytest.mark.parametrize(
    "copy",
    [
        *("dir/file", "to-dir/file", "chain-1", "dir/up/file", "to-*/file", "chain-?", "to-root/dir"),
        *("absolute", "self", "loop-1", "dangling", "out", "d*/d*/f*", "[t]o-dir", "with-slash", "nowhere*"),
    ],
)
def test_links_on_the_way_to_what_is_copied_are_followed_as_with_buildctl(
    builder: Builder, context: Path, tmp_path: Path, copy: str
) -> None:
    links(context)
    (context / "Dockerfile").write_text(f"FROM scratch\nCOPY {copy} /\n")

    ours, theirs = export_both(builder, context, tmp_path / "out")

    if isinstance(theirs, str):
        assert isinstance(ours, str)
        assert "failed to calculate checksum" in ours
    else:
        assert ours == theirs


def test_a_link_that_is_used_twice_on_the_way_is_followed_twice(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    links(context)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY to-root/to-root/dir/file /\n")

    ours, theirs = export_both(builder, context, tmp_path / "out")

    # buildctl notes that it has been at the link and forgets what comes behind it.
    assert isinstance(theirs, str)
    assert not isinstance(ours, str), ours
    assert set(ours[0]) == {b"file"}


def test_a_file_of_more_than_4_gib_arrives_whole(builder: Builder, context: Path) -> None:
    size = (4 << 30) + 10_000
    with (context / "huge").open("wb") as file:
        file.truncate(size)
        for mark in (0, (4 << 30) - 2, size - 4):
            file.seek(mark)
            file.write(b"mark")
    write_tree(context, {"busybox": binaries.busybox().read_bytes()})
    (context / "busybox").chmod(0o755)
    script = (
        "busybox stat -c %s /c/huge >/said; busybox tail -c 4 /c/huge >>/said; "
        "busybox dd if=/c/huge bs=4096 skip=1048575 count=2 | busybox tr -dc mark >>/said"
    )
    (context / "Dockerfile").write_text(
        "FROM scratch AS work\nCOPY busybox /bin/busybox\n"
        f"RUN --mount=type=bind,target=/c {json.dumps(['/bin/busybox', 'sh', '-c', script])}\n"
        "FROM scratch\nCOPY --from=work /said /\n"
    )

    assert builder.files(BuildRequest(context=str(context)))["said"] == f"{size}\nmarkmark".encode()


# -- trees that no client can send


def test_a_file_that_can_not_be_read_fails_the_build_and_is_named_everywhere(
    builder: Builder, context: Path
) -> None:
    failing = context / "dir/failing"
    write_tree(context, {"dir/failing": ""})
    # Nobody can read a process's memory at address 0, not even root.
    subprocess.run(["mount", "--bind", f"/proc/{os.getpid()}/mem", failing], check=True)
    try:
        # Not buildctl, which would wait for ever.
        with pytest.raises(UsageError, match=f'can\'t send "{failing}": input/output error'):
            builder.build(BuildRequest(context=str(context)))
    finally:
        subprocess.run(["umount", failing], check=True)

    # The daemon was told, too: its history and other clients of the build show the cause.
    errors = [vertex.error for vertex in builder.vertexes.values() if vertex.error]
    assert any(str(failing) in error for error in errors), errors


@pytest.mark.parametrize("mode", ["copy", "delete"])
def test_what_lies_in_the_destination_is_treated_as_buildctl_treats_it(
    builder: Builder, context: Path, tmp_path: Path, mode: str
) -> None:
    write_tree(context, {"dir/in": "1", "file": "2", "kept/in": "3", "was-dir": "4", "z/z": "5"})
    (context / "was-file").symlink_to("file")
    _age(os.fsencode(context))
    results = []
    for name in ("warmroute", "buildctl"):
        victim = write_tree(tmp_path / name / "victim", {"in": "untouched", "file": "untouched"})
        out = write_tree(
            tmp_path / name / "out", {"kept/else": "x", "was-dir/x": "x", "was-file": "x", "else/x": "x"}
        )
        (out / "dir").symlink_to(victim)
        (out / "file").symlink_to(victim / "file")
        (out / "z").symlink_to("kept")
        (out / "stays").symlink_to(victim)
        if name == "warmroute":
            output = Output(type="local", dest=str(out), attrs={"mode": mode})
            builder.build(
                BuildRequest(context=str(context), outputs=(output,), allow=("buildx.local.delete",))
            )
        else:
            line: list[str | Path] = [
                *(binaries.buildctl(), "--addr", str(builder.config.addresses[0][1]), "build"),
                *("--frontend", "dockerfile.v0", f"--local=context={context}"),
                *(f"--local=dockerfile={context}", f"--output=type=local,dest={out},mode={mode}"),
            ]
            subprocess.run(line, check=True, capture_output=True, timeout=60)
        assert {path.read_text() for path in victim.iterdir()} == {"untouched"}
        found = on_disk(out)
        # The time of a directory that was there is the build's with buildctl, the result's here.
        results.append({entry: values[:1] + values[2:] for entry, values in found.items()})
        stays = found.pop(b"stays", (None,) * 6)[5]
        assert stays == (os.fsencode(victim) if mode == "copy" else None)
        results[-1].pop(b"stays", None)

    assert results[0] == results[1]


def test_a_path_that_is_too_long_for_the_daemon_fails_both(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    descriptor = os.open(context, os.O_RDONLY)
    try:
        for _ in range(20):
            os.mkdir("d" * 250, dir_fd=descriptor)
            inner = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        ours, theirs = export_both(builder, context, tmp_path / "out")
    finally:
        os.close(descriptor)
        with suppress(OSError):
            subprocess.run(["rm", "-rf", context], check=True)

    assert isinstance(theirs, str)
    assert isinstance(ours, str)
    assert "name too long" in ours
    assert str(context) in ours
