"""`warmroute simulate --history`: keys, rates and times as two real daemons remember them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.servers.buildkitd import start_buildkitd
from tests.servers.ports import free_port


@pytest.mark.timeout(300)
def test_what_daemons_remember_is_simulated_and_a_dead_one_is_told(busybox: str, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nRUN sleep 1\n"})
    with (
        start_buildkitd(tmp_path / "one", unix=False) as one,
        start_buildkitd(tmp_path / "two", unix=False) as two,
    ):
        fleet = f"one={one.address},two={two.address}"
        warmroute = Installed(environment={"WARMROUTE_ADDR": fleet})
        for key in ("app", "app", "app", "web"):
            warmroute.ok("build", "--key", key, "--no-cache" if key == "web" else "--pull", context)
        home = warmroute.ok("where", "--key", "app", "--format", "json").json["home"]

        asked = warmroute.ok("simulate", "--history", "--builds", "40", "--format", "json")

        assert "keys and times of 4 builds" in asked.stderr
        (ring,) = (each for each in asked.json["balance"] if each["placement"] == "ring")
        assert asked.json["keys"] == 2
        assert sum(each["keys"] for each in ring["daemons"].values()) == 2
        # Three of four builds are of this key, and its home is where it was really built.
        assert ring["daemons"][home]["builds"] >= 0.7

        dead = f"gone=tcp://127.0.0.1:{free_port()}"
        partial = warmroute.run(
            "simulate", "--history", "--addr", f"{fleet},{dead}", "--since", "1h", "--daemons", "4"
        )
        late = warmroute.run("simulate", "--history", "--since", "1ns")

    nobody = Installed().run("simulate", "--history", "--addr", f"{dead},far=tcp://127.0.0.1:{free_port()}")
    assert (nobody.code, nobody.stdout) == (69, "")
    assert [line.split(":")[1] for line in nobody.stderr.splitlines()[:2]] == [" gone", " far"]
    assert "ERROR: 2 of 2 daemons did not answer: gone, far\n" in nobody.stderr
    assert partial.code == 69
    assert partial.stdout.startswith("4 daemons, 2 keys; 1000 builds")
    assert "1 of 3 daemons did not answer: gone" in partial.stderr
    assert late.code == 2
    assert "the daemons remember no builds whose key is known" in late.stderr
