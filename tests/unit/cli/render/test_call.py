"""What a frontend answered instead of building."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping

import pytest

from cli.render.call import render_answer
from router.errors import UsageError
from router.flags.call import Call

DOCKERFILE = "FROM scratch AS One\nmaintainer me\nCOPY a /\n"


def place(line: int, source: int = 0) -> Mapping[str, object]:
    return {"sourceIndex": source, "ranges": [{"start": {"line": line}, "end": {"line": line}}]}


def checked(*warnings: Mapping[str, object], error: Mapping[str, object] | None = None) -> dict[str, str]:
    source = {"filename": "Dockerfile", "data": b64encode(DOCKERFILE.encode()).decode()}
    results = {"warnings": warnings, "sources": [source], "buildError": error}
    return {"result.json": json.dumps(results), "result.txt": "theirs", "result.statuscode": "1"}


def warning(rule: str, line: int, **more: object) -> Mapping[str, object]:
    return {"ruleName": rule, "detail": f"see {rule}", "location": place(line), **more}


CHECK = Call(method="check")


def test_a_check_without_findings_says_so() -> None:
    metadata = {"result.json": '{"warnings":null,"sources":null}', "result.statuscode": "0"}

    answer = render_answer(CHECK, metadata, "Dockerfile")

    assert answer == ("Check complete, no warnings found.\n", 0, None)


def test_a_finding_is_shown_at_its_place_under_the_name_that_the_user_knows() -> None:
    metadata = checked(warning("Casing", 2, url="https://rules.example/casing"))

    answer = render_answer(CHECK, metadata, "app/Dockerfile.dev")

    assert answer.text.splitlines() == [
        "Check complete, 1 warning has been found!",
        "",
        "WARNING: Casing - https://rules.example/casing",
        "see Casing",
        "app/Dockerfile.dev:2",
        "-" * 20,
        "   1 |     FROM scratch AS One",
        "   2 | >>> maintainer me",
        "   3 |     COPY a /",
        "   4 |     ",
        "-" * 20,
    ]
    assert (answer.status, answer.error) == (1, None)


def test_findings_stand_in_the_order_of_the_file() -> None:
    metadata = checked(warning("B", 3), warning("A", 1), {"ruleName": "C", "detail": "everywhere"})

    text = render_answer(CHECK, metadata, None).text

    rules = [line.removeprefix("WARNING: ") for line in text.splitlines() if line.startswith("WARNING")]
    assert rules == ["C", "A", "B"]
    assert "Dockerfile:1" in text


def test_a_dockerfile_that_cannot_be_built_is_an_error_after_the_findings() -> None:
    error = {"message": "unknown instruction: FROB", "location": place(3)}

    answer = render_answer(CHECK, checked(warning("A", 1), error=error), "Dockerfile")

    assert answer.text.startswith("Check complete, 1 warning has been found!\n")
    assert answer.text.endswith("-\n\n")
    assert str(answer.error) == "unknown instruction: FROB"
    assert answer.error is not None
    assert "   3 | >>> COPY a /" in answer.error.excerpt


def test_only_the_error_is_told_where_there_is_nothing_else() -> None:
    answer = render_answer(CHECK, checked(error={"message": "no", "location": place(1)}), None)

    assert answer.text == ""
    assert answer.error is not None


def test_the_status_can_be_ignored() -> None:
    answer = render_answer(Call(method="check", ignore_status=True), checked(warning("A", 1)), None)

    assert answer.status == 0


@pytest.mark.parametrize(
    "found",
    ["", "no JSON", "[]", '{"warnings":[1]}', '{"warnings":[{}]}', '{"warnings":{"a":1}}', '{"sources":1}'],
)
def test_findings_in_another_form_are_shown_in_the_frontends_own_words(found: str) -> None:
    metadata = {"result.json": found, "result.txt": "theirs\n"}

    answer = render_answer(CHECK, metadata, None)

    assert answer.text in {"theirs\n", "Check complete, no warnings found.\n"}


def test_other_answers_are_in_the_frontends_own_words() -> None:
    metadata = {"result.json": "{}", "result.txt": "TARGET\tDESCRIPTION\n"}

    assert render_answer(Call(method="targets"), metadata, None) == ("TARGET\tDESCRIPTION\n", 0, None)


def test_an_answer_in_json_is_passed_on_as_it_is() -> None:
    metadata = {"result.json": '{ "targets": [] }', "result.txt": "theirs"}

    answer = render_answer(Call(method="targets", format="json"), metadata, None)

    assert answer.text == '{ "targets": [] }\n'


def test_an_answer_cannot_move_the_cursor() -> None:
    metadata = {"result.txt": "a\x1b[2Jb\rc\td\n"}

    assert render_answer(Call(method="targets"), metadata, None).text == "abc\td\n"


@pytest.mark.parametrize("call", [Call(method="outline"), Call(method="outline", format="json")])
def test_no_answer_is_an_error(call: Call) -> None:
    with pytest.raises(UsageError) as caught:
        render_answer(call, {"version": "1"}, None)

    assert caught.value.hint


def test_the_lines_beside_many_findings_are_bounded() -> None:
    source = {"filename": "Dockerfile", "data": b64encode(b"x" * 900 + b"\n" * 2).decode()}
    results = {"warnings": [warning("A", 1)] * 6000, "sources": [source]}

    text = render_answer(CHECK, {"result.json": json.dumps(results)}, None).text

    assert len(text) < 6 << 20
    assert text.count("WARNING: A") == 6000
