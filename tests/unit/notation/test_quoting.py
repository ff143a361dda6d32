"""Foreign text in messages."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notation.quoting import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("app", '"app"'),
        ("", '""'),
        ("it's ü", '"it\'s ü"'),
        ('a "b" \\', '"a \\"b\\" \\\\"'),
        ("a\nb\x1b[0m", '"a\\nb\\x1b[0m"'),
    ],
)
def test_a_text_is_shown_in_double_quotes(text: str, shown: str) -> None:
    assert quoted(text) == shown


@given(st.text())
def test_what_is_shown_is_one_printable_line_that_reads_back(text: str) -> None:
    assert quoted(text).isprintable()
    assert ast.literal_eval(quoted(text)) == text
