"""Options as they are declared: each once, as a field of its group; a command takes groups.

A group is a value. Its class says of each field what stands for it on the command line, and whoever has the
value reads ``routing.fleet.selector``. A flag's name, type, default, help, panel and variable stand there and
nowhere else. That is cheap, because every start does it: nothing is compiled for a group, as ``dataclass``
does for a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, TypeVar, dataclass_transform

from cli.named import NamedTuple

__all__ = ["Argument", "Files", "Only", "Option", "OptionGroup", "argument", "option", "variable"]

Files = Literal["none", "user", "all"]
"""The configuration files in which an option can stand: none, the user's own, or a project's as well."""

_T = TypeVar("_T")


class Option(NamedTuple):
    """An option: its names, the one that its variable is called after first; ``off`` turns a flag off.

    ``aliases`` are names of other programs that are understood as well. ``minimum`` and ``maximum`` bound a
    number; ``env`` is a variable that is not called after it. An option that is given empty counts as not
    given, and its variable does neither, unless ``refuses_empty``. Nor does the variable where one of the
    options that it is ``outranked_by`` stands on the command line, since the two exclude each other.
    ``files`` says which configuration files it can come from; ``rival`` is a variable that others read for
    the same, and that therefore counts more than a file. ``seconds`` is a number that can be given as a
    duration too (``1m30s``). ``implied`` is the value of a long option that can
    stand alone; another one is given behind ``=`` only. The help may hold rich's markup.
    """

    names: tuple[str, ...]
    help: str
    panel: str
    metavar: str = ""
    off: str = ""
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    env: str = ""
    refuses_empty: bool = False
    outranked_by: tuple[str, ...] = ()
    files: Files = "none"
    rival: str = ""
    implied: str = ""
    seconds: bool = False

    @property
    def usage(self) -> str:
        """What stands behind the name in a line about usage."""
        return f"[={self.metavar}]" if self.implied else self.metavar


class Argument(NamedTuple):
    """A positional argument; one that holds a list takes all that are left. Behind the first word of one
    with ``rest`` nothing is an option: it is another program's command line. ``missing`` is the error where a
    required one is not given."""

    metavar: str
    help: str
    missing: str = ""
    rest: bool = False


class Only:
    """Which part of a group a command has: ``Annotated[RoutingOptions, Only("fleet", "--key")]``.

    The names are those of groups in it, and of options and arguments, in the order of the help. ``defaults``
    are this command's own, by field. The other fields keep their defaults.
    """

    def __init__(self, *names: str, **defaults: object) -> None:
        self.names = names
        self.defaults = defaults


class _Declaration(NamedTuple):
    """What a class body has in place of a default."""

    declared: Option | Argument
    default: object


def option(  # noqa: PLR0913 -- they are what there is to say of an option
    *names: str,
    default: _T,
    help: str,  # noqa: A002
    metavar: str = "",
    panel: str = "",
    off: str = "",
    aliases: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    env: str = "",
    refuses_empty: bool = False,
    outranked_by: tuple[str, ...] = (),
    files: Files = "none",
    rival: str = "",
    implied: str = "",
    seconds: bool = False,
) -> _T:
    """Declare a field of a group to be an option (see `Option`); the panel is the group's unless given."""
    declared = Option(
        names,
        help,
        panel,
        metavar,
        off,
        aliases,
        minimum,
        maximum,
        env,
        refuses_empty,
        outranked_by,
        files,
        rival,
        implied,
        seconds,
    )
    return _Declaration(declared, default)  # type: ignore[return-value]  # the group puts the default there


def argument(
    metavar: str,
    *,
    help: str,  # noqa: A002
    default: object = None,
    missing: str = "",
    rest: bool = False,
) -> Any:
    """Declare a field of a group to be an argument (see `Argument`); a required one has no default."""
    return _Declaration(Argument(metavar, help, missing, rest), default)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option, argument))
class OptionGroup:
    """A frozen value whose fields are options, arguments, or groups of them (``fleet: Fleet = Fleet()``).

    A class that is derived from a group has its fields, before its own; a plain value in place of an option
    is another default for it.
    """

    declared: ClassVar[Mapping[str, Option | Argument | type[OptionGroup]]] = MappingProxyType({})

    def __init_subclass__(cls, panel: str = "") -> None:
        declared = dict(cls.declared)
        for name in cls.__annotations__:
            match vars(cls)[name]:
                case _Declaration(Option() as found, default):
                    declared[name] = found if found.panel else found._replace(panel=panel)
                    setattr(cls, name, default)
                case _Declaration(found, default):
                    declared[name] = found
                    setattr(cls, name, default)
                case OptionGroup() as group:
                    declared[name] = type(group)
        cls.declared = MappingProxyType(declared)

    def __init__(self, **values: Any) -> None:
        if unknown := values.keys() - self.declared:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        vars(self).update(values)  # the class has the defaults

    def replaced(self, **values: Any) -> Self:
        """Return a copy with other values for some fields."""
        return type(self)(**{**vars(self), **values})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.declared)

    __hash__ = None  # type: ignore[assignment]  # its lists have none either

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({', '.join(given)})"


def variable(declared: Option) -> str:
    """Return the name of the variable that an option can come from."""
    return declared.env or "WARMROUTE_" + declared.names[0].lstrip("-").replace("-", "_").upper()
