"""The summary of the frontend's warnings."""

from __future__ import annotations

from cli.render.warnings import summarize_warnings
from router.model.events import SourceRange, VertexWarning


def lint(vertex: str, short: str) -> VertexWarning:
    return VertexWarning(
        vertex=vertex,
        short=short.encode(),
        detail=(b"Use the JSON form",),
        url="https://example.com/rule",
        source_filename="Dockerfile",
        source_data=b"FROM scratch\nCMD echo hello\n",
        ranges=(SourceRange(start_line=2, end_line=2),),
    )


def test_without_warnings_nothing_is_said() -> None:
    assert summarize_warnings([], verbosity=1) == ""


def test_each_different_warning_is_listed_once() -> None:
    text = summarize_warnings([lint("a", "one"), lint("b", "one"), lint("a", "two")], verbosity=0)

    listed = [line for line in text.splitlines() if line.startswith(" ")]
    assert [line for line in listed if "|" not in line] == [
        " 2 warnings found (-v explains them):",
        " - one",
        " - two",
    ]


def test_thousands_of_warnings_take_a_line_each() -> None:
    text = summarize_warnings([lint("a", f"warning {number}") for number in range(3000)], verbosity=0)

    assert text.splitlines()[1:4] == [
        " 3000 warnings found (-v explains them):",
        " - warning 0",
        " - warning 1",
    ]
    assert len(text.splitlines()) == 3002


def test_a_verbose_warning_is_shown_with_its_file_and_line() -> None:
    text = summarize_warnings([lint("a", "one")], verbosity=1)

    assert text.splitlines()[5:] == [
        "Dockerfile:2",
        "-" * 20,
        "   1 |     FROM scratch",
        "   2 | >>> CMD echo hello",
        "   3 |     ",
        "-" * 20,
        "",
    ]


def test_a_warning_without_a_place_is_one_line() -> None:
    text = summarize_warnings([VertexWarning(vertex="a", short=b"one")], verbosity=0)

    assert text == "\n 1 warning found (-v explains them):\n - one\n"


def test_a_verbose_summary_explains_and_quotes() -> None:
    text = summarize_warnings([lint("a", "one")], verbosity=1)

    assert text.startswith(
        "\n 1 warning found:\n - one\n  Use the JSON form\nMore info: https://example.com/rule\nDockerfile:2\n"
    )
    assert "   2 | >>> CMD echo hello\n" in text


def test_the_headline_can_be_highlighted() -> None:
    assert summarize_warnings([lint("a", "one")], verbosity=1, highlight=("<", ">")).startswith(
        "\n <1 warning found:>\n"
    )
