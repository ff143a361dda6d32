"""How often the parts of a build are looked up, however many daemons are tried. Nobody listens there."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import pytest

from router import BuildRequest, BuildRouter, NoDaemonError, Output, RouterConfig, Secret
from tests.addressed import addressed

ONCE = (
    "resolve_outputs",
    "SecretStore.__init__",
    "SecretStore._read",
    "find_git_location",
    "find_dockerfile",
    "_read_config",
)


def test_the_parts_of_a_build_are_looked_up_once_for_all_attempts(tmp_path: Path) -> None:
    git = "git init -q . && git remote add origin https://example.com/team/app.git"
    subprocess.run(["sh", "-c", git], cwd=tmp_path, check=True)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "token").write_text("t")
    request = BuildRequest(
        context=str(tmp_path),
        secrets=(Secret(id="a", path=str(tmp_path / "token")),),
        outputs=(Output(type="tar", dest=str(tmp_path / "out.tar")),),
    )
    addresses = addressed(*((f"b-{port}", f"tcp://127.0.0.1:{port}") for port in (1, 2, 3)))
    router = BuildRouter(RouterConfig(addresses=addresses), environment={"HOME": str(tmp_path / "home")})
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_qualname in ONCE:
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        with pytest.raises(NoDaemonError, match="none of the 3 daemons"):
            router.build(request)
    finally:
        sys.setprofile(None)

    assert calls == dict.fromkeys(ONCE, 1)
