"""Images written without a container program."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from tests.servers.oci import CAP_SETUID, Entry, Image, write_layout, write_tar

IMAGE = Image(
    reference="docker.io/library/small:1",
    layers=(
        (
            Entry(path="bin"),
            Entry(path="bin/tool", content=b"#!", mode=0o755, uid=1000),
            Entry(path="bin/sh", link="tool"),
        ),
        (Entry(path="etc"),),
    ),
    config={"Cmd": ["tool"]},
)


def test_every_blob_is_named_by_its_digest(tmp_path: Path) -> None:
    write_layout(IMAGE, tmp_path)

    blobs = list((tmp_path / "blobs" / "sha256").iterdir())

    assert len(blobs) == 4
    assert all(hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name for blob in blobs)


def test_the_same_image_has_the_same_digest_wherever_it_is_written(tmp_path: Path) -> None:
    first, second = write_layout(IMAGE, tmp_path / "a"), write_layout(IMAGE, tmp_path / "b")

    assert first.digest == second.digest


def test_the_layer_holds_the_entries(tmp_path: Path) -> None:
    layout = write_layout(IMAGE, tmp_path)
    manifest = json.loads(layout.blob(layout.digest).read_text())

    with tarfile.open(layout.blob(manifest["layers"][0]["digest"])) as layer:
        tool, link = layer.getmember("bin/tool"), layer.getmember("bin/sh")

    assert (tool.size, tool.mode, tool.uid) == (2, 0o755, 1000)
    assert link.linkname == "tool"


def test_file_capabilities_are_written_byte_for_byte(tmp_path: Path) -> None:
    entry = Entry(path="newuidmap", content=b"", capabilities=CAP_SETUID)
    layout = write_layout(Image(reference="r", layers=((entry,),)), tmp_path)
    manifest = json.loads(layout.blob(layout.digest).read_text())
    record = b"SCHILY.xattr.security.capability=\x01\x00\x00\x02\x80" + bytes(15)

    assert record in layout.blob(manifest["layers"][0]["digest"]).read_bytes()


def test_one_tar_is_an_oci_layout_and_a_docker_archive(tmp_path: Path) -> None:
    write_tar(IMAGE, tmp_path / "image.tar")

    with tarfile.open(tmp_path / "image.tar") as archive:
        names = set(archive.getnames())
        file = archive.extractfile("manifest.json")
        assert file is not None
        (docker,) = json.load(file)

    assert {"oci-layout", "index.json"} <= names
    assert docker["RepoTags"] == ["small:1"]
    assert {docker["Config"], *docker["Layers"]} <= names
