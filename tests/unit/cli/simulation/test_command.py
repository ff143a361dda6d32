"""`warmroute simulate` as it is typed: its tables, its JSON, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = str(Path(sys.executable).with_name("warmroute"))


def _simulate(*words: str, piped: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [_PROGRAM, "simulate", *words],
        input=piped,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def _json(*words: str, piped: bytes = b"") -> Any:
    done = _simulate("--format", "json", *words, piped=piped)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_tables_fit_80_columns_and_say_what_their_numbers_are() -> None:
    done = _simulate("--daemons", "6", "--keys", "1000", "--scale", "6:7", "--from", "buildx")

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert max(map(len, lines)) <= 80
    assert lines[0] == "6 daemons, 1000 keys; 1000 builds, one every 10 s (seed 0)"
    assert [line for line in lines if line.startswith(("balance", "keys", "builds"))] == [
        "balance: the busiest daemon over the mean of all (and its most builds in flight)",
        "keys that get another home (placement ring), and their share of all builds",
        "builds: how many of those whose key was built before were warm",
    ]
    assert "scale 6 to 7 daemons  141 (14.1 %)  11.3 %  buildkitd-6 (141)" in lines
    assert "buildx to ring        850 (85.0 %)  90.2 %  buildkitd-1 (151) and 5 more" in lines
    assert sum(line.startswith("lose buildkitd-") for line in lines) == 6


@pytest.mark.parametrize(("bound", "columns"), [("0", []), ("3", ["AT MOST 3"])])
def test_only_where_there_is_a_bound_there_is_a_column_for_it(bound: str, columns: list[str]) -> None:
    lines = _simulate("--daemons", "3", "--keys", "9", "--max-builds", bound).stdout.splitlines()

    header, *rows = (re.split("  +", line) for line in lines[3 : lines.index("", 3)])
    assert header == ["PLACEMENT", "KEYS", "BUILDS", "IN FLIGHT", *columns]
    assert {len(row) for row in rows} == {len(header)}


def test_the_json_has_what_was_asked_and_what_was_found() -> None:
    words = ("x", "y", "x", "--builds", "50", "--to", "rendezvous", "--seed", "3", "--restart-every", "1h")

    found = _json("--daemons", "a,b,c", *words)

    assert [daemon["name"] for daemon in found["daemons"]] == ["a", "b", "c"]
    assert (found["keys"], found["builds"], found["seed"], found["max_builds"]) == (2, 50, 3, 8)
    assert [move["kind"] for move in found["moves"]] == ["loss", "loss", "loss", "migration"]
    assert found["moves"][-1]["event"] == "ring to rendezvous"
    for balance in found["balance"]:
        assert sum(each["keys"] for each in balance["daemons"].values()) == 2
        assert sum(each["builds"] for each in balance["daemons"].values()) == pytest.approx(1)
    assert all(run["built"] == 50 and run["failed"] == 0 for run in found["runs"])
    assert {run["fleet"] for run in found["runs"]} == {"quiet"}


def test_the_home_of_a_simulation_is_that_of_where() -> None:
    addresses = [word for name in "abc" for word in ("--addr", f"{name}=tcp://{name}.test:1")]
    where = subprocess.run(
        [_PROGRAM, "where", "--format", "json", "--key", "app", *addresses],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        check=True,
    )
    home = json.loads(where.stdout)["home"]

    found = _json(*addresses, "app", "--builds", "5", "--placement", "ring")

    assert found["balance"][0]["daemons"][home] == {"keys": 1, "builds": 1.0}


def test_the_same_seed_gives_the_same_answer_and_another_one_another() -> None:
    words = ("--daemons", "3", "--keys", "20", "--every", "2s", "--max-builds", "2", "--builds", "200")

    first, again, other = _json(*words), _json(*words), _json(*words, "--seed", "1")

    assert first == again
    assert first["runs"] != other["runs"]
    assert first["balance"] == other["balance"]


def test_a_bound_evens_out_what_is_in_flight() -> None:
    words = ("--daemons", "3", "--keys", "20", "--every", "3s", "--builds", "300", "--restart-every", "0")

    runs = _json(*words, "--max-builds", "3")["runs"]

    free, bounded = (run for run in runs if run["placement"] == "ring")
    assert (free["bounded"], bounded["bounded"]) == (False, True)
    assert bounded["in_flight_over_mean"] < free["in_flight_over_mean"]
    assert bounded["at_home"] < free["at_home"] == 1.0


def test_restarts_without_the_cache_are_colder() -> None:
    words = ("--daemons", "3", "--keys", "20", "--builds", "500", "--restart-every", "3m")

    kept, lost = _json(*words)["runs"], _json(*words, "--cold-restarts")["runs"]

    assert kept[-1]["fleet"] == lost[-1]["fleet"] == "restarts"
    assert lost[-1]["warm_repeats"] < kept[-1]["warm_repeats"] < 1.0


def test_keys_with_rates_come_from_a_file_and_daemons_too(tmp_path: Path) -> None:
    keys, daemons = tmp_path / "keys.txt", tmp_path / "daemons.txt"
    keys.write_text("hot 90\ncold 10\n")
    daemons.write_text("one 1\ntwo\n")

    found = _json("--keys", str(keys), "--daemons", f"@{daemons}", "--builds", "20")
    piped = _json("--keys", "-", "--daemons", f"@{daemons}", "--builds", "20", piped=keys.read_bytes())

    assert found == piped
    assert [daemon["max_builds"] for daemon in found["daemons"]] == [1, None]
    shares = {each["builds"] for balance in found["balance"] for each in balance["daemons"].values()}
    assert {0.9, 0.1} & shares
    assert shares <= {0.0, 0.1, 0.9, 1.0}


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("--daemons 3", "there are no keys to simulate", "warmroute simulate KEY..."),
        ("--daemons 3 --keys 5 --scale 3:x", 'invalid --scale "3:x": it must be two numbers', "--scale 3:4"),
        ("--daemons a,b --keys 5 --scale 2:3", "can't name the daemons to scale to", "--daemons NAME:3"),
        ("--daemons 3 --keys 5 --to best", 'invalid --to "best": choose one of ring, rendezvous, buildx', ""),
        ("--daemons 3 --keys 5 --placement best", 'invalid --placement "best": choose one of ring', ""),
        ("--daemons 3 --keys 5 --from ring", "--from and --to are both ring", "--from buildx --to ring"),
        ("--daemons 3 --keys 0", 'invalid --keys "0": between 1 and 100000 keys', "--keys 1000"),
        ("--daemons 3 --keys 5 app", "keys are given twice, as arguments (app) and by --keys 5", "leave out"),
        ("--daemons 3 --keys 5 --since 24h", "--since is for --history", "give --history as well"),
        ("--daemons 3 --keys 5 --since day", 'invalid --since "day": a duration', "24h"),
        ("--daemons 3 --keys 5 --history", "--history gives the keys, and others are named", "leave out"),
        ("--daemons 3 --history app", "--history gives the keys, and others are named", "leave out"),
        ("--daemons 3 --keys none.txt", "can't read --keys none.txt: no such file or directory", "a file"),
        ("--daemons @none.txt --keys 5", "can't read --daemons none.txt: no such file", "a file"),
        ("--daemons 2 --daemons @none.txt --keys 5", "--daemons names a file and more", "into the file"),
        ("--daemons , --keys 5", "--daemons , names no daemons", "--daemons 6"),
        ("--daemons 3 --keys /dev/null", "--keys /dev/null has no keys", "one on each line"),
        ("--daemons 3 --keys 5 --every 0", "--every is 0", "--every 10s"),
        ("--daemons 3 --keys 5 --every 5", 'invalid --every "5": a duration is a number with a unit', "30s"),
        ("--daemons 3 --keys 5 --builds 1.5", "--builds 1.5 is not a whole number", "--builds 4"),
        ("--daemons 3 --keys 5 --builds 1e7", "--builds 10000000 is too many", "at most 100000"),
        ("--daemons 3 --keys 5 --builds 0", 'invalid --builds "0": it must be at least 1', ""),
    ],
)
def test_what_can_not_be_simulated_is_refused(words: str, message: str, hint: str) -> None:
    done = _simulate(*words.split())

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert hint in done.stderr


def test_a_wrong_line_of_a_file_is_named(tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("app 3\nweb often\n")

    done = _simulate("--daemons", "3", "--keys", str(keys))

    assert done.returncode == 2
    assert f"{keys}, line 2: expected a key, and at most its builds an hour behind it" in done.stderr


def test_daemons_that_are_named_win_over_a_fleet_from_the_environment() -> None:
    done = _simulate("--daemons", "2", "app", WARMROUTE_ADDR="tcp://127.0.0.1:1")

    assert done.returncode == 0
    assert done.stdout.startswith("2 daemons, 1 key; 1000 builds")
