"""No display lets a stranger's text act: not on a terminal, not on a console of CI, not on who reads it."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.call import render_answer
from cli.render.error import render_error
from cli.render.foreign import escaped, indented, lines_of, log_text, place
from cli.render.plain import PlainRenderer
from cli.render.rawjson import RawJsonRenderer
from cli.render.table import table
from cli.render.tty import open_tty
from cli.render.warnings import summarize_warnings
from router.errors import BuildError, DialError
from router.flags.call import parse_call
from router.model.address import UnixAddress
from router.model.events import (
    Attempt,
    Event,
    Notice,
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexStatus,
    VertexWarning,
)
from router.model.source import excerpt, source_lines

COMMAND = "::set-env name=PATH::/evil"
PIECES = ("a", " ", "\n", "\r", "\t", "\b", "\x07", "\x1b", "[", "2J", "31m", "\x9b", "\x85", "\x00", "\x7f")
MORE = ("]", "::", "##", "\u202e", "\u2028", "\ud800", "漢", "ERROR:", "\x1b[2K", "\x1b]0;", COMMAND)
TEXTS = st.lists(st.sampled_from([*PIECES, *MORE]), max_size=12).map("".join)
# What the displays themselves write.
OWN = re.compile(r"\x1b\[(?:0|2|3[0-9]|9[0-9])?m|\x1b\[\?(?:25|7)[hl]|\x1b\[[0-9]*[AKJ]|\r(?=\x1b)|\n")


def told(text: str) -> list[Event]:
    """A build in which every word is the stranger's."""
    data = text.encode("utf-8", "replace")
    vertex = Vertex(digest="d", name=text, started=1)
    group = Vertex(
        digest="g", name=text, started=1, completed=2, progress_group=ProgressGroup(id="p", name=text)
    )
    warning = VertexWarning(
        vertex="d",
        short=data,
        detail=(data,),
        url=text,
        source_filename=text,
        source_data=data,
        ranges=(SourceRange(start_line=1, end_line=1),),
    )
    return [
        SolveStatus(vertexes=(vertex, group)),
        SolveStatus(statuses=(VertexStatus(id=text, vertex="d", name=text, started=1, completed=2),)),
        SolveStatus(warnings=(warning,)),
        Notice(level="warning", text=text),
        Attempt(number=2, daemon=text, address=UnixAddress(path=text), reason=text or "x"),
        SolveStatus(vertexes=(Vertex(digest="d", name=text, started=1, completed=2, error=text or "x"),)),
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plain(text: str, stream: io.StringIO, verbosity: int = 1) -> str:
    renderer = PlainRenderer(stream, verbosity=verbosity)
    for event in told(text):
        renderer.event(event)
    renderer.close(None)
    return stream.getvalue()


def tty(text: str) -> str:
    stream = Terminal()
    renderer = open_tty(stream, environment={}, verbosity=1)
    for event in told(text):
        renderer.event(event)
    renderer.close(None)
    return stream.getvalue()


def rawjson(text: str) -> str:
    stream = io.StringIO()
    renderer = RawJsonRenderer(stream)
    for event in told(text):
        renderer.event(event)
    return stream.getvalue()


def error(text: str) -> str:
    source = excerpt(
        text, source_lines(text.encode("utf-8", "replace")), [SourceRange(start_line=1, end_line=1)]
    )
    failed = BuildError(text, step=text, log_tail=(text, text), excerpt=source, hint=text)
    return render_error(failed, color=False) + render_error(DialError(text, hint=text), color=True)


def answer(text: str) -> str:
    metadata: Mapping[str, str] = {"result.txt": text, "result.json": json.dumps(text, ensure_ascii=False)}
    formats = ("outline", "outline,format=json", "check")
    return "".join(render_answer(parse_call(call), metadata, None).text for call in formats)


WITH_TIMERS = ("plain", "plain on a terminal", "tty")
DISPLAYS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: plain(text, io.StringIO()),
    "plain on a terminal": lambda text: plain(text, Terminal()),
    "tty": tty,
    "rawjson": rawjson,
    "error": error,
    "answer": answer,
    "warnings": lambda text: summarize_warnings(told(text)[2].warnings, verbosity=1),  # type: ignore[union-attr]
    "table": lambda text: table(("NAME", "STATE"), [(text, text)]),
}


@pytest.mark.parametrize("display", [name for name in DISPLAYS if name not in WITH_TIMERS])
@given(text=TEXTS)
def test_nothing_that_acts_is_printed(display: str, text: str) -> None:
    check(DISPLAYS[display](text))


@pytest.mark.parametrize("display", WITH_TIMERS)
@pytest.mark.parametrize(
    "text",
    [
        "\x1b]0;title\x07name",
        f"a\n{COMMAND}",
        f"a\r{COMMAND}",
        f"  {COMMAND}",
        "a\nwarmroute: build succeeded",
        "a\x1b[2K\x1b[1Gwarmroute: build succeeded\x85\u2028b",
        "\u202eabc\x9b2J",
        "##[error]x\n##vso[task.complete]",
    ],
)
def test_nothing_that_acts_is_printed_by_displays_with_timers(display: str, text: str) -> None:
    shown = DISPLAYS[display](text)

    check(shown)
    assert not re.search("(?m)^warmroute: build succeeded", shown.replace("warmroute: warmroute:", ""))


def check(shown: str) -> None:
    """Fail where something is left that a terminal or a console of CI obeys."""
    rest = OWN.sub(lambda match: "\n" if match[0] == "\n" else "", shown)
    acting = {each for each in rest if unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"}}
    assert acting <= {"\n", "\t"}, ascii(shown)
    assert "\u202e" not in rest
    for line in rest.split("\n"):
        assert not line.strip().startswith(("::", "##")), ascii(shown)


@given(text=TEXTS)
def test_a_message_begins_one_line_and_indents_the_others(text: str) -> None:
    first, *others = lines_of(text)

    assert "\n" not in first
    assert all(line.startswith("  ") or not line for line in others)
    check("\n".join(others))


@given(text=TEXTS)
def test_escaped_json_means_the_same(text: str) -> None:
    packed = json.dumps(text, ensure_ascii=False)

    assert json.loads(escaped(packed)) == text
    assert all(unicodedata.category(each) not in {"Cc", "Cs"} for each in escaped(packed))


@given(text=TEXTS.filter(lambda text: "\n" not in text), terminal=st.booleans())
def test_a_line_of_a_log_does_no_more_than_return_and_colour(text: str, terminal: bool) -> None:
    shown = f"#1 0.1 {log_text(text, terminal=terminal)}"

    if not terminal:
        shown = re.sub(r"\x1b\[[0-9;:]*m", "", shown)
        for piece in shown.split("\r"):
            assert not piece.strip().startswith(("::", "##")), ascii(shown)
        shown = shown.replace("\r", "")
    check(shown)


@pytest.mark.parametrize(
    ("text", "off", "on"),
    [
        ("10%\r20%\r100%", "10%\r20%\r100%", "100%"),
        ("\x1b[32mgreen\x1b[0m end", "\x1b[32mgreen\x1b[0m end", "green end"),
        ("\x1b[38:5:1mred", "\x1b[38:5:1mred", "red"),
        ("\x1b[2Jcleared\x07", "cleared", "cleared"),
        (f"x\r{COMMAND}", f"x\r| {COMMAND}", COMMAND),
        (f"x\r\x1b[1m  {COMMAND}", f"x\r| \x1b[1m  {COMMAND}", COMMAND),
        ("a\tb", "a\tb", "a       b"),
    ],
)
def test_what_is_left_of_a_line_of_a_log(text: str, off: str, on: str) -> None:
    assert log_text(text, terminal=False) == off
    assert log_text(text, terminal=True).strip() == on


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Dockerfile:3", "Dockerfile:3"),
        ("my dir/Dockerfile.dev:12", "my dir/Dockerfile.dev:12"),
        ("warmroute: build succeeded:3", "  warmroute: build succeeded:3"),
        (f"{COMMAND}:3", f"  | {COMMAND}:3"),
    ],
)
def test_only_what_looks_like_a_place_begins_a_line(line: str, shown: str) -> None:
    assert place(line) == shown


def test_an_empty_line_stays_empty() -> None:
    assert indented("") == ""
