"""`bake --print` beside buildx's: our corpus, and the definitions in buildx's own tests, where these are."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.main import PROGRAM
from cli.program import run_program
from tests.e2e.bake_corpus import Case
from tests.e2e.bake_corpus.composed import COMPOSED
from tests.e2e.bake_corpus.documents import DOCUMENTS
from tests.e2e.bake_corpus.expressions import EXPRESSIONS
from tests.e2e.bake_corpus.functions import FUNCTIONS
from tests.e2e.bake_corpus.native import NATIVE
from tests.e2e.bake_corpus.refused import REFUSED
from tests.servers import binaries

_CASES = (*NATIVE, *FUNCTIONS, *EXPRESSIONS, *DOCUMENTS, *COMPOSED)
_SOURCES = Path.home() / "go/pkg/mod/github.com/docker/buildx@v0.35.0"
_FILES = ("bake/hcl_test.go", "bake/bake_test.go", "bake/compose_test.go", "tests/bake.go")
_COMPOSE = r"\s*(?:name|services|version|secrets|networks|volumes|include|x-\w+):"
_BLOCK = r"(?m)^\s*(?:target|group|variable|function)\b"
# Before it prints, buildx opens what a build of the targets would need.
_NEEDS_FILES = r"failed to stat|failed to convert agent config"


class _Answer(NamedTuple):
    """What a program did with a definition."""

    code: int
    stdout: str
    stderr: str


class _Both:
    """buildx, a process of its own, and ours, in this one."""

    def __init__(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
    ) -> None:
        self._directory = directory
        self._monkeypatch = monkeypatch
        self._captured = captured

    def ask(self, case: Case) -> tuple[_Answer, _Answer]:
        """Return what the two print for a definition."""
        for name, text in case.files.items():
            path = self._directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        environment = {"HOME": str(self._directory), "PATH": os.environ["PATH"], **case.environment}
        words = ("bake", "--print", *case.words)
        done = subprocess.run(
            [str(binaries.buildx()), *words],
            cwd=self._directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return _Answer(done.returncode, done.stdout, done.stderr), self._ours(words, environment)

    def _ours(self, words: Sequence[str], environment: Mapping[str, str]) -> _Answer:
        self._captured.readouterr()
        code = 0
        with self._monkeypatch.context() as patch:
            patch.setattr(os, "environ", dict(environment))
            patch.chdir(self._directory)
            try:
                run_program(PROGRAM, words)
            except SystemExit as exc:
                code = int(exc.code or 0)
        out, err = self._captured.readouterr()
        return _Answer(code, out, err)


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> _Both:
    """The two programs, in a directory of their own."""
    return _Both(tmp_path, monkeypatch, capfd)


def test_the_corpus_is_large_and_no_name_stands_in_it_twice() -> None:
    names = [case.name for case in (*_CASES, *REFUSED)]

    assert len(_CASES) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_a_definition_is_printed_as_buildx_prints_it(case: Case, both: _Both) -> None:
    theirs, ours = both.ask(case)

    assert theirs.code == 0, theirs.stderr
    assert ours.stderr == ""
    assert ours.stdout == theirs.stdout


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_buildx_refuses_is_refused_with_its_place(case: Case, both: _Both) -> None:
    theirs, ours = both.ask(case)

    assert theirs.code != 0
    assert (ours.code, ours.stdout) == (2, "")
    if re.search(r"ERROR: docker-bake\.\w+:\d+,", theirs.stderr):
        assert re.search(r"ERROR: docker-bake\.\w+:\d+,\d+: [^\n]+\n +\d+ \| .*\n +\| +\^", ours.stderr)


def _definitions(text: str) -> Iterator[tuple[int, str, str]]:
    """Go through the definitions that a Go source has as raw strings: line, file name, text."""
    for match in re.finditer("`([^`]*)`", text):
        found = match[1]
        line = text.count("\n", 0, match.start()) + 1
        if found.strip().startswith("{"):
            yield line, "docker-bake.json", found
        elif re.match(_COMPOSE, found):
            yield line, "docker-bake.yaml", found
        elif re.search(_BLOCK, found):
            yield line, "docker-bake.hcl", found


@pytest.mark.skipif(not _SOURCES.is_dir(), reason="buildx's source is not in Go's module cache")
@pytest.mark.parametrize("source", _FILES)
def test_definitions_of_buildx_s_own_tests_are_read_alike(source: str, both: _Both) -> None:
    different: list[str] = []
    equal = refused = 0
    for line, name, text in _definitions((_SOURCES / source).read_text(encoding="utf-8")):
        theirs, ours = both.ask(Case(name=name, files={name: text}, words=("-f", name, "*")))
        if theirs.code and ours.code:
            refused += 1
        elif theirs.code and re.search(_NEEDS_FILES, theirs.stderr):
            continue
        elif ours.code or theirs.code or _ordered(ours.stdout) != _ordered(theirs.stdout):
            different.append(f"{source}:{line}")
        else:
            equal += 1

    assert different == []
    assert equal + refused > 10


def _ordered(text: str) -> object:
    """Return JSON with the order of its keys. A matrix of several axes gives groups whose order varies."""

    def pairs(members: Sequence[tuple[str, object]]) -> object:
        found: Mapping[str, object] = dict(members)
        targets = found.get("targets")
        if isinstance(targets, list):
            return [("targets", sorted(targets))]
        return list(members)

    return json.loads(text, object_pairs_hook=pairs)
