"""What each verb prints for programs on real daemons, one of them dead, held against the documented shapes.

What needs a cluster is in `tests.e2e.test_fleet_session`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.schemas import validated
from tests.servers.buildkitd import Buildkitd
from tests.servers.ports import free_port

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def key() -> str:
    return f"json-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def ask(buildkitd: Buildkitd, key: str, busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Return what runs a verb, and returns what it prints; two builds are there: one failed."""
    program = Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})
    context = tmp_path_factory.mktemp("context")
    for command, code in (("true", 0), ("false", 1)):
        write_tree(context, {"Dockerfile": f"FROM {busybox}\nRUN --mount=type=cache,target=/c {command}\n"})
        assert program.run("build", "--key", key, context).code == code

    def run(verb: str, *words: str, code: int = 0) -> Any:
        done = program.run(*verb.split(), *words, "--format=json")
        assert done.code == code, done.stderr
        return validated(verb, done.json)

    return run


@pytest.mark.parametrize(
    "verb",
    [
        *("ls", "workers", "debug workers", "debug info", "where", "doctor", "config show", "du", "du -v"),
        *("prune --dry-run", "prune --dry-run -v", "ps", "history ls", "stats", "stats --by=key"),
        *("stats --by=daemon", "stats --by=image", "simulate --daemons=3 --keys=50 --builds=100"),
    ],
)
def test_a_verb_prints_what_is_documented(ask: Ask, verb: str) -> None:
    words = verb.split()
    options = [word for word in words if word.startswith("-")]
    ask(" ".join(word for word in words if word not in options), *options)


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        *((verb, 69) for verb in ("ls", "workers", "debug info", "du", "prune", "ps", "history ls", "stats")),
        ("doctor", 1),
    ],
)
def test_a_daemon_that_does_not_answer_changes_nothing_in_the_shape(
    ask: Ask, buildkitd: Buildkitd, verb: str, code: int
) -> None:
    addresses = f"one={buildkitd.address},gone=tcp://127.0.0.1:{free_port()}"

    ask(verb, f"--addr={addresses}", *(["--dry-run"] if verb == "prune" else []), code=code)


def test_one_build_prints_what_is_documented(ask: Ask, key: str) -> None:
    failed, completed = ask("history ls", "--key", key)

    inspected = ask("history inspect", failed["ref"])
    assert (inspected["status"], inspected["error"]["log"]) == ("error", [])
    assert ask("history inspect", completed["ref"])["options"]
    assert ask("history trace", completed["ref"])["resourceSpans"]
    assert [each["pinned"] for each in ask("history pin", completed["ref"])] == [True]
    assert [each["unpinned"] for each in ask("history unpin", completed["ref"])] == [True]
    assert [each["removed"] for each in ask("history rm", failed["ref"], completed["ref"])] == [True, True]


def test_several_images_have_an_array_of_orders(buildkitd: Buildkitd) -> None:
    program = Installed(environment={"WARMROUTE_ADDR": f"one={buildkitd.address}"})

    for route in program.ok("where", "a", "b", "--format=json").json:
        validated("where", route)


def test_what_is_not_documented_is_noticed() -> None:
    listed = Installed().ok("config", "show", "--format=json").json

    with pytest.raises(AssertionError, match="warmroute config show"):
        validated("config show", {**listed, "more": 1})
    with pytest.raises(AssertionError, match="warmroute config show"):
        validated("config show", {name: listed[name] for name in ("files", "fleets")})
