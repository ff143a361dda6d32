"""Compose files: what becomes of a service, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from router.bake.compose.dotenv import parse_dotenv
from router.bake.compose.substitution import substitute
from router.bake.definition import BakeFile, parse_files, plan
from router.bake.places import DefinitionFault
from router.bake.printing import target_as_json
from tests.unit.bake.definitions import OUTSIDE, nothing, outside

_VARIABLES = {"A": "a", "EMPTY": ""}


def _targets(text: str, **files: str) -> dict[str, Any]:
    def read(path: str) -> bytes | None:
        found = files.get(path)
        return None if found is None else found.encode()

    seen = outside(_VARIABLES)
    found = plan(parse_files([BakeFile("compose.yaml", text.encode())], seen, read), ["*"], [], OUTSIDE)
    return {name: target_as_json(each) for name, each in found.targets.items()}


def _build(section: str) -> Any:
    return _targets(f"services:\n  app:\n    build:\n      context: .\n      {section}\n")["app"]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("$A-${A}", "a-a"),
        ("$$A", "$A"),
        ("${EMPTY:-x}${EMPTY-y}", "x"),
        ("${NONE-${A}}", "a"),
        ("${A:+x}${EMPTY:+y}${EMPTY+z}", "xz"),
        ("${NONE:-a{b}c}", "a{b}c"),
        ("$NONE", ""),
        ("a $ b", "a $ b"),
        ("$1", "$1"),
    ],
)
def test_variables_are_replaced(text: str, made: str) -> None:
    assert substitute(text, _VARIABLES.get) == made


@pytest.mark.parametrize("text", ["${}", "${A", "${A:x}", "${1}", "${A!}"])
def test_a_variable_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DefinitionFault, match="invalid variable"):
        substitute(text, _VARIABLES.get)


def test_a_required_variable_says_why() -> None:
    with pytest.raises(DefinitionFault, match="the variable X is required: set X to a"):
        substitute("${X:?set X to $A}", _VARIABLES.get)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\n", {"A": "1"}),
        ("export A = b c # comment\n", {"A": "b c"}),
        ("A='$B \\n'\nB=\"x\\ty\"\n", {"A": "$B \\n", "B": "x\ty"}),
        ("A=x\nB=$A${C-z}\n", {"A": "x", "B": "xz"}),
        ('A="two\nlines"\n', {"A": "two\nlines"}),
        ("# only\n\n", {}),
        ("A: yaml\n", {"A": "yaml"}),
        ("A=#x\n", {"A": "#x"}),
        ("A=\n", {"A": ""}),
    ],
)
def test_a_dotenv_file_is_read(text: str, found: dict[str, str]) -> None:
    assert parse_dotenv(text, lambda _name: None) == found


@pytest.mark.parametrize("text", ['A="x\n', "A!=x\n", "A B=x\n"])
def test_a_dotenv_file_that_is_wrong_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(DefinitionFault, match=r"\.env: line 1"):
        parse_dotenv(text, lambda _name: None)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        (
            "args: {A: 1, B: 1.50, C: true, D: null, E: yes}",
            "args",
            {"A": "1", "B": "1.5", "C": "true", "E": "yes"},
        ),
        ("args: [A, X=1]", "args", {"A": "a", "X": "1"}),
        ("labels: [a, b=c]", "labels", {"a": "", "b": "c"}),
        ("shm_size: 1.5g", "shm-size", "1.5GiB"),
        ("shm_size: 1000", "shm-size", "1000B"),
        ("extra_hosts: {a: [1.1.1.1, '[::1]']}", "extra-hosts", {"a": "1.1.1.1,::1"}),
        ("ssh: [default, key=./k]", "ssh", [{"id": "default"}, {"id": "key", "paths": ["k"]}]),
        ("provenance: false", "attest", [{"disabled": True, "type": "provenance"}]),
        ("no_cache: 'on'", "no-cache", True),
        ("pull: false", "pull", None),
        ("ulimits: {nproc: 65535}", "ulimits", ["nproc=65535:65535"]),
        ("additional_contexts: [a=./x]", "contexts", {"a": "x"}),
        ("tags: []", "tags", None),
    ],
)
def test_a_build_section_becomes_a_target(section: str, key: str, value: Any) -> None:
    assert _build(section).get(key) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("services: []\n", "must be a mapping"),
        ("x\n", "must be a mapping"),
        ("volumes: {}\n", "is empty"),
        ("services:\n  a:\n    build: {args: 5}\n", "services.a.build.args"),
        ("services:\n  a:\n    build: {tags: x}\n", "services.a.build.tags must be a list"),
        ("services:\n  a:\n    build: {context: 5}\n", "context must be a text"),
        ("services:\n  a:\n    build: {dockerfile: a, dockerfile_inline: b}\n", "both a dockerfile"),
        ("services:\n  a:\n    build: {pull: maybe}\n", "true or false"),
        ("services:\n  a:\n    build: {ssh: [x]}\n", "name=path"),
        ("services:\n  a:\n    build: {shm_size: big}\n", "a size such as"),
        ("services:\n  a:\n    build: {extra_hosts: [x]}\n", "host=address"),
        ("services:\n  a:\n    build: {secrets: [x]}\n", 'no secret "x"'),
        ("services:\n  a:\n    build: {secrets: [x]}\nsecrets:\n  x: {external: true}\n", "is external"),
        ("services:\n  a:\n    build: {additional_contexts: {x: 'service:b'}}\n", "uses the service b"),
        ("services:\n  a b:\n    build: .\n", "can't be a target"),
        ("services:\n  a:\n    extends: b\n", "extends b"),
        ("services:\n  a:\n    extends: {service: b, file: none.yaml}\n", "no file none.yaml"),
        ("include: [none.yaml]\n", "no file none.yaml"),
        ("include: [compose.yaml]\nservices: {}\n", "no file|include each other"),
        ("services:\n  a:\n    env_file: none\n    build: {args: [Z]}\n", "no file none"),
        ("services:\n  a: {build: ., build: x}\n", "stands here twice"),
    ],
)
def test_a_compose_file_that_is_wrong_is_refused(text: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why):
        _targets(text)


def test_files_that_include_each_other_are_refused() -> None:
    files = {"one.yaml": "include: [two.yaml]\n", "two.yaml": "include: [one.yaml]\n"}

    with pytest.raises(DefinitionFault, match=r"one\.yaml -> two\.yaml -> one\.yaml"):
        _targets("include: [one.yaml]\n", **files)


def test_paths_of_another_file_are_relative_to_it() -> None:
    found = _targets(
        "include: [sub/compose.yaml]\nservices:\n  own:\n    build: ./own\n",
        **{
            "sub/compose.yaml": "services:\n  app:\n    extends: {file: lib/base.yaml, service: base}\n",
            "sub/lib/base.yaml": "services:\n  base:\n    build:\n      context: src\n"
            "      additional_contexts: {x: ../y}\n",
        },
    )

    assert found["app"]["context"] == "sub/lib/src"
    assert found["app"]["contexts"] == {"x": "sub/y"}
    assert found["own"]["context"] == "own"


def test_nothing_is_read_that_no_file_names() -> None:
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return None

    parse_files([BakeFile("compose.yaml", b"services:\n  a:\n    build: .\n")], outside(), read)

    assert set(asked) == {".env"}
    assert nothing("x") is None
