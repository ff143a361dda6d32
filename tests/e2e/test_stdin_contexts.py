"""An archive or a Dockerfile on stdin as the context, on a real buildkitd."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildError, BuildRequest
from router.providers.stdin_context import open_stdin_context
from tests.e2e.builder import SEARCH_PATH, Builder, tar_files, tar_of, write_tree
from tests.e2e.conftest import native
from tests.e2e.program import WARMROUTE
from tests.servers.buildkitd import Buildkitd

FILES: Mapping[str, str | bytes] = {
    "Dockerfile": "FROM scratch\nCOPY word /\n",
    "Other": "FROM scratch\nCOPY word /other\n",
    "word": "from the archive\n",
}


def zstd(data: bytes) -> bytes:
    """Return zstd's frame of raw blocks: no program or package for it is needed."""
    frame = b"\x28\xb5\x2f\xfd\x80" + b"\x58" + len(data).to_bytes(4, "little")
    blocks = [data[start : start + 100_000] for start in range(0, len(data), 100_000)]
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        frame += (len(block) << 3 | last).to_bytes(3, "little") + block
    return frame


def pax(files: Mapping[str, str | bytes]) -> bytes:
    """Return a tar whose first entry has a long extended header before it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.pax_headers = {"comment": "x" * 3000}
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


PACKINGS: Mapping[str, Callable[[Mapping[str, str | bytes]], bytes]] = {
    "plain": tar_of,
    "pax": pax,
    "gzip": lambda files: gzip.compress(tar_of(files)),
    "bzip2": lambda files: bz2.compress(tar_of(files)),
    "xz": lambda files: lzma.compress(tar_of(files)),
    "zstd": lambda files: zstd(tar_of(files)),
}


def piped(builder: Builder, data: bytes, **more: object) -> dict[str, bytes]:
    """Build from what is piped in, and return the files of the result."""
    request = replace(BuildRequest(context="-"), **more)  # type: ignore[arg-type]
    with open_stdin_context(request, io.BytesIO(data)) as ready:
        return builder.files(ready)


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_archive_from_stdin_is_the_context(builder: Builder, packing: str) -> None:
    assert piped(builder, PACKINGS[packing](FILES)) == {"word": b"from the archive\n"}


@pytest.mark.parametrize("packing", ["plain", "zstd"])
def test_the_dockerfile_is_named_within_the_archive(builder: Builder, packing: str) -> None:
    assert piped(builder, PACKINGS[packing](FILES), dockerfile="Other") == {"other": b"from the archive\n"}


def test_a_large_archive_arrives_as_it_is(builder: Builder) -> None:
    data = os.urandom(30_000_000)

    files = piped(builder, tar_of({"Dockerfile": "FROM scratch\nCOPY data /\n", "data": data}))

    assert files["data"] == data


def test_a_dockerfile_from_stdin_is_the_whole_context(builder: Builder, busybox: str) -> None:
    assert piped(
        builder, f"FROM {busybox} AS b\nRUN echo hi >/word\nFROM scratch\nCOPY --from=b /word /\n".encode()
    ) == {"word": b"hi\n"}


def test_an_archive_is_sent_again_to_a_second_daemon(
    buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path
) -> None:
    (tmp_path / "context").write_bytes(tar_of(FILES))
    request = BuildRequest(context="-", context_archive=str(tmp_path / "context"))
    for daemon in buildkitd_three[:2]:
        assert native(daemon, tmp_path).files(request) == {"word": b"from the archive\n"}


def test_a_question_about_a_dockerfile_in_an_archive_is_answered(builder: Builder) -> None:
    for packing in ("plain", "zstd"):
        with open_stdin_context(
            BuildRequest(context="-", call="outline"), io.BytesIO(PACKINGS[packing](FILES))
        ) as ready:
            assert "result.json" in builder.build(ready).metadata


def test_what_looks_like_an_archive_and_is_none_fails_the_build(builder: Builder) -> None:
    for data in (b"\x1f\x8b\x08 is no gzip", gzip.compress(b"FROM scratch\n"), zstd(tar_of(FILES))[:300]):
        with pytest.raises(BuildError):
            piped(builder, data)


# -- the command line


def run(options: list[str], stdin: bytes | int, scratch: Path) -> subprocess.CompletedProcess[bytes]:
    """Run `warmroute build` with something piped in, and a folder of its own for what it keeps."""
    scratch.mkdir(exist_ok=True)
    given: dict[str, object] = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    environment = {"PATH": SEARCH_PATH, "HOME": "/nonexistent", "TMPDIR": str(scratch)}
    done = subprocess.run(
        [WARMROUTE, "build", *options],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
        **given,  # type: ignore[call-overload]
    )
    assert list(scratch.iterdir()) == []
    assert b"Traceback" not in done.stderr
    return done  # type: ignore[no-any-return]


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_the_command_takes_an_archive_on_stdin(buildkitd: Buildkitd, tmp_path: Path, packing: str) -> None:
    options = ["--addr", buildkitd.address, "--key=k", "--file=Other", "--output=type=tar,dest=-", "-"]

    done = run(options, PACKINGS[packing](FILES), tmp_path / "scratch")

    assert done.returncode == 0, done.stderr
    assert tar_files(done.stdout) == {"other": b"from the archive\n"}


def test_the_command_takes_a_dockerfile_on_stdin(buildkitd: Buildkitd, tmp_path: Path) -> None:
    write_tree(tmp_path / "more", {"word": "more\n"})
    options = [
        "--addr",
        buildkitd.address,
        "--key=k",
        f"--build-context=more={tmp_path}/more",
        "--output=-",
        "-",
    ]

    done = run(options, b"FROM scratch\nCOPY --from=more word /\n", tmp_path / "scratch")

    assert done.returncode == 0, done.stderr
    assert tar_files(done.stdout) == {"word": b"more\n"}


@pytest.mark.parametrize(
    ("options", "data", "why"),
    [
        ([], b"", "but stdin is empty"),
        ([], b"\0" * 10240, "an archive without files"),
        ([], b"\x7fELF\x02\x01\0\0", "neither a Dockerfile nor a tar"),
        ([], b"# large\n" * (1 << 22), "too large for a Dockerfile"),
        (["--file=-"], b"FROM scratch\n", "can't both come from stdin"),
        (["--file=Other"], b"FROM scratch\n", "names another (Other)"),
    ],
)
def test_what_stdin_cannot_be_is_said(tmp_path: Path, options: list[str], data: bytes, why: str) -> None:
    done = run(["--addr=tcp://127.0.0.1:9", *options, "-"], data, tmp_path / "scratch")

    # Lines are wrapped at the terminal's width.
    assert (done.returncode, why in " ".join(done.stderr.decode().split())) == (2, True), done.stderr


def test_a_terminal_is_no_context(tmp_path: Path) -> None:
    controller, terminal = os.openpty()
    try:
        done = run(["--addr=tcp://127.0.0.1:9", "-"], terminal, tmp_path / "scratch")
    finally:
        os.close(controller)
        os.close(terminal)

    assert done.returncode == 2
    assert b"the context should come from stdin (-), but stdin is a terminal" in done.stderr


def test_a_disk_that_is_full_fails_with_what_to_do(tmp_path: Path) -> None:
    code = (
        "import os, resource, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(WARMROUTE), "build", "--addr=tcp://127.0.0.1:9", "-"],
        input=tar_of({"large": b"x" * 1_000_000}),
        env={"PATH": SEARCH_PATH, "HOME": "/nonexistent", "TMPDIR": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert b"can't keep the context from stdin" in done.stderr
    assert list(tmp_path.iterdir()) == []
