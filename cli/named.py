"""``NamedTuple``: what `typing` calls so, but for the cost of making the class.

`typing` compiles each type that is a text, and a function for each class: 0.3 ms, and a start makes ten of
them. Here nothing is compiled. Who checks types sees the one of `typing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from operator import itemgetter

    class NamedTuple(tuple):
        """A tuple whose fields are the annotated names of the class, with their defaults."""

        def __init_subclass__(cls):
            cls._fields = cls.__match_args__ = tuple(cls.__annotations__)
            cls._field_defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
            for place, name in enumerate(cls._fields):
                setattr(cls, name, property(itemgetter(place)))

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                rest = cls._fields[len(values) :]
                given = {**cls._field_defaults, **named}
                if not named.keys() <= set(rest) <= given.keys() or len(values) > len(cls._fields):
                    raise TypeError(f"{cls.__name__} has the fields {', '.join(cls._fields)}")
                values += tuple(given[name] for name in rest)
            return super().__new__(cls, values)

        def __repr__(self):
            shown = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({', '.join(shown)})"

        def _replace(self, **changes):
            """Return a copy with other values for some fields. Raises ValueError for a name that is none."""
            values = list(self)
            for name, value in changes.items():
                values[self._fields.index(name)] = value
            return type(self)(*values)

        def _asdict(self):
            """Return the values by the names of their fields."""
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)  # for copies: a tuple's own would hand over all values as the first
