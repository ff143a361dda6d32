"""Functions: the edges that a definition seldom meets. That they are buildx's is shown beside buildx."""

from __future__ import annotations

import time

import pytest

from router.bake.functions import NAMES, standard_function
from router.bake.places import DefinitionFault
from tests.unit.bake.definitions import evaluated


def test_every_function_is_where_the_table_says() -> None:
    assert len(NAMES) > 100
    assert [name for name in NAMES if standard_function(name) is None] == []


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("homedir()", "/home/me"),
        ("timestamp()", "2024-02-29T13:04:05Z"),
        ('length(split("", "añ"))', "2"),
        ('try(nothing, 1 / 0 == 1, "x")', "false"),
        ("can(nothing)", "false"),
        ('convert("5", number) + 1', "6"),
        ("strlen(uuidv4())", "36"),
        ('regex_replace("ab", "(?i)B", "$0$0")', "abb"),
        ('regexall("a*", "baa")', '["","aa"]'),
        ('jsonencode("<&>")', '"\\u003c\\u0026\\u003e"'),
        ('format("%v", 10000000)', "1e+07"),
        ('format("%s", 10000000)', "10000000"),
        ('cidrsubnets("10.0.0.0/30", 1, 1)', '["10.0.0.0/31","10.0.0.2/31"]'),
        ('strlen("👩‍👧‍👦🇩🇪")', "2"),
        ('title("one-two")', "One-Two"),
        ('setproduct(["a"], ["b", "c"])', '[["a","b"],["a","c"]]'),
    ],
)
def test_a_function_has_its_result(expression: str, value: str) -> None:
    assert evaluated(expression) == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("range(5000)", "more than 1024"),
        ("range(1, 5, 0)", "zero"),
        ("range(1, 5, -1)", "leads away"),
        ('indent(99999999, "a\\nb")', "spaces"),
        ("element([], 1)", "no elements"),
        ('substr("x", 0.5, 1)', "whole number"),
        ('parseint("9", 8)', "not an integer"),
        ('parseint("1", 99)', "between 2 and 62"),
        ('base64decode("/w==")', "not UTF-8"),
        ('base64decode("?")', "not valid base64"),
        ('csvdecode("a,a\\n")', "same name"),
        ('csvdecode("a\\n1,2\\n")', "2 fields"),
        ('formatdate("Q", "2024-01-01T00:00:00Z")', "no word"),
        ('formatdate("YYYY", "yesterday")', "RFC 3339"),
        ('timeadd("2024-01-01T00:00:00Z", "soon")', "no duration"),
        ('regex("(?=x)", "x")', "not supported"),
        ('regex("(a", "x")', "without end"),
        ('regex("a**", "x")', "repeated"),
        ('regex("\\\\1", "x")', "refers back"),
        ('regex("(?P<a>x)(y)", "xy")', "both groups"),
        ('regex("a{2000}", "x")', "count of repeats"),
        ('regexall("(((x{100}){100}){100})", "x")', "too large"),
        ('semvercmp("x", "1")', "not a version"),
        ('semvercmp("1", "?")', "not a constraint"),
        ('cidrhost("10.0.0.0", 1)', "not a network"),
        ('cidrsubnet("10.0.0.0/30", 8, 1)', "can't be extended"),
        ('cidrsubnets("10.0.0.0/31", 1, 1, 1)', "no room"),
        ('jsondecode("{")', "not valid JSON"),
        ('bcrypt("x")', "not supported"),
        ('uuidv5("x", "y")', "no namespace"),
        ('format("%d", "x")', "doesn't fit"),
        ('format("%s")', "no argument 1"),
        ('format("x", 1)', "uses 0"),
        ('format("%999999d", 1)', "wider than"),
        ("upper(null)", "must not be null"),
        ("try()", "at least one"),
        ('lookup("x", "a", 1)', "a map or an object"),
        ('rsadecrypt("eA==", "no key")', "can't be decrypted"),
        ("pow(10, 400) * 2", "infinite"),
    ],
)
def test_what_a_function_can_t_take_is_told(expression: str, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why) as raised:
        evaluated(expression)

    assert raised.value.place is not None


@pytest.mark.parametrize(
    "pattern",
    ["(a*)*b", "(a|a)*b", "(a+)+$", "(.*)(.*)(.*)x", "((a?){20}a{20})"],
    ids=lambda pattern: pattern,
)
def test_a_pattern_that_makes_others_go_back_takes_no_time_here(pattern: str) -> None:
    began = time.process_time()

    evaluated(f'can(regex("{pattern}", "{"a" * 2000}"))')

    assert time.process_time() - began < 20
