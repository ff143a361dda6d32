"""The generated stubs in router/_proto are those of proto/."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def test_the_stubs_are_fresh(tmp_path: Path) -> None:
    sources = sorted(str(path.relative_to(_ROOT)) for path in (_ROOT / "proto").glob("*.proto"))

    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "-Irouter/_proto=proto",
            f"--python_out={tmp_path}",
            f"--plugin=protoc-gen-mypy={Path(sys.executable).with_name('protoc-gen-mypy')}",
            f"--mypy_out=quiet:{tmp_path}",
            *sources,
        ],
        cwd=_ROOT,
        check=True,
    )

    fresh = {path.name: path.read_text() for path in (tmp_path / "router" / "_proto").iterdir()}
    checked_in = {path.name: path.read_text() for path in (_ROOT / "router" / "_proto").glob("*_pb2.py*")}
    assert fresh == checked_in, "run `make proto`"
