"""What a checkout has lying about is no configuration of the commands that look after a fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.program import Program

PROGRAMS = ("buildctl", "docker", "ssh", "kubectl", "git", "login", "latex", "dvipng", "sh")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with programs that leave a mark, a kubeconfig, and settings of matplotlib's."""
    root = tmp_path / "checkout"
    (root / ".kube").mkdir(parents=True)
    for name in PROGRAMS:
        (root / name).write_text(f"#!/bin/sh\necho $0 $@ >> {tmp_path}/stolen\n")
        (root / name).chmod(0o755)
    (root / ".kube" / "config").write_text(
        "current-context: theirs\n"
        "contexts: [{name: theirs, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login}}}]\n"
    )
    (root / "warmroute.toml").write_text('[defaults]\nselector = "app=theirs"\n')
    (root / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\n\x1b[2Jbad key\n")
    return root


def program(tmp_path: Path) -> Program:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return Program(environment={"PATH": f":.:{SEARCH_PATH}", "HOME": str(home)})


@pytest.mark.parametrize(
    "words",
    [
        "simulate a b --daemons 2 --picture ../fleet.svg",
        "simulate a b --daemons 2 --report ../fleet.html",
        "simulate --history",
        "fleet status",
        "fleet up",
        "doctor",
        "install docker-plugin",
        "install kubectl-plugin",
    ],
)
def test_nothing_of_a_checkout_is_run(words: str, checkout: Path, tmp_path: Path) -> None:
    ran = program(tmp_path).run(*words.split(), cwd=checkout)

    assert not (tmp_path / "stolen").exists(), (tmp_path / "stolen").read_text()
    assert "Traceback" not in ran.stderr
    assert "\x1b" not in ran.stderr
    assert "theirs" not in ran.stderr.replace("app=theirs", "")


def test_a_picture_is_the_same_wherever_it_is_drawn(checkout: Path, tmp_path: Path) -> None:
    words = ("simulate", "a", "b", "--daemons", "2", "--picture")
    mine = program(tmp_path)
    mine.ok(*words, tmp_path / "theirs.svg", cwd=checkout)
    mine.ok(*words, tmp_path / "own.svg", cwd=tmp_path)

    assert (tmp_path / "theirs.svg").read_bytes() == (tmp_path / "own.svg").read_bytes()


def test_settings_of_matplotlib_that_are_no_text_are_told_of_in_words(checkout: Path, tmp_path: Path) -> None:
    (checkout / "matplotlibrc").write_bytes(b"\xff\xfe")
    ran = program(tmp_path).run(
        "simulate", "a", "b", "--daemons", "2", "--picture", "../fleet.svg", cwd=checkout
    )

    assert ran.code == 2
    assert "matplotlib can't read its configuration" in ran.stderr
    assert "run warmroute in another one" in ran.stderr
