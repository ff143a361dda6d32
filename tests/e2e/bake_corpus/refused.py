"""Definitions that are wrong: buildx refuses them, and so does `warmroute bake`."""

from __future__ import annotations

from tests.e2e.bake_corpus import Case, case

__all__ = ["REFUSED"]

REFUSED: tuple[Case, ...] = (
    case("an unclosed block", 'target "default" {\n  tags = ["a"]\n'),
    case("an unclosed string", 'target "default" {\n  tags = ["a]\n}\n'),
    case("an unclosed template", 'target "default" {\n  tags = ["${x"]\n}\n'),
    case("no value", 'target "default" {\n  tags =\n}\n'),
    case("two arguments on a line", 'target "default" { tags = ["a"] context = "." }\n'),
    case("an argument twice", 'target "default" {\n  tags = ["a"]\n  tags = ["b"]\n}\n'),
    case("no variable", 'target "default" {\n  context = nothing\n}\n'),
    case("no function", 'target "default" {\n  context = nothing("x")\n}\n'),
    case("too few arguments", 'target "default" {\n  context = replace("x")\n}\n'),
    case("too many arguments", 'target "default" {\n  context = upper("x", "y")\n}\n'),
    case("an argument of the wrong type", 'target "default" {\n  context = upper(["x"])\n}\n'),
    case("tags that are a text", 'target "default" {\n  tags = "a"\n}\n'),
    case("a null tag", 'target "default" {\n  tags = [null]\n}\n'),
    case("a flag that is none", 'target "default" {\n  pull = "maybe"\n}\n'),
    case("an index out of range", 'target "default" {\n  context = ["a"][1]\n}\n'),
    case("no such attribute", 'target "default" {\n  context = { a = 1 }.b\n}\n'),
    case("a null in a string", 'target "default" {\n  context = "x${null}"\n}\n'),
    case(
        "variables in a circle",
        'variable "A" { default = B }\nvariable "B" { default = A }\ntarget "default" {}\n',
    ),
    case("functions in a circle", 'function "f" {\n  params = []\n  result = f()\n}\ntarget "default" {}\n'),
    case("arguments in a circle", 'target "default" {\n  args = { A = target.default.args.A }\n}\n'),
    case(
        "a function of what there is not",
        'function "f" {\n  params = []\n  result = nothing\n}\ntarget "default" {}\n',
    ),
    case("no target", 'target "default" {}\n', "other"),
    case("no target by a pattern", 'target "default" {}\n', "other-*"),
    case("no parent", 'target "default" { inherits = ["nothing"] }\n'),
    case("no member", 'group "default" { targets = ["nothing"] }\n'),
    case("a target that links itself", 'target "default" { contexts = { x = "target:default" } }\n'),
    case(
        "targets that link each other",
        'target "default" { contexts = { x = "target:b" } }\ntarget "b" { contexts = { x = "target:default" } }\n',
    ),
    case(
        "links of other platforms",
        'target "default" {\n  platforms = ["linux/amd64", "linux/arm64"]\n  contexts = { x = "target:b" }\n}\ntarget "b" { platforms = ["linux/amd64", "linux/s390x"] }\n',
    ),
    case(
        "a validation that fails",
        'variable "X" {\n  default = 1\n  validation {\n    condition = X > 1\n    error_message = "Too small: ${X}."\n  }\n}\ntarget "default" {}\n',
    ),
    case(
        "a number that is none",
        'variable "X" { default = 1 }\ntarget "default" { args = { X = X } }\n',
        X="one",
    ),
    case(
        "a default of the wrong type",
        'variable "X" {\n  type = number\n  default = "x"\n}\ntarget "default" {}\n',
    ),
    case("a type that is none", 'variable "X" {\n  type = text\n}\ntarget "default" {}\n'),
    case(
        "JSON of the wrong type",
        'variable "X" {\n  type = list(number)\n}\ntarget "default" { args = { X = jsonencode(X) } }\n',
        X_JSON='["a"]',
    ),
    case("a matrix of texts", 'target "default" {\n  matrix = { x = "a" }\n}\n'),
    case("a matrix with one name", 'target "default" {\n  name = "same"\n  matrix = { x = ["a", "b"] }\n}\n'),
    case("a name without a matrix", 'target "default" {\n  name = "x"\n}\n'),
    case("a name with dots", 'target "a.b" {}\n', "a.b"),
    case("an output without a type", 'target "default" {\n  output = [{ dest = "x" }]\n}\n'),
    case("an output without a place", 'target "default" { output = ["type=local"] }\n'),
    case("two outputs on stdout", 'target "default" { output = ["type=tar", "type=oci"] }\n'),
    case("a cache without a type", 'target "default" {\n  cache-from = [{ ref = "x" }]\n}\n'),
    case("a secret with a wrong field", 'target "default" {\n  secret = ["name=x"]\n}\n'),
    case("a set without a key", 'target "default" {}\n', "--set=default=x"),
    case("a set without a value", 'target "default" {}\n', "--set=default.tags"),
    case("a set of no target", 'target "default" {}\n', "--set=other.tags=x"),
    case("a set of an unknown key", 'target "default" {}\n', "--set=default.nothing=x"),
    case("a set of a flag that is none", 'target "default" {}\n', "--set=default.pull=maybe"),
    case("a var without a value", 'target "default" {}\n', "--var=X"),
    case("no common type", 'target "default" {\n  context = true ? ["a"] : { b = 1 }\n}\n'),
    case("a for over a text", 'target "default" {\n  tags = [for x in "abc" : x]\n}\n'),
    case("a key twice", 'target "default" {\n  args = { for x in ["a", "a"] : x => x }\n}\n'),
    case("single quotes", "target \"default\" {\n  context = 'x'\n}\n"),
    case("a heredoc without end", 'target "default" {\n  dockerfile-inline = <<EOT\nFROM x\n}\n'),
    case("an if without end", 'target "default" {\n  context = "%{ if true }x"\n}\n'),
    case("an escape that is none", 'target "default" {\n  context = "a\\qb"\n}\n'),
    case("a pattern that is none", 'target "default" {\n  context = regex("(", "x")\n}\n'),
    case("a pattern that matches nothing", 'target "default" {\n  context = regex("z", "x")\n}\n'),
    case("a platform that is none", 'target "default" { platforms = ["linux//x"] }\n'),
    case("an annotation that is none", 'target "default" { annotations = ["x:y=z"] }\n'),
    case("an annotation without a value", 'target "default" { annotations = ["x"] }\n'),
    case("a limit that is none", 'target "default" { ulimits = ["files=1"] }\n'),
    case("a size that is none", 'target "default" { shm-size = "big" }\n'),
    case("a size that is empty", 'target "default" { shm-size = "" }\n'),
    case("a resource that is none", 'target "default" { resources = { memory = "lots" } }\n'),
    Case(name="no definition", files={"README": "nothing"}),
    Case(name="no such file", files={}, words=("-f", "nothing.hcl")),
    Case(
        name="JSON with a comma too many",
        files={"docker-bake.json": '{"target": {"default": {"tags": ["a",]}}}\n'},
    ),
    Case(name="JSON without end", files={"docker-bake.json": '{"target": {"default": {\n'}),
    Case(
        name="JSON with a wrong template",
        files={"docker-bake.json": '{\n  "target": {"default": {"context": "${x"}}\n}\n'},
    ),
    Case(name="a service without a build", files={"compose.yaml": "services:\n  a: {}\n"}),
    Case(
        name="a build with an unknown key",
        files={"compose.yaml": "services:\n  a:\n    build: {contxt: x}\n"},
    ),
    Case(
        name="a required variable",
        files={"compose.yaml": 'services:\n  a:\n    build: "${DIR:?give a directory}"\n'},
    ),
    Case(name="a variable that is none", files={"compose.yaml": 'services:\n  a:\n    build: "${}"\n'}),
    Case(
        name="an unknown secret",
        files={"compose.yaml": "services:\n  a:\n    build:\n      context: .\n      secrets: [x]\n"},
    ),
    Case(
        name="a service that extends itself",
        files={"compose.yaml": "services:\n  a:\n    extends: a\n    build: .\n"},
    ),
    Case(name="YAML that is none", files={"compose.yaml": "services: [\n"}),
    Case(
        name="a key of YAML twice",
        files={"compose.yaml": "services:\n  a:\n    build: x\n  a:\n    build: y\n"},
    ),
    Case(name="a build that is a number", files={"compose.yaml": "services:\n  a:\n    build: 5\n"}),
    Case(name="a service whose name is a number", files={"compose.yaml": "services:\n  1:\n    build: .\n"}),
    Case(
        name="a secret of nothing",
        files={"compose.yaml": "services:\n  a:\n    build: {context: ., secrets: [s]}\nsecrets:\n  s: {}\n"},
    ),
    Case(
        name="a limit of compose that is none",
        files={
            "compose.yaml": "services:\n  a:\n    build: {context: ., ulimits: {files: {soft: 1, hard: 2}}}\n"
        },
    ),
)
