"""Where results go on this machine: trees, archives, pipes, several at once, and nothing after a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, BuildResult, Output, OutputError, UsageError
from tests.e2e.builder import Builder, OciArchive, tar_files, write_tree

DOCKERFILE = """\
FROM scratch AS good
ARG TARGETARCH
COPY a.txt /a.txt
COPY a.txt /dir/b.txt
FROM busybox AS broken
RUN echo before; exit 7
"""


@pytest.fixture
def context(tmp_path: Path, busybox: str) -> Path:
    files = {"Dockerfile": DOCKERFILE.replace("busybox", busybox), "a.txt": "a\n"}
    return write_tree(tmp_path / "context", files)


def export(builder: Builder, context: Path, *outputs: Output, target: str = "good") -> BuildResult:
    return builder.build(BuildRequest(context=str(context), target=target, outputs=outputs))


def test_a_tree_is_merged_into_the_directory_that_is_there(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    out = write_tree(
        tmp_path / "out", {"a.txt": "older and longer\n", "kept": "kept\n", "dir/kept": "kept\n"}
    )

    export(builder, context, Output(type="local", dest=str(out)))

    found = {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert found == {"a.txt": "a\n", "dir/b.txt": "a\n", "kept": "kept\n", "dir/kept": "kept\n"}


def test_several_platforms_become_several_directories(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    builder.build(
        BuildRequest(
            context=str(context),
            target="good",
            platforms=("linux/amd64", "linux/arm64"),
            outputs=(Output(type="local", dest=str(tmp_path / "out")),),
        )
    )

    assert {path.name for path in (tmp_path / "out").iterdir()} == {"linux_amd64", "linux_arm64"}
    assert (tmp_path / "out/linux_arm64/dir/b.txt").read_text() == "a\n"


def test_a_docker_archive_names_its_image(builder: Builder, context: Path, tmp_path: Path) -> None:
    request = BuildRequest(
        context=str(context),
        target="good",
        tags=("example.test/app:1",),
        outputs=(Output(type="docker", dest=str(tmp_path / "image.tar")),),
    )

    builder.build(request)

    assert b'"example.test/app:1"' in tar_files((tmp_path / "image.tar").read_bytes())["manifest.json"]


def test_an_oci_layout_as_a_directory_is_refused_before_the_build(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    output = Output(type="oci", dest=str(tmp_path / "out"), attrs={"tar": "false"})

    with pytest.raises(UsageError, match="as a directory"):
        export(builder, context, output)

    assert builder.statuses == []


def test_one_build_has_several_outputs(builder: Builder, context: Path, tmp_path: Path) -> None:
    result = export(
        builder,
        context,
        Output(type="local", dest=str(tmp_path / "tree")),
        Output(type="tar", dest=str(tmp_path / "files.tar")),
        Output(type="oci", dest=str(tmp_path / "image.tar")),
    )

    expected = {"a.txt": b"a\n", "dir/b.txt": b"a\n"}
    image = OciArchive((tmp_path / "image.tar").read_bytes())
    assert (tmp_path / "tree/dir/b.txt").read_bytes() == b"a\n"
    assert tar_files((tmp_path / "files.tar").read_bytes()) == expected
    assert image.files() == expected
    assert image.index["manifests"][0]["digest"] == result.digest


def test_an_archive_goes_to_stdout(builder: Builder, context: Path) -> None:
    script = (
        "import sys\n"
        "from router import BuildRequest, BuildRouter, Output, RouterConfig\n"
        "address, context = sys.argv[1:]\n"
        "router = BuildRouter(RouterConfig(addresses=(('one', address),)))\n"
        "output = Output(type='tar', dest='-')\n"
        "router.build(BuildRequest(context=context, target='good', outputs=(output,)))\n"
    )
    address = builder.config.addresses[0][1]

    done = subprocess.run(
        [sys.executable, "-c", script, address, str(context)], capture_output=True, timeout=60, check=True
    )

    assert tar_files(done.stdout) == {"a.txt": b"a\n", "dir/b.txt": b"a\n"}


def test_a_failing_build_leaves_nothing_half_written(builder: Builder, context: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "image.tar").write_text("from before")

    with pytest.raises(BuildError):
        export(
            builder,
            context,
            Output(type="tar", dest=str(out / "files.tar")),
            Output(type="oci", dest=str(out / "image.tar")),
            target="broken",
        )

    assert [path.name for path in out.iterdir()] == ["image.tar"]
    assert (out / "image.tar").read_text() == "from before"


def test_a_full_disk_is_told_as_such(builder: Builder, context: Path, tmp_path: Path) -> None:
    write_tree(context, {"a.txt": os.urandom(3_000_000)})
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True)
    try:
        with pytest.raises(OutputError, match=r"(?i)no space left on device"):
            export(builder, context, Output(type="tar", dest=str(small / "files.tar")))
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
