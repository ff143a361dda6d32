"""Targets that have a directory in common: each daemon reads it once, and what can't be read is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from router import (
    BakeKeys,
    BakeListener,
    BakeOrder,
    BakePlace,
    BuildRouter,
    Cancellation,
    DialError,
    Event,
    RouterConfig,
    TargetOutcome,
    UsageError,
    bake_builds,
    build_targets,
)
from router.backends import sharing
from router.fstransfer.sender import Sender
from router.session import filesync
from tests.addressed import addressed
from tests.e2e.builder import write_tree
from tests.servers.buildkitd import Buildkitd
from tests.unit.bake.definitions import planned

_TARGETS = """
target "all" {
  matrix = { n = ["a", "b", "c", "d", "e", "f"] }
  name = n
  context = "app"
  args = { N = n }
  output = ["out/${n}"]
  target = "last"
}
"""
_DOCKERFILE = "FROM scratch AS last\nARG N\nLABEL n=$N\nCOPY . /all/\n"


class _Nobody:
    def queued(self, targets: Sequence[str], at_once: int) -> None:
        """Nobody waits."""

    def began(self, target: str) -> None:
        """Nobody waits."""

    def event(self, target: str, event: Event) -> None:
        """Nobody listens."""

    def ended(self, outcome: TargetOutcome) -> None:
        """Nobody waits."""


Bake = Callable[..., Sequence[TargetOutcome]]


@pytest.fixture
def bake(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bake:
    """Build six targets of one directory in this process, on two daemons."""
    monkeypatch.chdir(tmp_path)
    tree = {"app/Dockerfile": _DOCKERFILE, **{f"app/{number}": f"{number}" for number in range(50)}}
    write_tree(tmp_path, tree)
    daemons = [(f"d{number}", daemon.address) for number, daemon in enumerate(buildkitd_three[:2])]
    environment = {"HOME": str(tmp_path)}

    def run(listener: BakeListener | None = None, **order: Any) -> Sequence[TargetOutcome]:
        place = BakePlace(environment=environment, local="linux/amd64")
        builds = bake_builds(planned(_TARGETS, "all"), BakeKeys("."), place)
        router = BuildRouter(RouterConfig(addresses=addressed(*daemons)), environment=environment)
        with Cancellation() as cancellation:
            return build_targets(
                router, BakeOrder(targets=builds, **order), listener or _Nobody(), cancellation
            )

    return run


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> Counter[bool]:
    """Count the transfers: of whole contexts, and of files by their names."""
    counted: Counter[bool] = Counter()
    begin = filesync._sender

    def sender(directory: str, metadata: Any, manner: Any) -> Any:
        counted["Dockerfile" not in "".join(metadata.get("followpaths", ()))] += 1
        return begin(directory, metadata, manner)

    monkeypatch.setattr(filesync, "_sender", sender)
    return counted


@pytest.mark.parametrize("parallel", [0, 1])
def test_a_daemon_reads_a_common_directory_once(
    parallel: int, bake: Bake, walks: Counter[bool], tmp_path: Path
) -> None:
    outcomes = bake(parallel=parallel)

    daemons = {each.result.daemon for each in outcomes if each.result is not None}
    assert [each.error for each in outcomes] == [None] * 6
    # The ignore file is read by its name too, before the context.
    assert walks[True] <= 2 * len(daemons)
    assert walks[False] <= len(daemons)
    for name in "abcdef":
        assert len(list((tmp_path / "out" / name / "all").iterdir())) == 51


def test_a_file_that_can_t_be_read_fails_the_targets_and_is_told(
    bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = filesync._sender

    def sender(directory: str, metadata: Any, manner: Any) -> Any:
        if "Dockerfile" in "".join(metadata.get("followpaths", ())):
            return begin(directory, metadata, manner)
        raise UsageError("can't send app/7: permission denied", reason="context")

    monkeypatch.setattr(filesync, "_sender", sender)

    outcomes = bake(keep_going=True)

    assert {str(each.error) for each in outcomes} == {"can't send app/7: permission denied"}


def test_without_a_session_of_their_own_builds_send_the_directory_themselves(
    bake: Bake, walks: Counter[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise DialError("one connection is all you get")

    monkeypatch.setattr(sharing, "open_channel", refused)

    outcomes = bake()

    assert all(each.result is not None for each in outcomes)
    assert walks[True] >= 6


def test_a_session_that_is_lost_between_two_builds_is_opened_anew(
    bake: Bake, walks: Counter[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sharing.Keeper] = []
    sessions = sharing.Keeper.sessions

    def noted(keeper: sharing.Keeper) -> Any:
        opened.append(keeper)
        return sessions(keeper)

    class Losing(_Nobody):
        def ended(self, _outcome: TargetOutcome) -> None:
            opened.pop().close()

    monkeypatch.setattr(sharing.Keeper, "sessions", noted)

    outcomes = bake(parallel=1, listener=Losing())

    assert [each.error for each in outcomes] == [None] * 6
    assert walks[True] >= 6


def test_targets_that_select_other_files_keep_their_own_copies_at_the_daemon(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch AS last\nARG N\nCOPY in-$N /all/\n")
    for name in "abcdef":
        write_tree(tmp_path / "app", {f"in-{name}/file": f"{name}\n" * 100})
    sent: list[int] = []
    describe = Sender.receive

    def receive(sender: Sender, message: Any) -> None:
        describe(sender, message)
        # The frontend has its Dockerfile sent each time; a context has a directory too.
        if len(sender._contents) > 1:
            sent.append(sender.files_sent)

    bake()
    monkeypatch.setattr(Sender, "receive", receive)

    outcomes = bake()

    assert [each.error for each in outcomes] == [None] * 6
    assert sent == [0] * len(sent), "nothing has changed"
    assert sent
    for name in "abcdef":
        assert (tmp_path / "out" / name / "all" / "file").read_text() == f"{name}\n" * 100
