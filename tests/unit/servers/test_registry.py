"""What a registry is told."""

from __future__ import annotations

import json
from pathlib import Path

from tests.servers.process import ManagedProcess
from tests.servers.registry import Registry, bcrypt


def test_a_password_is_hashed_with_bcrypt_and_a_salt() -> None:
    first, second = bcrypt("secret"), bcrypt("secret")

    assert first.startswith("$2b$05$")
    assert len(first) == 60
    assert first != second


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    with ManagedProcess(["sleep", "1000"], log=tmp_path / "log") as process:
        registry = Registry(process=process, address="127.0.0.1", port=5000, user="me", password="swordfish")

        assert "swordfish" not in repr(registry)


def test_credentials_are_written_as_docker_reads_them(tmp_path: Path) -> None:
    with ManagedProcess(["sleep", "1000"], log=tmp_path / "log") as process:
        registry = Registry(process=process, address="127.0.0.1", port=5000, user="me", password="pw")

        config = json.loads((registry.docker_config(tmp_path / "docker") / "config.json").read_text())

    assert config == {"auths": {"127.0.0.1:5000": {"auth": "bWU6cHc="}}}
