"""Errors that end the command."""

from __future__ import annotations

from cli.render.error import render_error
from router.errors import BuildError, DialError


def test_an_error_is_its_message_and_its_hint() -> None:
    error = DialError("tcp://10.0.0.1:1234 refused the connection", hint="is buildkitd running?")

    assert render_error(error, color=False) == (
        "ERROR: tcp://10.0.0.1:1234 refused the connection\nhint: is buildkitd running?\n"
    )


def test_a_failed_build_shows_the_step_its_output_and_the_dockerfile() -> None:
    error = BuildError(
        "failed to solve: exit code: 1",
        step="[2/2] RUN false",
        log_tail=("one", "two"),
        excerpt="Dockerfile:2\n-----\n   2 | >>> RUN false\n-----",
    )

    assert render_error(error, color=False) == (
        "------\n > [2/2] RUN false:\n  one\n  two\n------\n"
        "Dockerfile:2\n-----\n   2 | >>> RUN false\n-----\n"
        "ERROR: failed to solve: exit code: 1\n"
    )


def test_a_failed_build_without_a_step_shows_the_message_alone() -> None:
    assert render_error(BuildError("no such target"), color=False) == "ERROR: no such target\n"


def test_what_a_step_wrote_can_not_touch_the_terminal() -> None:
    error = BuildError("bad \x1b[2J", step="a\x1b]0;t\x07", log_tail=("10%\r100%", "\x1b[31mred\x1b[0m"))

    assert render_error(error, color=False) == "------\n > a:\n  100%\n  red\n------\nERROR: bad \n"


def test_a_message_of_several_lines_keeps_them_indented() -> None:
    assert render_error(DialError("one\ntwo"), color=False) == "ERROR: one\n  two\n"


def test_colour_marks_the_error() -> None:
    assert render_error(DialError("no"), color=True) == "\x1b[31mERROR:\x1b[0m no\n"
