"""A named tuple is what `typing` makes, but for the cost."""

from __future__ import annotations

import copy
import subprocess
import sys
import typing
from typing import TypeAlias

import pytest

from cli.named import NamedTuple


class _Ours(NamedTuple):
    """A value."""

    name: str
    size: int = 0
    more: tuple[str, ...] = ()

    def text(self) -> str:
        return f"{self.name}:{self.size}"


class _Theirs(typing.NamedTuple):
    """The same, by the standard library."""

    name: str
    size: int = 0
    more: tuple[str, ...] = ()


_Value: TypeAlias = _Ours | _Theirs


@pytest.mark.parametrize("kind", [_Ours, _Theirs])
def test_fields_are_given_by_place_or_name(kind: type[_Value]) -> None:
    assert kind("a", 1, ("b",)) == kind(name="a", size=1, more=("b",)) == kind("a", more=("b",), size=1)
    assert tuple(kind("a")) == ("a", 0, ())
    assert kind("a", 1).size == 1
    assert kind.__doc__


@pytest.mark.parametrize("kind", [_Ours, _Theirs])
@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), (("a",), {"name": "b"}), (("a",), {"other": 1}), (("a", 1, (), 2), {}), ((), {"size": 1})],
)
def test_what_is_missing_and_what_is_too_much_is_refused(
    kind: typing.Any, values: tuple[object, ...], named: dict[str, object]
) -> None:
    with pytest.raises(TypeError):
        kind(*values, **named)


@pytest.mark.parametrize("kind", [_Ours, _Theirs])
def test_it_is_matched_copied_and_shown(kind: type[_Value]) -> None:
    match kind("a", 2):
        case (name, size, _):
            assert (name, size) == ("a", 2)
    match kind("a", 2):
        case _Ours(name, size) | _Theirs(name, size):
            assert (name, size) == ("a", 2)
    assert kind("a")._replace(size=3) == kind("a", 3)
    assert kind("a")._asdict() == {"name": "a", "size": 0, "more": ()}
    assert copy.copy(kind("a", 3)) == kind("a", 3)
    assert repr(kind("a")) == f"{kind.__name__}(name='a', size=0, more=())"
    with pytest.raises(ValueError, match=r"other|not in tuple"):
        kind("a")._replace(other=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        kind("a").name = "b"  # type: ignore[misc]


def test_its_methods_are_its_own() -> None:
    assert _Ours("a", 2).text() == "a:2"


def test_nothing_is_compiled_for_a_class() -> None:
    code = (
        "import builtins, sys\n"
        "from cli.named import NamedTuple\n"
        "def refuse(*_, **__): sys.exit('compiled')\n"
        "builtins.compile = builtins.eval = builtins.exec = refuse\n"
        "class Value(NamedTuple):\n"
        "    name: 'str'\n"
        "print(Value('a').name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("a\n", "")
