"""HCL's native syntax: what is read, and what is refused and where."""

from __future__ import annotations

import pytest

from router.bake.bodies import Body, parse_native
from router.bake.places import DefinitionFault, Source
from tests.unit.bake.definitions import evaluated


def _read(text: str) -> Body:
    return parse_native(Source("x.hcl", text))


def test_blocks_and_arguments_are_read_in_their_order() -> None:
    body = _read('a = 1\ntarget "x" "y" {\n  b = 2\n  inner {}\n}\ngroup z {}\n')

    assert list(body.attributes) == ["a"]
    assert [(each.type, each.labels) for each in body.blocks] == [("target", ("x", "y")), ("group", ("z",))]
    assert list(body.blocks[0].attributes) == ["b"]
    assert [each.type for each in body.blocks[0].blocks] == ["inner"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("2 * 3 == 6 && !false", "true"),
        ("true ? 1 : 2", "1"),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("-2 - -3", "1"),
        ('"a${1}b"', "a1b"),
        ('"${[1, 2]}"', "[1,2]"),
        ('"$${x} %%{y} $ %"', "${x} %{y} $ %"),
        (r'"\t\"\\\u00e9\U0001F600"', '\t"\\é😀'),
        ('"a ${~ "b" ~} c"', "abc"),
        ('"%{ if true }y%{ else }n%{ endif }"', "y"),
        ('"%{ for x in ["a", "b"] }<${x}>%{ endfor }"', "<a><b>"),
        ("[1, 2,]", "[1,2]"),
        ('{ a = 1, "b" : 2, (join("", ["c"])) = 3 }', '{"a":1,"b":2,"c":3}'),
        ("{\n a = 1\n b = 2\n }", '{"a":1,"b":2}'),
        ("[for x in [1, 2, 3] : x * 2 if x != 2]", "[2,6]"),
        ("{ for k, v in { a = 1 } : v => k }", '{"1":"a"}'),
        ('{ for x in ["a", "b"] : "k" => x... }', '{"k":["a","b"]}'),
        ("[{ a = 1 }, { a = 2 }][*].a", "[1,2]"),
        ("[{ a = 1 }].*.a", "[1]"),
        ("[[1, 2]].0.1", "2"),
        ('{ a = { b = "c" } }.a["b"]', "c"),
        ('upper(\n"x",\n)', "X"),
        ("min([3, 1]...)", "1"),
        ("<<E\n one\n  two\nE\n", " one\n  two\n"),
        ("<<-E\n    one\n      two\n\n    E\n", "one\n  two\n\n"),
        ("<<-E\n  ${1}\n E\n", " 1\n".replace(" ", "")),
        ("1 /* in between */ + 1 # behind", "2"),
    ],
)
def test_an_expression_has_its_value(expression: str, value: str) -> None:
    assert evaluated(expression) == value


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("a = \n", 1, 5, "an expression is missing"),
        ("a = (1\nb = 2", 2, 1, "closing parenthesis"),
        ("a = [1 2]\n", 1, 8, "comma or a closing bracket"),
        ("a = { b 1 }\n", 1, 9, "equals sign"),
        ("a = 1 b = 2\n", 1, 7, "newline is missing"),
        ("a = 1\na = 2\n", 2, 1, "already set on line 1"),
        ('a "b"\n', 1, 6, "equals sign"),
        ("a {\n", 2, 1, "no closing brace"),
        ("a { b = 1 c = 2 }\n", 1, 11, "one argument"),
        ('a = "x\n', 1, 5, "no closing quote"),
        ('a = "${x\n', 1, 6, "template sequence"),
        ("a = <<E\nx\n", 1, 5, "end marker E"),
        ("a = 'x'\n", 1, 5, "double quotes"),
        ("a = 1 & 2\n", 1, 7, "&&"),
        ("/* a\n", 1, 1, "comment has no end"),
        ('a = "%{ if x }"\n', 1, 6, "no endif"),
        ('a = "%{ endif }"\n', 1, 6, "belongs to"),
        ('a = "%{ while x }"\n', 1, 9, "no directive"),
        ("a = [for x : x]\n", 1, 12, 'word "in"'),
        ("a = [for x in y : x => 1]\n", 1, 21, "braces"),
        ("a = {for x in y : x}\n", 1, 20, "needs a key"),
        (r'a = "\q"', 1, 6, "no escape"),
        ("a.b = 1\n", 1, 2, "equals sign"),
        ("= 1\n", 1, 1, "argument or a block"),
        ('a "${x}" {}\n', 1, 3, "templates"),
        ("a = f(x..., y)\n", 1, 13, "last one"),
        ("a = x.\n", 1, 6, "name is missing"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, line: int, column: int, why: str) -> None:
    with pytest.raises(DefinitionFault, match=why) as raised:
        _read(text)

    place = raised.value.place
    assert place is not None
    assert (place.line, place.column) == (line, column)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "(" * 5000,
        "a = " + "[" * 5000,
        "a = " + "-" * 5000 + "1",
        "a = " + "!" * 5000 + "true",
        "a = " + "true ? " * 5000,
        "a = " + '"${' * 5000,
        "a {\n" * 5000,
        'a = "' + "%{ if true }" * 5000 + '"',
    ],
    ids=["parentheses", "brackets", "signs", "nots", "conditions", "templates", "blocks", "directives"],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(DefinitionFault):
        _read(text)
