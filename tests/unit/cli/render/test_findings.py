"""How findings are told: one line for what is fine, and nothing that a daemon's text could do."""

from __future__ import annotations

import json

import pytest

from cli.render.findings import findings_json, findings_text
from router.operations.doctor.finding import Finding

FINE = Finding(check="reach", level="ok", subject="a", tried="asked a", result="answers in 2 ms")
WRONG = Finding(
    check="gc policy",
    level="problem",
    subject="b",
    tried="read its rules",
    result="gives up everything " * 8,
    advice="in buildkitd.toml:\n[worker]\n  gc = true",
)


def test_what_is_fine_takes_a_line_and_what_is_not_says_what_to_do() -> None:
    lines = findings_text([FINE, WRONG], room=80, verbose=False).split("\n")

    assert lines[0] == "ok       reach a: answers in 2 ms"
    assert lines[1].startswith("problem  gc policy b: gives up everything")
    assert lines[-6:] == [
        "         tried: read its rules",
        "         do: in buildkitd.toml:",
        "           [worker]",
        "             gc = true",
        "",
        "2 checks: 1 ok, 0 to note, 1 problem",
    ]


@pytest.mark.parametrize("room", [60, 80, 200, None])
def test_no_line_is_wider_than_the_terminal_nor_too_long_to_read(room: int | None) -> None:
    lines = findings_text([FINE, WRONG], room=room, verbose=True).split("\n")

    assert max(map(len, lines)) <= min(room or 110, 110)


def test_how_it_is_known_is_told_of_all_when_asked() -> None:
    assert "asked a" not in findings_text([FINE], room=None, verbose=False)
    assert "tried: asked a" in findings_text([FINE], room=None, verbose=True)


def test_the_same_advice_is_given_once() -> None:
    text = findings_text([WRONG, WRONG], room=None, verbose=False)

    assert text.count("gc = true") == 1
    assert "do: as above" in text


def test_text_of_strangers_does_nothing() -> None:
    odd = Finding(
        check="reach", level="problem", subject="a", result="\x1b[2J::error::x\n::stop", advice="\x1b]0;x"
    )

    text = findings_text([odd], room=None, verbose=False)

    assert "\x1b" not in text
    assert not [line for line in text.split("\n") if line.lstrip().startswith("::")]


def test_programs_get_all_of_it() -> None:
    (found,) = json.loads(findings_json([WRONG]))

    assert found["advice"] == WRONG.advice
    assert sorted(found) == ["advice", "check", "level", "result", "subject", "tried"]
