"""`warmroute imagetools` with a registry that demands bearer tokens of a token server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.image_corpus import push_corpus
from tests.e2e.program import Program
from tests.servers.registry import Registry, start_registry
from tests.servers.token_server import TokenServer, start_token_server


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with start_token_server(tmp_path / "tokens") as server:
        yield server


@pytest.fixture
def guarded(tmp_path: Path, tokens: TokenServer) -> Iterator[Registry]:
    with start_registry(tmp_path / "registry", tokens=tokens) as server:
        yield server


def test_tokens_are_for_the_repositories_that_are_read_and_written(
    guarded: Registry, tokens: TokenServer, tmp_path: Path
) -> None:
    corpus = push_corpus(guarded, "team/app")
    login = base64.b64encode(f"{tokens.user}:{tokens.password}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {guarded.host: {"auth": login}}}))
    tokens.asked.clear()
    target = f"{guarded.host}/team/copy:1"

    done = Program(environment={"DOCKER_CONFIG": str(tmp_path)}).run(
        "imagetools", "create", "-t", target, corpus.name("attested")
    )

    assert done.code == 0, done.stderr
    assert guarded.digest("team/copy", "1") == guarded.digest("team/app", "attested")
    asked = {asked.scopes for asked in tokens.asked}
    read, written = "repository:team/app:pull", "repository:team/copy:pull,push"
    assert {(read,), (written,)} <= {(scopes[0],) for scopes in asked}
    # Blobs are mounted with a token for both, and no token is fetched twice.
    assert len(tokens.asked) == len(asked)
    assert {name for scopes in asked for each in scopes for name in each.split()} == {
        read,
        written,
        "repository:team/copy:pull",
    }


def test_without_a_login_the_refusal_is_told(guarded: Registry, tmp_path: Path) -> None:
    corpus = push_corpus(guarded, "team/app")

    done = Program(environment={"DOCKER_CONFIG": str(tmp_path)}).run(
        "imagetools", "inspect", corpus.name("amd64")
    )

    assert done.code == 1
    assert f"docker login {guarded.host}" in done.stderr
