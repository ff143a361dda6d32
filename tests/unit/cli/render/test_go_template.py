"""The part of Go's templates that is read here."""

from __future__ import annotations

import pytest

from cli.render.go_template import check, fill
from router import UsageError

VALUES = {"Name": "a/b", "Manifest": {"": {"size": 3}, "Digest": "sha256:1", "Size": 3}}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain {} text", "plain {} text"),
        ("{{.Name}}", "a/b"),
        ("<{{ .Manifest.Digest }}|{{.Manifest.Size}}>", "<sha256:1|3>"),
        ("{{json .Manifest}}", '{\n  "size": 3\n}'),
        ("{{json .Name}}", '"a/b"'),
    ],
)
def test_fields_and_json_of_them_are_filled_in(template: str, text: str) -> None:
    assert fill(template, VALUES) == text


@pytest.mark.parametrize(
    "template", ["{{.X", "{{- .Name}}", "{{range .Manifest}}", "{{}}", "{{json}}", "{{.Name | x}}"]
)
def test_what_is_not_read_is_refused_before_there_are_values(template: str) -> None:
    with pytest.raises(UsageError, match="can't read --format"):
        check(template)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{.Image}}", "there is no field .Image there; the fields are: .Name, .Manifest"),
        ("{{.Name.First}}", "there is no field .First there; the fields are: none"),
        ("{{.Manifest}}", "is not a single value; write json .Manifest"),
    ],
)
def test_a_field_that_is_not_there_is_named(template: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        fill(template, VALUES)
