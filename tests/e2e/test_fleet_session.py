"""A platform engineer's session with a fleet on the one-node cluster: made, built on, looked after, removed.

Each verb's JSON is as documented, and the sums are those of buildctl, asked pod by pod.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.kubernetes import wait_for, with_busybox
from tests.e2e.processes import Installed
from tests.e2e.program import Finished
from tests.schemas import validated
from tests.servers import binaries
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

NAMESPACE = "session"
WHERE = ("--namespace", NAMESPACE)
QUICK = ("--grace-period=5s", "--requests=cpu=10m,memory=64Mi", "--create-namespace", "--replicas=2")
PODS = ("ci-0", "ci-1")
IMAGE = "registry.example.com/team/app"
STEPS = (
    "RUN --mount=type=cache,id=go-build,target=/cache head -c 100000 /dev/zero > /cache/x",
    "RUN head -c 200000 /dev/zero > /made",
)

_Told = TypeVar("_Told")


class Session:
    """Commands typed one after the other; what they print is shown where the test fails."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        self.program = Installed(
            environment={
                "KUBECONFIG": str(cluster.kubeconfig),
                "XDG_CONFIG_HOME": str(home / "config"),
                "XDG_STATE_HOME": str(home / "state"),
                "USER": "ann",
            }
        )

    def run(self, *words: str | Path) -> Finished:
        """Run a command to its end."""
        done = self.program.run(*words, within=120)
        typed = " ".join(map(str, words))
        sys.stdout.write(f"$ warmroute {typed}\n{done.stderr}{done.stdout}")
        return done

    def ok(self, *words: str | Path) -> Finished:
        """Run a command that succeeds."""
        done = self.run(*words)
        assert done.code == 0, done.stderr
        return done

    def json(self, verb: str, *words: str) -> Any:
        """Return what a verb prints for programs, once it is as documented."""
        return validated(verb, self.ok(*verb.split(), *words, "--format=json").json)


def buildctl(cluster: Cluster, pod: str, *words: str) -> str:
    """Run buildctl on one pod, and return its stdout."""
    address = f"kube-pod://{pod}?namespace={NAMESPACE}&container=buildkitd"
    path = f"{binaries.kubectl().parent}:{SEARCH_PATH}"
    # kubectl writes its cache there.
    home = str(cluster.kubeconfig.parent)
    return subprocess.run(
        [binaries.buildctl(), "--addr", address, *words],
        env={"PATH": path, "KUBECONFIG": str(cluster.kubeconfig), "HOME": home},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def records_of(cluster: Cluster, pod: str) -> list[Any]:
    """Return a pod's cache records as buildctl lists them; a list that is empty, where Go says null."""
    found = json.loads(buildctl(cluster, pod, "du", "--format", "{{json .}}")) or []
    return [{**each, "parents": each["parents"] or []} for each in found]


def builds_of(cluster: Cluster, pod: str) -> dict[str, tuple[int, int, int]]:
    """Return cached, completed and all steps of the builds that a pod remembers, by their refs."""
    fields = ("Ref", "NumCachedSteps", "NumCompletedSteps", "NumTotalSteps")
    form = " ".join(f"{{{{.Record.{field}}}}}" for field in fields)
    lines = buildctl(cluster, pod, "debug", "histories", "--format", form).splitlines()
    return {ref: (int(cached), int(done), int(total)) for ref, cached, done, total in map(str.split, lines)}


def same_moment(ours: Callable[[], Any], theirs: Callable[[str], _Told]) -> tuple[Any, dict[str, _Told]]:
    """Return both of a moment at which nothing changed: daemons finish their records after the builds."""
    for _ in range(20):
        before = {pod: theirs(pod) for pod in PODS}
        asked = ours()
        if before == {pod: theirs(pod) for pod in PODS}:
            return asked, before
    raise AssertionError("the daemons' records never stopped changing")


@pytest.fixture
def session(cluster: Cluster, tmp_path: Path) -> Iterator[Session]:
    yield Session(cluster, tmp_path)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", within=120)


def test_a_fleet_is_made_built_on_looked_after_and_removed(
    cluster: Cluster, session: Session, tmp_path: Path
) -> None:
    made = session.json("fleet up", "ci", *WHERE, *QUICK)
    assert made["daemons"] == list(PODS)
    home, warm_ref = _two_builds(session, with_busybox(tmp_path / "app", STEPS))
    _a_build_that_runs(session, with_busybox(tmp_path / "slow", (*STEPS, "RUN sleep 300")))
    _history(cluster, session, warm_ref)
    _disks(cluster, session, home)
    (row,) = session.json("stats", "--fleet=ci", "--by=key")
    session.ok("stats", "--fleet=ci")
    assert (row["key"], row["builds"], row["warm"], row["failed"]) == (IMAGE, 2, 1, 1)
    (state,) = session.json("fleet status", "ci", *WHERE)
    session.ok("fleet", "status", "ci", *WHERE)
    assert (state["ready"], [pod["name"] for pod in state["pods"]]) == (True, list(PODS))

    removed = session.json("fleet down", "ci", *WHERE)

    created = {(each["kind"], each["name"]) for each in made["objects"] if each["kind"] != "Namespace"}
    assert {(each["kind"], each["name"]) for each in removed["removed"]} == created
    assert session.run("fleet", "status", "ci", *WHERE).code == 2


def _two_builds(session: Session, context: Path) -> tuple[str, str]:
    """Build twice; return the image's home, and the ref of the second build."""
    metadata = context.parent / "metadata.json"
    build = ("build", "--fleet=ci", f"--tag={IMAGE}", f"--metadata-file={metadata}", "--progress=plain")
    told = []
    for _ in range(2):
        session.ok(*build, context)
        told.append(json.loads(metadata.read_text()))
    cold, warm = (each["warmroute.build"] for each in told)
    assert cold["place"] == warm["place"] == 1
    assert cold["daemon"] == warm["daemon"]
    assert (cold["cached"], warm["cached"], warm["steps"]) == (0, 3, 3)
    return warm["daemon"], told[1]["buildx.build.ref"].rpartition("/")[2]


def _a_build_that_runs(session: Session, context: Path) -> None:
    with session.program.started("build", "--fleet=ci", f"--tag={IMAGE}", context) as build:
        listed: list[Any] = []

        def sleeps() -> bool:
            listed[:] = session.json("ps", "--fleet=ci")
            return any("sleep 300" in each["current_step"] for each in listed)

        wait_for(sleeps, "ps shows the step that runs")
        session.ok("ps", "--fleet=ci")
        (running,) = listed
        assert (running["key"], running["place"], running["started_by"][:4]) == (IMAGE, 1, "ann@")
        (outcome,) = session.json("cancel", running["ref"][:12], "--fleet=ci")
        assert (outcome["ref"], outcome["canceled"]) == (running["ref"], True)
        assert build.wait(within=20.0) == 130


def _history(cluster: Cluster, session: Session, warm_ref: str) -> None:
    def ended() -> bool:
        return not session.json("ps", "--fleet=ci")

    wait_for(ended, "the canceled build is over")
    listed, told = same_moment(
        lambda: session.json("history ls", "--fleet=ci"), lambda pod: builds_of(cluster, pod)
    )
    session.ok("history", "ls", "--fleet=ci")
    ours = {pod: {each["ref"]: each for each in listed if each["daemon"] == pod} for pod in PODS}
    assert [each["status"] for each in listed] == ["canceled", "completed", "completed"]
    assert {
        pod: {
            ref: (each["cached_steps"], each["completed_steps"], each["total_steps"])
            for ref, each in builds.items()
        }
        for pod, builds in ours.items()
    } == told
    assert listed[1]["ref"] == warm_ref
    replayed = session.ok("logs", warm_ref[:12], "--fleet=ci", "--progress=plain").stderr
    assert "head -c 200000 /dev/zero > /made" in replayed
    lines = session.program.ok("logs", warm_ref, "--fleet=ci", "--progress=rawjson").stderr.splitlines()
    assert all(
        "vertexes" in status or "logs" in status or "statuses" in status for status in map(json.loads, lines)
    )


def _disks(cluster: Cluster, session: Session, home: str) -> None:
    # The first question after a build measures, which counts as a use: so it is another moment.
    usage, theirs = same_moment(
        lambda: session.json("du", "-v", "--fleet=ci"), lambda pod: records_of(cluster, pod)
    )
    session.ok("du", "--fleet=ci")
    assert {each["daemon"]: each["records"] for each in usage["daemons"]} == theirs
    everything = [each for records in theirs.values() for each in records]
    assert usage["sum"]["total"] == sum(each["size"] for each in everything)
    assert usage["sum"]["count"] == len(everything) > 3
    assert [(mount["id"], mount["daemon"]) for mount in usage["cacheMounts"]] == [("go-build", home)]

    planned = session.json("prune", "--dry-run", "--fleet=ci")
    session.ok("prune", "--dry-run", "--fleet=ci")
    asks = session.run("prune", "--fleet=ci")
    pruned = session.json("prune", "-f", "-v", "--fleet=ci")
    left = {each["id"] for pod in PODS for each in records_of(cluster, pod)}
    session.ok("du", "--fleet=ci")
    gone = {each["id"]: each["size"] for daemon in pruned["daemons"] for each in daemon["records"]}
    assert (asks.code, planned["dryRun"], pruned["dryRun"]) == (2, True, False)
    assert planned["sum"]["freed"] > 0
    assert pruned["sum"] == {"freed": sum(gone.values()), "count": len(gone)}
    assert left | gone.keys() >= {each["id"] for each in everything}
    assert gone
    assert not left & gone.keys()
