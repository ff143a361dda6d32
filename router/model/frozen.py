"""``@frozen``: a frozen, slotted value with keyword-only fields; a dataclass to everybody who asks.

``dataclass(frozen=True, slots=True, kw_only=True)`` compiles six functions for each class, 1.3 ms, and the
``dataclasses`` module itself takes ``inspect`` along: with some sixty such classes that was a third of a
cached build. Here ``__init__`` is compiled when many values of a class are made, the other five functions are
the same for all classes, and ``dataclasses`` is loaded by whoever uses it: ``fields``, ``replace`` and their
like find what they need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

__all__ = ["field", "frozen", "replace"]

_T = TypeVar("_T")

# To compile an ``__init__`` takes as long as making so many values without one.
_UNCOMPILED = 20


class _Missing:
    """Stands where a field has no default."""


class _Field:
    """A field as declared: at most one of ``default`` and ``default_factory`` is given."""

    __slots__ = ("default", "default_factory", "repr")

    def __init__(self, default: object, default_factory: object, repr: bool) -> None:  # noqa: A002
        self.default = default
        self.default_factory: Any = default_factory
        self.repr = repr


if TYPE_CHECKING:
    from dataclasses import field, replace
else:

    def field(*, default=_Missing, default_factory=_Missing, repr=True):  # noqa: A002
        """Declare a default made anew for each value, or a field that is kept out of the repr."""
        return _Field(default, default_factory, repr)

    def replace(value: _T, /, **changes: object) -> _T:
        """Return a copy with some fields changed. Raises TypeError for a field that is none of its."""
        kept = {name: getattr(value, name) for name in value.__frozen_fields__ if name not in changes}
        return type(value)(**kept, **changes)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[_T]) -> type[_T]:
    """Make a class a frozen value. A field declared with ``field(repr=False)`` stays out of the repr."""
    namespace = {name: value for name, value in cls.__dict__.items() if name not in _OF_THE_DRAFT}
    declared = {name: _declared(namespace.pop(name, _Missing)) for name in _annotations(cls)}
    inherited: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        inherited |= base.__dict__.get("__frozen_fields__", {})
    namespace |= {
        "__slots__": tuple(declared),
        "__frozen_fields__": inherited | declared,
        "__match_args__": (),
        "__dataclass_fields__": _OnDemand(_dataclass_fields),
        "__signature__": _OnDemand(_signature),
    }
    # What the class itself defines stays, as with `dataclass`.
    metaclass: Any = type(cls)
    made = metaclass(cls.__name__, cls.__bases__, {**_METHODS, **namespace})
    made.__qualname__ = cls.__qualname__
    made.__init__ = _deferred_init(made)
    return made  # type: ignore[no-any-return]


# A class with slots is a new one; these belong to the one that was written.
_OF_THE_DRAFT = frozenset({"__dict__", "__weakref__"})


def _annotations(cls: type) -> dict[str, object]:
    found: dict[str, object] = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 -- inspect takes long to load
    return found


def _declared(default: object) -> _Field:
    if type(default).__module__ == "dataclasses":
        raise TypeError("a field of a frozen class is declared with router.model.frozen.field")
    return default if isinstance(default, _Field) else _Field(default, _Missing, repr=True)


def _deferred_init(made: Any) -> Callable[..., None]:
    fields: Mapping[str, _Field] = made.__frozen_fields__
    left = _UNCOMPILED

    def fill_or_compile(self: object, **values: object) -> None:
        nonlocal left
        left -= 1
        if left < 0 or not _filled(self, fields, values):
            made.__init__ = _compiled_init(fields)
            made.__init__(self, **values)

    return fill_or_compile


def _filled(value: object, fields: Mapping[str, _Field], given: Mapping[str, object]) -> bool:
    """Fill the fields of a new value; return False where something is missing, or is no field's."""
    taken = 0
    for name, declared in fields.items():
        if name in given:
            taken += 1
            object.__setattr__(value, name, given[name])
        elif declared.default is not _Missing:
            object.__setattr__(value, name, declared.default)
        elif declared.default_factory is not _Missing:
            object.__setattr__(value, name, declared.default_factory())
        else:
            return False
    return taken == len(given)


def _compiled_init(fields: Mapping[str, _Field]) -> Any:
    known: dict[str, object] = {"set_": object.__setattr__, "missing": _Missing}
    parameters, body = [], ["pass"]
    for number, (name, declared) in enumerate(fields.items()):
        value = name
        if declared.default_factory is not _Missing:
            known[f"factory{number}"] = declared.default_factory
            parameters.append(f"{name}=missing")
            value = f"factory{number}() if {name} is missing else {name}"
        elif declared.default is not _Missing:
            known[f"default{number}"] = declared.default
            parameters.append(f"{name}=default{number}")
        else:
            parameters.append(name)
        body.append(f"set_(self, {name!r}, {value})")
    listed = f", *, {', '.join(parameters)}" if parameters else ""
    statements = "".join(f"    {statement}\n" for statement in body)
    exec(f"def __init__(self{listed}):\n{statements}", known)  # noqa: S102 -- of names alone, as dataclass does
    return known["__init__"]


class _OnDemand:
    """A class attribute that is worked out when somebody asks for it."""

    def __init__(self, make: Callable[[Any], object]) -> None:
        self._make = make

    def __get__(self, value: object, owner: type) -> object:
        return self._make(owner)


def _dataclass_fields(owner: Any) -> object:
    import dataclasses

    annotations: dict[str, object] = {}
    for base in reversed(owner.__mro__):
        annotations |= _annotations(base)
    listed = [
        (name, annotations[name], _as_dataclass_field(declared))
        for name, declared in owner.__frozen_fields__.items()
    ]
    made: Any = dataclasses.make_dataclass(owner.__name__, listed, kw_only=True)
    return made.__dataclass_fields__


def _as_dataclass_field(declared: _Field) -> Any:
    import dataclasses

    given: dict[str, Any] = {"repr": declared.repr}
    if declared.default_factory is not _Missing:
        given["default_factory"] = declared.default_factory
    elif declared.default is not _Missing:
        given["default"] = declared.default
    return dataclasses.field(**given)


def _signature(owner: Any) -> object:
    import inspect

    of_init = inspect.signature(_compiled_init(owner.__frozen_fields__))
    return of_init.replace(parameters=list(of_init.parameters.values())[1:])


def _values(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, name) for name in self.__frozen_fields__)


def _repr(self: Any) -> str:
    shown = (name for name, declared in self.__frozen_fields__.items() if declared.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _eq(self: object, other: object) -> bool:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: object) -> int:
    return hash(_values(self))


def _setattr(self: Any, name: str, new: object) -> None:
    # A slot that is still empty is being filled: by copy and pickle.
    if hasattr(self, name) or name not in self.__frozen_fields__:
        raise _frozen_error(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, new)


def _delattr(_self: object, name: str) -> None:
    raise _frozen_error(f"cannot delete field {name!r}")


def _frozen_error(text: str) -> AttributeError:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(text)


_METHODS: Mapping[str, Any] = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
