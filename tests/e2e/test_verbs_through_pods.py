"""The fleet's verbs on pods, by each way to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.kubernetes import SELECTOR, with_busybox
from tests.e2e.processes import Installed
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

WAYS = ("exec", "port-forward", "pod-ip")


def through(cluster: Cluster, via: str) -> Installed:
    """Return warmroute with a fleet of pods that it reaches in one way only."""
    return Installed(
        environment={
            "KUBECONFIG": str(cluster.kubeconfig),
            "WARMROUTE_SELECTOR": SELECTOR,
            "WARMROUTE_VIA": via,
            "WARMROUTE_CONNECT_TIMEOUT": "20s",
            "USER": "ann",
        }
    )


@pytest.mark.parametrize("via", WAYS)
def test_every_verb_that_asks_goes_each_way(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path, via: str
) -> None:
    warmroute, key = through(cluster, via), f"verbs-{via}"
    context = with_busybox(tmp_path / "context", ("RUN echo hello > /a",))
    metadata = tmp_path / "metadata"
    warmroute.ok("build", "--key", key, "--metadata-file", metadata, context)
    built = json.loads(metadata.read_text())
    ref, daemon = built["buildx.build.ref"].rpartition("/")[2], built["warmroute.build"]["daemon"]

    for verb in (("ls",), ("workers",), ("debug", "info"), ("du",), ("prune", "--dry-run")):
        said = warmroute.ok(*verb, "--format", "json").json
        rows = said["daemons"] if isinstance(said, dict) else said
        assert sorted(row.get("daemon") or row["name"] for row in rows) == sorted(fleet), verb
        assert {row["error"] for row in rows} == {""}, verb
    (listed,) = warmroute.ok("history", "ls", "--key", key, "--format", "json").json
    assert (listed["ref"], listed["daemon"], listed["status"]) == (ref, daemon, "completed")
    assert warmroute.ok("history", "inspect", ref, "--format", "json").json["key"] == key
    assert warmroute.ok("history", "trace", ref, "--format", "json").json["resourceSpans"]
    assert "RUN echo hello" in warmroute.ok("logs", ref, "--progress", "plain").stderr
    assert key in {row["key"] for row in warmroute.ok("stats", "--by", "key", "--format", "json").json}
    assert warmroute.ok("ps", "--format", "json").json == []
    assert warmroute.ok("history", "rm", ref).stdout == f"removed {ref} on {daemon}\n"
    assert warmroute.ok("history", "ls", "--key", key, "--format", "json").json == []


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.usefixtures("fleet")
def test_a_build_is_seen_followed_and_canceled_each_way(cluster: Cluster, tmp_path: Path, via: str) -> None:
    warmroute, key = through(cluster, via), f"cancel-{via}"
    context = with_busybox(tmp_path / "context", ("RUN echo begun; sleep 60",))
    build = ("build", "--progress", "plain", "--no-cache", "--key", key, context)
    with warmroute.started(*build) as builds:
        builds.read_until(b"begun\n")
        (running,) = warmroute.ok("ps", "--format", "json").json
        with warmroute.started("logs", running["ref"], "--progress", "plain") as follows:
            follows.read_until(b"begun\n")
            said = warmroute.ok("cancel", "--key", key).stdout
            codes = builds.wait(within=20), follows.wait(within=20)

    assert said == f"canceled {running['ref']} on {running['daemon']}\n"
    assert codes == (130, 0)  # the log was followed to its end
    assert b"was canceled by ann@" in builds.output
