"""``--build-arg`` and ``--label``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notation.keyvalue import format_key_values, parse_build_args, parse_labels
from tests.unit.specs.refused import refused

_VALUES = st.dictionaries(st.text(min_size=1).filter(lambda name: "=" not in name), st.text())


@given(_VALUES)
def test_values_survive_formatting_and_parsing(values: dict[str, str]) -> None:
    texts = format_key_values(values)

    assert parse_build_args(texts, {}) == parse_labels(texts) == values


def test_a_build_arg_without_a_value_takes_the_environments() -> None:
    assert parse_build_args(["A", "B", "C="], {"A": "1", "C": "2"}) == {"A": "1", "C": ""}


def test_a_label_without_a_value_is_empty() -> None:
    assert parse_labels(["a", "b=c=d"]) == {"a": "", "b": "c=d"}


def test_the_last_of_several_counts() -> None:
    assert parse_build_args(["A=1", "A=2"], {}) == {"A": "2"}


def test_a_missing_name_is_refused_without_repeating_the_value() -> None:
    error = refused(lambda: parse_build_args(["=hunter2"], {}))

    assert str(error) == "invalid --build-arg: the name before the equals sign is missing"


@pytest.mark.parametrize("path", [".", "..", "./app", "../app", "/app", "~/app"])
def test_a_context_behind_an_option_without_a_value_is_not_taken_for_it(path: str) -> None:
    for name, parse in (
        ("--build-arg", lambda: parse_build_args([path], {})),
        ("--label", lambda: parse_labels([path])),
    ):
        error = refused(parse)

        assert str(error) == f"invalid {name}: its value is a path, not NAME=VALUE or NAME"


@pytest.mark.parametrize("text", [".=x", "/a=b", "com.example.a/b", ".hidden"])
def test_names_may_look_odd(text: str) -> None:
    assert list(parse_labels([text])) == [text.partition("=")[0]]
