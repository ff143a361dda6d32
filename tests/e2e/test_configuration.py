"""Configuration files as users have them: a fleet by its name, a project's file before and after trust."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import BIN, Installed
from tests.e2e.program import Program
from tests.e2e.terminals import on_terminal
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(environment={"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    dockerfile = "FROM scratch\nCOPY Dockerfile /\n"
    return write_tree(tmp_path / "project", {"Dockerfile": dockerfile, ".git/HEAD": "ref: refs/heads/a\n"})


@pytest.fixture
def theirs() -> Iterator[socket.socket]:
    """Yield a listener that a checkout names; nobody is to connect to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def users_file(tmp_path: Path, text: str) -> None:
    write_tree(tmp_path / "home" / ".config" / "warmroute", {"config.toml": text})


def test_a_build_goes_to_the_fleet_that_it_names(
    buildkitd: Buildkitd, program: Program, project: Path, tmp_path: Path
) -> None:
    users_file(tmp_path, f'[fleet.lab]\naddr = "one={buildkitd.address}"\n')

    done = program.ok("build", "--fleet", "lab", "-v", project)

    assert done.daemon == "one"


def test_a_projects_file_chooses_the_fleet_once_it_is_trusted(
    buildkitd: Buildkitd, program: Program, project: Path, tmp_path: Path
) -> None:
    users_file(tmp_path, f'[fleet.lab]\naddr = "one={buildkitd.address}"\n')
    write_tree(project, {"warmroute.toml": '[defaults]\nfleet = "lab"\n', "inner/a": "a"})
    before = program.run("build", project, cwd=project)
    assert (before.code, "it is not trusted" in before.stderr) == (69, True)

    program.ok("config", "trust", cwd=project / "inner")

    assert program.ok("build", "-v", project, cwd=project / "inner").daemon == "one"
    shown = program.ok("config", "show", "--format", "json", cwd=project).json
    origins = {each["option"]: each["from"] for each in shown["options"]}
    path = str(project / "warmroute.toml")
    assert origins["fleet"] == {"kind": "project", "name": path, "table": "defaults", "line": 2}
    assert (origins["addr"]["kind"], origins["addr"]["table"]) == ("user", "fleet.lab")
    assert origins["retries"] == {"kind": "default"}

    (project / "warmroute.toml").write_text('[defaults]\nfleet = "lab"\nretries = 9\n')
    assert "it is not trusted" in program.run("build", project, cwd=project).stderr


@pytest.mark.parametrize(
    "text",
    [
        '[defaults]\naddr = "{address}"\n',
        '[defaults]\nfleet = "lab"\n[fleet.lab]\naddr = "{address}"\n',
        '[fleet.lab]\naddr = "{address}"\n',
        "this is no TOML",
    ],
)
def test_a_checkout_takes_no_build_to_an_address_of_its_own(  # noqa: PLR0917 - fixtures
    buildkitd: Buildkitd,
    program: Program,
    project: Path,
    tmp_path: Path,
    theirs: socket.socket,
    text: str,
) -> None:
    users_file(tmp_path, f'[defaults]\nfleet = "lab"\n[fleet.lab]\naddr = "mine={buildkitd.address}"\n')
    host, port = theirs.getsockname()
    write_tree(project, {"warmroute.toml": text.format(address=f"theirs=tcp://{host}:{port}")})

    done = program.ok("build", "-v", project, cwd=project)

    assert done.daemon == "mine"
    with pytest.raises(BlockingIOError):
        theirs.accept()


@pytest.mark.parametrize(
    "line", ['kubeconfig = "kube"', 'tls-dir = "pki"', 'backend = "docker"', 'addr = "ssh://theirs"']
)
def test_what_a_project_must_not_set_cannot_be_trusted(program: Program, project: Path, line: str) -> None:
    write_tree(project, {"warmroute.toml": f"[fleet.ci]\n{line}\n"})

    done = program.run("config", "trust", cwd=project)

    assert done.code == 2
    assert f"{project}/warmroute.toml:2: " in done.stderr
    assert not list((project.parent / "state").rglob("trusted"))


def test_what_is_shown_fits_a_narrow_terminal(program: Program, tmp_path: Path) -> None:
    directory = tmp_path / "a directory with a long name" / "another one"
    users_file(tmp_path, f'[fleet.lab]\naddr = "tcp://h:1"\ntls-dir = "{directory}"\n')
    command: list[str | Path] = [BIN / "warmroute", "config", "show", "--fleet", "lab"]
    variables = {**Installed().variables, **program.environment, "WARMROUTE_MAX_BUILDS": "3"}

    with on_terminal(command, variables, cwd=tmp_path) as on:
        assert on.wait() == 0

    table = on.text.partition("\r\n\r\n")[0].splitlines()
    assert table[0].split() == ["OPTION", "VALUE", "FROM"]
    assert max(map(len, table)) <= 80
    rows = {option: rest for option, *rest in (re.split("  +", line) for line in table[1:])}
    assert rows["max-builds"] == ["3", "the variable WARMROUTE_MAX_BUILDS"]
    assert rows["tls-dir"][0].endswith("another one")


def test_both_defaults_of_a_time_are_shown_until_it_is_set(program: Program, tmp_path: Path) -> None:
    shown = program.ok("config", "show", cwd=tmp_path).stdout
    (row,) = (each for each in options_of(program, tmp_path) if each["option"] == "connect-timeout")
    users_file(tmp_path, '[defaults]\nconnect-timeout = "1m"\n')
    (configured,) = (each for each in options_of(program, tmp_path) if each["option"] == "connect-timeout")

    assert re.search("^connect-timeout +10 +default; 5 for ls, ps, du and their like$", shown, re.MULTILINE)
    assert (row["value"], row["fleet_default"]) == (10.0, 5.0)
    assert (configured["value"], "fleet_default" in configured) == (60.0, False)


def options_of(program: Program, folder: Path) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = program.ok("config", "show", "--format", "json", cwd=folder).json[
        "options"
    ]
    return options


@pytest.mark.xdist_group("cluster")
def test_a_fleet_that_was_made_is_known_by_its_name(cluster: Cluster, project: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    program = Program(environment={"HOME": str(tmp_path / "home"), "KUBECONFIG": str(cluster.kubeconfig)})
    quick = ("--replicas=1", "--grace-period=5s", "--requests=cpu=10m,memory=64Mi", "--create-namespace")
    try:
        made = program.ok("fleet", "up", "lab", "--namespace=named", *quick, within=120)

        built = program.ok("build", "--fleet", "lab", "-v", project)
        assert built.daemon == "lab-0"
        assert "--fleet lab names it from now on" in made.stderr
        shown = program.ok("config", "show", "--fleet", "lab", "--format", "json").json
        known = {each["option"]: each["value"] for each in shown["options"] if each["from"].get("table")}
        context = cluster.kubectl("config", "current-context").strip()
        assert known == {"selector": "app=lab", "namespace": "named", "kube-context": context}

        gone = program.ok("fleet", "down", "lab", "--namespace=named", within=120)
        assert f"[fleet.lab] is taken out of {tmp_path}/home/" in gone.stderr
        assert 'no fleet named "lab"' in program.run("ls", "--fleet", "lab").stderr
    finally:
        cluster.kubectl("delete", "namespace", "named", "--ignore-not-found", within=120)


def test_without_a_file_nothing_is_loaded_that_reads_one(tmp_path: Path) -> None:
    argv = [sys.executable, "-X", "importtime", "-c", "from cli.main import run; run()"]
    words = ["build", "--dry-run", "--addr", "tcp://127.0.0.1:9", str(tmp_path)]
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    done = subprocess.run(
        [*argv, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "cli.configuration" in done.stderr
    assert not [name for name in ("tomllib", "cli.settings", "router.configuration") if name in done.stderr]
