"""Where results go on this machine: trees, archives, pipes, several at once, and nothing after a failure."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

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
    request = BuildRequest(
        context=str(context), target=target, outputs=outputs, allow=("buildx.local.delete",)
    )
    return builder.build(request)


def files_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_tree_is_merged_into_the_directory_that_is_there(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    out = write_tree(
        tmp_path / "out", {"a.txt": "older and longer\n", "kept": "kept\n", "dir/kept": "kept\n"}
    )

    export(builder, context, Output(type="local", dest=str(out)))

    assert files_below(out) == {"a.txt": "a\n", "dir/b.txt": "a\n", "kept": "kept\n", "dir/kept": "kept\n"}


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


@pytest.mark.parametrize("kind", ["oci", "docker"])
def test_an_image_becomes_a_directory(
    builder: Builder, context: Path, tmp_path: Path, kind: Literal["oci", "docker"]
) -> None:
    out = tmp_path / "layout"
    request = BuildRequest(
        context=str(context),
        target="good",
        tags=("example.test/app:1", "example.test/app:2"),
        outputs=(Output(type=kind, dest=str(out), attrs={"tar": "false"}),),
    )

    result = builder.build(request)

    index = json.loads((out / "index.json").read_text())
    digests = {manifest["digest"] for manifest in index["manifests"]}
    assert digests == {result.digest}
    assert [item["annotations"]["io.containerd.image.name"] for item in index["manifests"]] == list(
        request.tags
    )
    for blob in (out / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    # An image of one directory can be the context of the next build.
    (context / "Dockerfile").write_text("FROM base\nCOPY --from=base /a.txt /again\n")
    again = replace(request, target="", outputs=(), tags=(), build_contexts={"base": f"oci-layout://{out}:1"})
    assert builder.files(again)["again"] == b"a\n"


def test_a_second_image_joins_the_first_in_a_directory(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    out = tmp_path / "layout"
    for tag, content in (("one", "1"), ("two", "2"), ("one", "3")):
        (context / "a.txt").write_text(content)
        output = Output(type="oci", dest=str(out), attrs={"tar": "false", "name": f"example.test/app:{tag}"})
        last = export(builder, context, output)

    manifests = json.loads((out / "index.json").read_text())["manifests"]
    names = [item["annotations"]["org.opencontainers.image.ref.name"] for item in manifests]
    assert sorted(names) == ["one", "two"]
    assert manifests[names.index("one")]["digest"] == last.digest


def test_two_images_as_directories_are_refused_before_the_build(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    outputs = [
        Output(type="oci", dest=str(tmp_path / name), attrs={"tar": "false"}) for name in ("one", "two")
    ]

    with pytest.raises(UsageError, match="one image as a directory"):
        export(builder, context, *outputs)

    assert builder.statuses == []


def test_a_mirror_holds_the_result_and_nothing_else(builder: Builder, context: Path, tmp_path: Path) -> None:
    out = write_tree(tmp_path / "out", {"a.txt": "old", "gone": "x", "dir/gone": "x", "gone-too/deep/x": "x"})
    (out / "link").symlink_to(write_tree(tmp_path / "elsewhere", {"kept": "kept"}))

    export(builder, context, Output(type="local", dest=str(out), attrs={"mode": "delete"}))

    assert files_below(out) == {"a.txt": "a\n", "dir/b.txt": "a\n"}
    assert not (out / "gone-too").exists()
    assert files_below(tmp_path / "elsewhere") == {"kept": "kept"}


def test_a_mirror_outside_of_the_working_directory_has_to_be_allowed(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    out = write_tree(tmp_path / "out", {"kept": "kept"})
    output = Output(type="local", dest=str(out), attrs={"mode": "delete"})

    with pytest.raises(UsageError, match="mode=delete removes everything else"):
        builder.build(BuildRequest(context=str(context), target="good", outputs=(output,)))

    assert files_below(out) == {"kept": "kept"}


def test_a_failed_build_takes_nothing_from_a_mirror(builder: Builder, context: Path, tmp_path: Path) -> None:
    out = write_tree(tmp_path / "out", {"kept": "kept"})

    with pytest.raises(BuildError):
        export(
            builder, context, Output(type="local", dest=str(out), attrs={"mode": "delete"}), target="broken"
        )

    assert files_below(out) == {"kept": "kept"}


@pytest.mark.parametrize("mode", ["copy", "delete"])
@pytest.mark.parametrize("split", ["true", "false"])
def test_several_platforms_share_a_directory(
    builder: Builder, context: Path, tmp_path: Path, mode: str, split: str
) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nARG TARGETARCH\nCOPY a.txt /a-$TARGETARCH\n")
    out = write_tree(tmp_path / "out", {"old": "old"})
    output = Output(type="local", dest=str(out), attrs={"platform-split": split, "mode": mode})
    request = BuildRequest(
        context=str(context),
        platforms=("linux/amd64", "linux/arm64"),
        outputs=(output,),
        allow=("buildx.local.delete",),
    )

    if (split, mode) == ("false", "delete"):
        # BuildKit 0.32 sends one platform's files empty then, and its own clients write them so.
        with pytest.raises(OutputError, match='sent 0 bytes of "a-amd64", which has 2'):
            builder.build(request)
        assert (out / "old").exists()
        return
    builder.build(request)

    arm, amd = ("linux_arm64/", "linux_amd64/") if split == "true" else ("", "")
    kept = {"old": "old"} if mode == "copy" else {}
    assert files_below(out) == {f"{amd}a-amd64": "a\n", f"{arm}a-arm64": "a\n", **kept}


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


def test_the_missing_directory_of_an_archive_is_made(builder: Builder, context: Path, tmp_path: Path) -> None:
    dest = tmp_path / "out" / "deep" / "files.tar"

    export(builder, context, Output(type="tar", dest=str(dest)))

    assert tar_files(dest.read_bytes()) == {"a.txt": b"a\n", "dir/b.txt": b"a\n"}


def test_two_outputs_at_one_place_are_refused_before_the_build(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    dest = str(tmp_path / "out")

    with pytest.raises(UsageError, match="two outputs would be written to"):
        export(builder, context, Output(type="tar", dest=dest), Output(type="local", dest=dest))

    assert not os.path.lexists(dest)


def test_a_second_tree_goes_into_directories_that_are_closed_to_their_owner(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    write_tree(context, {"Dockerfile": "FROM scratch AS good\nCOPY --chmod=311 dir /dir\n", "dir/a": "a"})
    output = Output(type="local", dest=str(tmp_path / "out"))

    export(builder, context, output)
    export(builder, context, output)

    assert files_below(tmp_path / "out") == {"dir/a": "a"}


def test_an_archive_goes_to_stdout(builder: Builder, context: Path) -> None:
    script = (
        "import sys\n"
        "from router import BuildRequest, BuildRouter, Output, RouterConfig, parse_addresses\n"
        "address, context = sys.argv[1:]\n"
        "router = BuildRouter(RouterConfig(addresses=parse_addresses([address])))\n"
        "output = Output(type='tar', dest='-')\n"
        "router.build(BuildRequest(context=context, target='good', outputs=(output,)))\n"
    )
    address = str(builder.config.addresses[0][1])

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


@pytest.mark.parametrize("kind", ["tar", "local", "oci"])
def test_a_full_disk_is_told_as_such(
    builder: Builder, context: Path, tmp_path: Path, kind: Literal["tar", "local", "oci"]
) -> None:
    write_tree(context, {"a.txt": os.urandom(3_000_000)})
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True)
    attrs = {"tar": "false"} if kind == "oci" else {}
    try:
        with pytest.raises(OutputError, match=r"(?i)no space left on device") as caught:
            export(builder, context, Output(type=kind, dest=str(small / "result"), attrs=attrs))
        left = [path for path in small.rglob("*") if path.is_file()]
        # Blobs that fitted are whole, and no index names them.
        assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in left)
        assert kind == "oci" or not left
        assert ("is incomplete: it has 0 of the result's files" in str(caught.value)) == (kind == "local")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_keys_of_an_image_reach_the_exporter(builder: Builder, context: Path, tmp_path: Path) -> None:
    attrs = {
        "compression": "zstd",
        "compression-level": "9",
        "force-compression": "true",
        "oci-mediatypes": "true",
        "annotation.org.example.one": "a,b=c",
        "rewrite-timestamp": "true",
        "source-date-epoch": "1000000000",
        "name": "example.test/app:1,example.test/app:2",
    }
    out = tmp_path / "image.tar"

    export(builder, context, Output(type="oci", dest=str(out), attrs=attrs))

    image = OciArchive(out.read_bytes())
    (manifest,) = image.manifests().values()
    assert {layer["mediaType"] for layer in manifest["layers"]} == {
        "application/vnd.oci.image.layer.v1.tar+zstd"
    }
    assert manifest["annotations"]["org.example.one"] == "a,b=c"
    assert image.config()["created"] == "2001-09-09T01:46:40Z"
    names = [item["annotations"]["io.containerd.image.name"] for item in image.index["manifests"]]
    assert names == attrs["name"].split(",")


def test_a_tree_takes_the_times_that_it_is_told(builder: Builder, context: Path, tmp_path: Path) -> None:
    attrs = {"source-date-epoch": "1000000000"}

    export(builder, context, Output(type="local", dest=str(tmp_path / "out"), attrs=attrs))

    times = {path.stat().st_mtime for path in (tmp_path / "out").rglob("*")}
    assert times == {1_000_000_000}
