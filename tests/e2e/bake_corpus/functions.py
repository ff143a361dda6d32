"""Definitions that call bake's functions."""

from __future__ import annotations

from collections.abc import Sequence

from tests.e2e.bake_corpus import Case, case

__all__ = ["FUNCTIONS"]


def _calls(name: str, calls: Sequence[str]) -> Case:
    """Return a definition whose target has an argument for each call, as JSON."""
    lines = "\n".join(f"    A{number} = jsonencode({call})" for number, call in enumerate(calls))
    return case(name, f'target "default" {{\n  args = {{\n{lines}\n  }}\n}}\n')


_NUMERIC = (
    "absolute(-5)", "add(1, 2.5)", "subtract(1, 2)", "multiply(3, 4)", "divide(10, 4)", "modulo(10, 4)",
    "negate(5)", "min(3, 1, 2)", "max(3, 1, 2)", "ceil(1.2)", "floor(-1.2)", "int(1.9)", "int(-1.9)",
    "log(100, 10)", "log(8, 2)", "pow(2, 10)", "pow(2, 0.5)", "signum(-3)", 'parseint("ff", 16)',
    'parseint("-101", 2)', 'parseint("zZ", 62)', "greaterthan(2, 1)", "greaterthanorequalto(1, 1)",
    "lessthan(1, 2)", "lessthanorequalto(2, 1)", "equal(1, 1)", 'notequal("a", "b")', "and(true, false)",
    "or(true, false)", "not(true)", "divide(1, 3)", "modulo(-7, 3)", "ceil(-0.5)",
)  # fmt: skip
_STRINGS = (
    'upper("héllo")', 'lower("HÉLLO")', 'title("hello world-wide isn\'t it")', 'reverse("añb")', 'strlen("añ")',
    'substr("hello", 1, 3)', 'substr("hello", -3, 2)', 'substr("hello", 1, -1)', 'substr("hello", 9, 1)',
    'substr("hello", 0, 0)', 'join("-", ["a", "b"], ["c"])', 'split(",", "a,b,,c")', 'split("", "abc")',
    'sort(["b", "a", "C"])', 'replace("a.b.c", ".", "-")', 'indent(2, "a\\nb\\nc")', 'chomp("x\\n\\r\\n")',
    'trim("xxaxx", "x")', 'trimspace("  a\\t\\n")', 'trimprefix("v1", "v")', 'trimsuffix("a.txt", ".txt")',
    'basename("/a/b/c.txt")', 'basename("a/")', 'basename("")', 'dirname("/a/b/c")', 'dirname("a")',
    'dirname("/a/../b//c")', 'sanitize("a.b/c d_e-f")', 'strlen("")', 'title("ÉTÉ x2y")',
)  # fmt: skip
_SEQUENCES = (
    "length([1, 2])", "length({ a = 1 } == null ? [] : [1])", 'element(["a", "b"], 3)', 'hasindex(["a"], 0)',
    'hasindex(["a"], 1)', 'index(["a", "b"], 1)', 'indexof(["a", "b"], "b")', 'contains(["a"], "a")',
    'contains(["a"], "b")', 'compact(["a", "", "b"])', 'distinct(["a", "b", "a"])', "chunklist([1, 2, 3], 2)",
    "flatten([[1, [2]], 3, []])", "concat([1], [2, 3])", 'concat(["a"], [1])', 'coalesce(null, "x")',
    "coalescelist([], [1])", "slice([1, 2, 3, 4], 1, 3)", "reverselist([1, 2, 3])", "range(3)", "range(1, 4)",
    "range(4, 1)", "range(0, 1, 0.25)", "range(-2)", 'keys({ b = 1, a = 2 })', "values({ b = 1, a = 2 })",
    'lookup({ a = 1 }, "a", 0)', 'lookup({ a = 1 }, "b", 0)', "merge({ a = 1 }, { b = 2, a = 3 })", "merge()",
    'zipmap(["a", "b"], [1, 2])', "concat(range(2), range(2))", 'distinct([1, "1", 2])',
)  # fmt: skip
_SETS = (
    "setunion([1, 2], [2, 3])", "setintersection([1, 2], [2, 3])", "setsubtract([1, 2], [2])",
    "setsymmetricdifference([1, 2], [2, 3])", 'setproduct(["a", "b"], [1, 2])', 'sethaselement(["a"], "a")',
    'setunion(["b", "a"], ["c"])', "setproduct([1], [])",
)  # fmt: skip
_FORMATS = (
    'format("%s is %d", "x", 5)', 'format("%05d|%-5s|%5s|%+d", 42, "a", "b", 3)', 'format("%v %v %v", 1, "a", true)',
    'format("%v", ["a", 1])', 'format("%#v", "a")', 'format("%q", "a\\"b")', 'format("%t", true)',
    'format("%.2f", 3.14159)', 'format("%8.3f|", 2.5)', 'format("%e", 12345.678)', 'format("%g", 0.00001)',
    'format("%x %X %o %b", 255, 255, 8, 5)', 'format("%[2]s %[1]s", "a", "b")', 'format("%%")',
    'format("%v", 1000000)', 'format("%v", 0.1)', 'format("%s", 1.5)', 'format("%d", "12")', 'format("%.3s", "hello")',
    'formatlist("%s-%d", ["a", "b"], [1, 2])', 'formatlist("%s-%s", "x", ["a", "b"])', 'format("%#x", 255)',
    'format("%6.2e", 1234.5)', 'format("%g", 1234567)', 'format("%.3g", 1234567)', 'format("% d", 5)',
    'format("%v", null)', 'format("%-8v|", "a")', 'format("%08.3f", -3.14159)', 'formatlist("x")',
)  # fmt: skip
_ENCODINGS = (
    'base64encode("héllo")', 'base64decode("aGk=")', 'urlencode("a b/ü&c=~")', 'jsonencode({ b = [1, null], a = "<x>" })',
    'jsondecode("{\\"a\\": [1, 2.50, true, null, \\"x\\"]}")', 'csvdecode("a,b\\n1,2\\n\\"x,y\\",\\"q\\"\\"r\\"\\n")',
    'md5("x")', 'sha1("x")', 'sha256("x")', 'sha512("x")', 'uuidv5("dns", "example.com")',
    'uuidv5("6ba7b811-9dad-11d1-80b4-00c04fd430c8", "https://example.com")', "jsonencode(1.10)",
    'jsondecode("12345678901234567890.5")', 'jsonencode("\\u007f\\u0001é")',
)  # fmt: skip
_TIMES = (
    'formatdate("YYYY-MM-DD", "2024-02-29T13:04:05Z")', 'formatdate("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "2024-02-29T03:04:05Z")',
    'formatdate("M/D/YYYY H:m:s AA aa", "2024-02-05T15:04:05+02:00")', 'formatdate("\'at\' Z ZZZZ ZZZZZ", "2024-02-05T15:04:05-05:30")',
    'formatdate("\'o\'\'clock\' EEE MMMM", "2024-02-05T15:04:05Z")', 'formattimestamp("YYYY", "2024-02-05T15:04:05Z")',
    'formattimestamp("X", "2024-02-05T15:04:05Z")', "formattimestamp(\"YYYY-MM-DD'T'hh:mm:ssZ\", 1700000000)",
    'formattimestamp("X", 5)', 'timeadd("2024-02-05T15:04:05Z", "1h30m")', 'timeadd("2024-02-05T15:04:05+01:00", "-24h")',
    "unixtimestampparse(1700000000)", 'unixtimestampparse(0)["weekday_name"]', 'timeadd("2024-01-01T00:00:00Z", "1.5s")',
)  # fmt: skip
_MATCHING = (
    'regex("[a-z]+", "123abc456")', 'regex("(\\\\d+)-(\\\\d+)", "10-20")', 'regex("(?P<y>\\\\d{4})-(?P<m>\\\\d\\\\d)", "2024-05")',
    'regexall("[0-9]", "a1b2")', 'regexall("x", "abc")', 'regex_replace("a1b22", "[0-9]+", "-")',
    'regex_replace("hello world", "(\\\\w+) (\\\\w+)", "$2 ${1}!")', 'regex("^v?(\\\\d+)(?:\\\\.(\\\\d+))?$", "v1")',
    'regex_replace("aaa", "a*?", "x")', 'regexall("(?i)A|b", "aAbB")', 'regex("[[:alpha:]]+", "12ab")',
    'regex_replace("a.b", "\\\\.", "$$")', 'regexall("(a)|(b)", "ab")', 'regex_replace("abc", "", "-")',
    'regex("(?s)a.b", "a\\nb")', 'regexall("\\\\bfoo\\\\b", "foo foobar foo")', 'regex_replace("x1y2", "(?P<l>[a-z])(?P<d>\\\\d)", "$${d}$${l}")',
    'regexall("\\\\p{Lu}", "aBcÉ")', 'regex("a{2,3}", "aaaa")', 'regex("a{2,3}?", "aaaa")', 'regex("[^a]", "ab")',
)  # fmt: skip
_VERSIONS = (
    'semvercmp("1.2.3", ">= 1.2.0")', 'semvercmp("1.2.3", "~1.2")', 'semvercmp("1.3.0", "~1.2")', 'semvercmp("1.9.0", "^1.2.3")',
    'semvercmp("2.0.0", "^1.2.3")', 'semvercmp("0.2.9", "^0.2.3")', 'semvercmp("0.3.0", "^0.2.3")', 'semvercmp("1.2.3", "1.2.x")',
    'semvercmp("1.2.3-beta", ">= 1.0.0")', 'semvercmp("1.2.3-beta", ">= 1.2.3-alpha")', 'semvercmp("v1.2", "1.2.0")',
    'semvercmp("1.5.0", ">1.0, <2.0")', 'semvercmp("3.0.0", "1.x || >= 2.5.0 || 5.0.0 - 7.2.3")', 'semvercmp("1.0.0", "!= 1.0.0")',
    'semvercmp("1.2.3", "1.2 - 1.4")', 'semvercmp("1.2.3", "*")', 'semvercmp("0.0.3", "^0.0.3")', 'semvercmp("0.0.4", "^0.0.3")',
    'semvercmp("1.2.3", ">1.2")', 'semvercmp("1.3.0", ">1.2")', 'semvercmp("1.2.9", "<=1.2")', 'semvercmp("1.2.9", "<1.2")',
)  # fmt: skip
_ADDRESSES = (
    'cidrhost("10.12.127.0/20", 16)', 'cidrhost("10.12.127.0/20", -1)', 'cidrhost("fd00::/64", 34)', 'cidrnetmask("172.16.0.0/12")',
    'cidrsubnet("172.16.0.0/12", 4, 2)', 'cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)', 'cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)',
    'cidrsubnets("10.0.0.0/8", 8)',
)  # fmt: skip

FUNCTIONS: tuple[Case, ...] = (
    _calls("numeric functions", _NUMERIC),
    _calls("functions of strings", _STRINGS),
    _calls("functions of sequences and maps", _SEQUENCES),
    _calls("functions of sets", _SETS),
    _calls("format and formatlist", _FORMATS),
    _calls("encodings and digests", _ENCODINGS),
    _calls("functions of times", _TIMES),
    _calls("regular expressions", _MATCHING),
    _calls("constraints of versions", _VERSIONS),
    _calls("functions of networks", _ADDRESSES),
    case("the home directory", 'target "default" { args = { HOME = homedir() } }\n'),
)
