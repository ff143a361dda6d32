"""What pages tell users to run on daemons, run as it stands there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.pages import assert_shown, blocks, sessions
from tests.e2e.program import WARMROUTE
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry


def run(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run commands of a page in a folder."""
    return subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env={"PATH": f"{WARMROUTE.parent}:{SEARCH_PATH}", "HOME": str(folder), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def three(buildkitd_three: tuple[Buildkitd, ...]) -> str:
    """The three daemons under the names that pages give them, for --addr."""
    names = ("ash", "birch", "cedar")
    return ",".join(f"{name}={daemon.address}" for name, daemon in zip(names, buildkitd_three, strict=True))


def test_the_readmes_second_build_on_another_machine_is_warm_as_it_shows(
    three: str, registry: Registry, busybox: str, tmp_path: Path
) -> None:
    (export, _), *builds = sessions("README.md")
    key = "registry.example.com/team/app"
    # The page's key, whatever the registry of the test is called.
    variables = {"WARMROUTE_ADDR": three, "WARMROUTE_KEY": key}
    files = {"Dockerfile": f"FROM {busybox}\nCOPY . .\nRUN ./compile\n", "compile": "#!/bin/sh\nsleep 2\n"}

    printed = []
    for number, (command, _) in enumerate(builds):
        machine = tmp_path / f"machine-{number}"
        checkout = write_tree(machine / "app", files)
        (checkout / "compile").chmod(0o755)
        there = {**variables, "HOME": str(machine)}
        done = run(command.replace("registry.example.com", registry.host), checkout, there)
        assert done.returncode == 0, done.stderr
        printed.append(done.stderr)

    assert export.startswith("export WARMROUTE_ADDR=ash=tcp://")
    for (_, shown), text in zip(builds, printed, strict=True):
        assert_shown(shown, text)
    assert registry.tags("team/app") == ("latest",)
    first, second = (float(re.findall(r"cached, ([\d.]+) s", text)[0]) for text in printed)
    assert first > 2 > second


def test_the_commands_for_those_who_come_from_buildx_work(
    three: str, registry: Registry, tmp_path: Path
) -> None:
    (export, _), *commands = sessions("docs/how-to/coming-from-buildx.md")
    write_tree(tmp_path, {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    variables = {
        "PATH": f"{WARMROUTE.parent}:{binaries.buildctl().parent}:{SEARCH_PATH}",
        "WARMROUTE_ADDR": three,
    }

    done = [
        run(command.replace("registry.example.com", registry.host), tmp_path, variables)
        for command, _ in commands
    ]

    assert export.startswith("export WARMROUTE_ADDR=ash=tcp://")
    assert [each.returncode for each in done] == [0, 0], done
    assert registry.tags("team/app") == ("latest",)
    assert done[1].stdout.startswith("TYPE\t")


@pytest.mark.parametrize("lines", ["FROM scratch\nCOPY hello /\n", "FROM scratch\nCOPY missing /\n"])
def test_the_buildx_of_the_page_ends_as_the_build_does_and_leaves_no_builder(
    buildkitd: Buildkitd, dockerd: Dockerd, tmp_path: Path, lines: str
) -> None:
    write_tree(tmp_path, {"Dockerfile": lines, "hello": "hello\n"})
    script = blocks("docs/how-to/other-tools.md", "sh")[0]
    variables = {
        **dockerd.environment,
        "BUILDX_CONFIG": str(tmp_path / "buildx"),
        "PATH": f"{WARMROUTE.parent}:{binaries.docker().parent}:{SEARCH_PATH}",
    }

    done = run(script.replace("--selector app=buildkitd", f"--addr {buildkitd.address}"), tmp_path, variables)

    assert (done.returncode != 0) == ("missing" in lines), done.stderr
    assert "routed-" in done.stdout
    assert "routed-" not in dockerd.cli("buildx", "ls", env={"BUILDX_CONFIG": str(tmp_path / "buildx")})


def test_a_daemon_without_a_configuration_keeps_what_the_page_on_sizing_says(buildkitd: Buildkitd) -> None:
    rules = cache_rules(buildkitd)

    assert "Keep duration:\t\t48h0m0s\n\tMaximum used space:\t512MB" in rules
    assert "Keep duration:\t\t1440h0m0s" in rules


def cache_rules(daemon: Buildkitd) -> str:
    """Return what buildctl shows of a daemon's worker."""
    command = (str(binaries.buildctl()), "--addr", daemon.address, "debug", "workers", "--verbose")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_completion_that_the_page_installs_completes_its_example(tmp_path: Path) -> None:
    (install,) = (block for block in blocks("docs/how-to/install.md", "sh") if "completion" in block)
    script = f"""{install}
        . ~/.bashrc
        COMP_WORDS=(warmroute build --pl) COMP_CWORD=2
        _warmroute_completion warmroute
        echo "${{COMPREPLY[*]}}"
    """

    done = run(f"bash -e <<'END'\n{script}\nEND", tmp_path, {})

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "--platform --placement"
