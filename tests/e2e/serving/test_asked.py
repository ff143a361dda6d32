"""What buildx and buildctl really send: its key is the one that `warmroute build` has for the same words."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from router import BuildRequest, BuildRouter, Key, RouterConfig
from router.serving.asked import Asked, bridge_sessions, read_asked, session_key
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.checkouts import commit, git
from tests.e2e.processes import Installed
from tests.e2e.recorder import recording
from tests.e2e.serving.spoken import SpokenCall, calls_of
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd

_SOLVE = "/moby.buildkit.v1.Control/Solve"
_SESSION = "/moby.buildkit.v1.Control/Session"
_BRIDGE_SOLVE = "/moby.buildkit.v1.frontend.LLBBridge/Solve"
_BAKE = {
    "group": {"default": {"targets": ["base", "api", "web"]}},
    "target": {
        "base": {"target": "base", "tags": ["acme/base"], "output": ["type=image"]},
        "api": {"target": "api", "tags": ["acme/api:1", "acme/api:2"], "output": ["type=image"]},
        "web": {
            "dockerfile": "linked.Dockerfile",
            "contexts": {"under": "target:base"},
            "tags": ["acme/web"],
            "output": ["type=image"],
        },
    },
}
_FILES = {
    "services/api/Dockerfile": "FROM scratch AS base\nCOPY word /\nFROM base AS api\nCOPY word /word2\n",
    "services/api/word": "hello\n",
    "services/api/linked.Dockerfile": "FROM under\nCOPY word /word3\n",
    "services/api/docker-bake.json": json.dumps(_BAKE),
}


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What one command has said."""

    calls: Sequence[SpokenCall]

    @property
    def asked(self) -> list[Asked]:
        """The builds that it asks for, without the probe."""
        found = [
            read_asked(memoryview(message))
            for call in self.calls
            if call.method == _SOLVE
            for message in call.messages
        ]
        return [each for each in found if not each.probe]

    @property
    def sessions(self) -> dict[str, str]:
        """The shared keys of the sessions by their ids."""
        return {
            call.headers["x-docker-expose-session-uuid"][0]: call.headers[
                "x-docker-expose-session-sharedkey"
            ][0]
            for call in self.calls
            if call.method == _SESSION
        }


class Clients:
    """The real clients, on a daemon that is listened to."""

    def __init__(self, daemon: Buildkitd, home: Path, checkout: Path) -> None:
        assert daemon.port is not None
        self.checkout = checkout
        self.api = checkout / "services" / "api"
        self._port = daemon.port
        self._home = home

    def buildx(self, *words: str, cwd: Path | None = None, fails: bool = False) -> Spoken:
        with recording(self._port) as recorder:
            environment = {"PATH": SEARCH_PATH, "HOME": str(self._home)}
            for argv in (
                ["create", "--name", "recorded", "--node", "one", "--driver", "remote", recorder.address],
                ["--builder", "recorded", *words],
                ["rm", "recorded"],
            ):
                done = subprocess.run(
                    [binaries.buildx(), *argv],
                    env=environment,
                    cwd=cwd or self.api,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                assert fails or done.returncode == 0, done.stderr
        return Spoken(calls=[call for each in recorder.conversations for call in calls_of(bytes(each))])

    def buildctl(self, *words: str, fails: bool = False) -> Spoken:
        with recording(self._port) as recorder:
            local = ("--local", f"context={self.api}", "--local", f"dockerfile={self.api}")
            subprocess.run(
                [
                    binaries.buildctl(),
                    "--addr",
                    recorder.address,
                    "build",
                    "--frontend=dockerfile.v0",
                    *local,
                    *words,
                ],
                capture_output=True,
                timeout=60,
                check=not fails,
            )
        return Spoken(calls=[call for each in recorder.conversations for call in calls_of(bytes(each))])


@pytest.fixture(scope="module")
def clients(buildkitd: Buildkitd, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """In a checkout of a repository whose remote has a user and a password."""
    checkout = write_tree(tmp_path_factory.mktemp("checkout"), _FILES)
    commit(checkout)
    git(checkout, "remote", "add", "origin", "https://me:secret@github.com/acme/shop.git")
    return Clients(buildkitd, tmp_path_factory.mktemp("home"), checkout)


def key_of(context: Path | str, *tags: str) -> Key:
    """Return the key that `warmroute build` has."""
    router = BuildRouter(RouterConfig(addresses=addressed(("one", "tcp://127.0.0.1:1"))), environment={})
    return router.key(BuildRequest(context=str(context), tags=tags))


def test_the_name_of_an_image_is_the_key_of_a_build_by_buildx(clients: Clients) -> None:
    spoken = clients.buildx("build", "-t", "acme/api:1", "-t", "other", "--output", "type=image", ".")
    (asked,) = spoken.asked

    where = Installed(environment={"WARMROUTE_ADDR": "one=tcp://127.0.0.1:1"}).ok(
        "where", "-t", "acme/api:1", "-t", "other", "--format", "json"
    )
    assert (
        asked.key == key_of(clients.api, "acme/api:1", "other") == Key(key="docker.io/acme/api", rule="tag")
    )
    assert asked.key.key == where.json["key"]
    assert asked.session in spoken.sessions
    assert asked.other_sessions == ()


def test_buildx_begins_with_a_probe(clients: Clients) -> None:
    spoken = clients.buildx("build", ".")
    solves = [read_asked(memoryview(call.messages[0])) for call in spoken.calls if call.method == _SOLVE]

    assert [each.probe for each in solves] == [True, False]
    assert solves[0].session in spoken.sessions


@pytest.mark.parametrize(
    "words", [["."], ["-t", "unsent", "."], ["--target", "base", "--platform", "linux/amd64", "."]]
)
def test_without_an_output_it_is_the_repository(clients: Clients, words: list[str]) -> None:
    (asked,) = clients.buildx("build", *words).asked

    assert asked.key == key_of(clients.api) == Key(key="github.com/acme/shop:services/api", rule="git")


def test_at_the_top_of_the_repository_it_is_the_repository_alone(clients: Clients) -> None:
    (asked,) = clients.buildx(
        "build", "-f", "services/api/Dockerfile", ".", cwd=clients.checkout, fails=True
    ).asked

    assert asked.key == key_of(clients.checkout) == Key(key="github.com/acme/shop", rule="git")


def test_a_context_that_the_daemon_fetches_is_the_key(clients: Clients) -> None:
    url = "https://127.0.0.1:1/acme/shop.git#main:services/api"
    (asked,) = clients.buildctl("--opt", f"context={url}", fails=True).asked

    assert asked.key == key_of(url) == Key(key="127.0.0.1:1/acme/shop:services/api", rule="url")


def test_of_any_other_directory_the_session_says_its_name(clients: Clients, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "plain", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    spoken = clients.buildx("build", ".", cwd=folder)
    (asked,) = spoken.asked
    key = session_key(spoken.sessions[asked.session], "", "user 0")

    assert asked.key is None
    assert key.rule == "session"
    assert key.key.startswith("plain:")


def test_the_name_of_an_image_is_the_key_of_a_build_by_buildctl(clients: Clients) -> None:
    spoken = clients.buildctl("--output", "type=image,name=acme/api:1")
    (asked,) = spoken.asked

    assert asked.key == key_of(clients.api, "acme/api:1")
    assert spoken.sessions == {asked.session: ""}


def test_without_a_name_buildctl_says_nothing_of_its_context(clients: Clients) -> None:
    (asked,) = clients.buildctl("--opt", "platform=linux/amd64").asked

    assert (asked.key, asked.platforms) == (None, ("linux/amd64",))


def test_a_bake_has_a_key_for_each_target_and_shares_a_session(clients: Clients) -> None:
    spoken = clients.buildx("bake")
    by_key = {asked.key.key: asked for asked in spoken.asked if asked.key}
    (shared,) = {session for asked in by_key.values() for session in asked.other_sessions}

    assert sorted(by_key) == ["docker.io/acme/api", "docker.io/acme/base", "docker.io/acme/web"]
    # One that no build has as its own: the context's files are read by it.
    assert shared in spoken.sessions.keys() - {asked.session for asked in by_key.values()}


def test_the_inputs_of_a_linked_target_name_the_session_that_has_their_files(clients: Clients) -> None:
    spoken = clients.buildx("bake")
    shared = {session for asked in spoken.asked for session in asked.other_sessions}
    bridged = {
        each
        for call in spoken.calls
        if call.method == _BRIDGE_SOLVE
        for each in bridge_sessions(memoryview(call.messages[0]))
    }

    assert bridged == shared
