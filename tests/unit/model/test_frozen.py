"""A frozen value is what `dataclass(frozen=True, slots=True, kw_only=True)` makes, but for the cost."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, fields

import pytest

from router.model.frozen import field, frozen, replace


@frozen
class _Ours:
    """A value."""

    name: str
    size: int = 0
    secret: str = field(default="", repr=False)
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Theirs:
    """The same, by the standard library alone."""

    name: str
    size: int = 0
    secret: str = dataclasses.field(default="", repr=False)
    more: Mapping[str, str] = dataclasses.field(default_factory=dict)


def test_it_reads_as_a_dataclass_does() -> None:
    ours, theirs = _Ours(name="a", secret="s3cret"), _Theirs(name="a", secret="s3cret")

    assert repr(ours) == repr(theirs).replace("_Theirs", "_Ours")
    assert [declared.name for declared in fields(ours)] == [declared.name for declared in fields(theirs)]
    assert _Ours.__match_args__ == _Theirs.__match_args__


def test_a_secret_field_stays_out_of_the_repr() -> None:
    assert "s3cret" not in repr(_Ours(name="a", secret="s3cret"))


def test_equality_is_by_fields_and_class() -> None:
    assert _Ours(name="a", size=1) == _Ours(name="a", size=1)
    assert _Ours(name="a") != _Ours(name="b")
    assert _Ours(name="a").__eq__(_Theirs(name="a")) is NotImplemented


def test_equal_values_have_the_same_hash() -> None:
    assert hash(_Ours(name="a", more=())) == hash(_Ours(name="a", more=()))  # type: ignore[arg-type]


def test_nothing_can_be_assigned_or_deleted() -> None:
    value = _Ours(name="a")

    with pytest.raises(FrozenInstanceError):
        value.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        value.other = "b"  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        del value.name
    assert value.name == "a"


def test_it_can_be_copied_with_changes_and_whole() -> None:
    value = _Ours(name="a", more={"k": "v"})

    assert replace(value, size=2) == dataclasses.replace(value, size=2)
    assert replace(value, size=2) == _Ours(name="a", size=2, more={"k": "v"})
    assert copy.deepcopy(value) == value


def test_fields_are_given_by_name_only() -> None:
    with pytest.raises(TypeError):
        _Ours("a")  # type: ignore[call-arg]


def test_what_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError):
        _Ours(name="a", other=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        _Ours()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        replace(_Ours(name="a"), other=1)  # type: ignore[call-arg]


def test_each_value_has_a_default_of_its_own() -> None:
    assert _Ours(name="a").more is not _Ours(name="a").more


def test_its_signature_can_be_read() -> None:
    parameters = inspect.signature(_Ours).parameters

    assert list(parameters) == ["name", "size", "secret", "more"]
    assert parameters["size"].default == 0


def test_many_values_are_as_the_first_ones() -> None:
    values = [_Ours(name=str(number), size=number) for number in range(100)]

    assert [value.size for value in values] == list(range(100))
    assert {type(value.more) for value in values} == {dict}
    assert len({id(value.more) for value in values}) == 100
    with pytest.raises(TypeError):
        _Ours(name="a", other=1)  # type: ignore[call-arg]


def test_a_class_may_add_fields_to_another() -> None:
    @frozen
    class More(_Ours):
        """Has one more."""

        extra: str

    assert repr(More(name="a", extra="b")) == f"{More.__qualname__}(name='a', size=0, more={{}}, extra='b')"


def test_a_field_of_the_standard_library_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"router\.model\.frozen\.field"):

        @frozen
        class _Wrong:
            more: Mapping[str, str] = dataclasses.field(default_factory=dict)


def test_the_standard_librarys_dataclasses_are_not_loaded() -> None:
    code = "import sys, router.model.request; print('dataclasses' in sys.modules)"

    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
