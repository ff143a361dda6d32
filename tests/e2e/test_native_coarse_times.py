"""A file system that keeps whole seconds: an edit within the second of another leaves no other time."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest
from router.model.request import ContextTimes
from tests.e2e.builder import Builder, write_tree
from tests.e2e.mounts import mounted
from tests.servers import binaries


@pytest.mark.parametrize("times", ["file", "content"])
def test_a_build_between_two_edits_within_a_second(
    times: ContextTimes, builder: Builder, tmp_path: Path
) -> None:
    builder.config = replace(builder.config, key=str(tmp_path))
    # Inodes of 128 bytes have no room for nanoseconds.
    subprocess.run(
        [binaries.mkfs_ext4(), "-q", "-I", "128", tmp_path / "image", "4M"], check=True, capture_output=True
    )
    context = tmp_path / "context"
    context.mkdir()
    with mounted("-o", "loop", tmp_path / "image", context):
        write_tree(context, {"Dockerfile": "FROM scratch\nCOPY file /\n"})
        for number in range(4):
            content = b"%d" % number * 100_000
            (context / "file").write_bytes(content)
            assert builder.files(BuildRequest(context=str(context), context_times=times))["file"] == content
