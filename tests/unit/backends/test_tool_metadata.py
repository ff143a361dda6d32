from __future__ import annotations

import json
from base64 import b64decode

import pytest

from router.backends.tool_metadata import tool_metadata
from router.model.events import Event, Notice


def test_what_a_program_has_decoded_is_packed_again() -> None:
    heard: list[Event] = []

    found = tool_metadata('{"containerimage.digest": "sha256:a", "x": {"y": [1]}}', "buildctl", heard.append)

    assert found["containerimage.digest"] == "sha256:a"
    assert json.loads(b64decode(found["x"])) == {"y": [1]}
    assert heard == []


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('{"a": ', "is not valid JSON (line 1, column 7)"),
        ("[" * 5000, "is nested too deeply: 128 levels are read at most"),
        ('{"a": 1e999}', "holds a number that is out of range"),
        ("[]", "is not a JSON object"),
    ],
)
def test_what_cannot_be_read_is_a_warning_and_no_failure(written: str, why: str) -> None:
    heard: list[Event] = []

    assert tool_metadata(written, "buildctl", heard.append) == {}

    assert heard == [Notice(level="warning", text=f"the metadata that buildctl wrote {why}")]


def test_a_program_that_wrote_nothing_has_no_metadata() -> None:
    assert tool_metadata("", "buildctl", lambda _event: None) == {}
