"""``-o/--output``, ``--push`` and ``--load``: where the result goes, as buildx reads and combines them.

Whether a destination can be written, and whether stdout is a terminal, is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from router.errors import UsageError
from router.model.frozen import replace
from router.model.request import Output, OutputType
from router.notation.boolean import parse_bool
from router.notation.csv import format_pairs, parse_fields, parse_pairs
from router.notation.flag import Flag

__all__ = [
    "STDOUT",
    "format_output",
    "is_directory",
    "is_load",
    "is_mirror",
    "parse_output",
    "parse_outputs",
    "resolve_outputs",
]

STDOUT = "-"
"""The destination that means standard output."""

_FLAG = Flag(name="--output", example="type=local,dest=out")

_TYPES: dict[str, OutputType] = {name: name for name in get_args(OutputType)}
_NAMED = frozenset(["image", "oci", "docker"])


def parse_outputs(texts: Iterable[str]) -> tuple[Output, ...]:
    """Parse several; empty texts count for nothing. Raises ``UsageError``."""
    return tuple(parse_output(text) for text in texts if text)


def parse_output(text: str) -> Output:
    """Parse one ``--output``: ``type=...`` with its keys, a directory (``local``), or ``-`` (``tar``).

    Keys of the exporter are handed through as they are. ``tar`` and ``oci`` go to stdout where no ``dest``
    is given; ``docker`` without ``dest`` is loaded into the Docker engine. Raises ``UsageError``.
    """
    if parse_fields(text, _FLAG) == (text,) and not text.startswith("type="):
        return Output(type="tar" if text == STDOUT else "local", dest=text)
    attrs = dict(parse_pairs(text, _FLAG))
    dest = attrs.pop("dest", None) or None
    output = Output(type=_output_type(text, attrs.pop("type", "")), attrs=attrs, dest=dest)
    if output.type in {"tar", "oci"} and dest is None and not is_directory(output):
        output = replace(output, dest=STDOUT)
    _check_destination(text, output)
    return output


def format_output(output: Output) -> str:
    """Return the text that ``parse_output`` reads as ``output``."""
    dest = {} if output.dest is None else {"dest": output.dest}
    return format_pairs({"type": output.type, **dest, **output.attrs})


def is_directory(output: Output) -> bool:
    """Say whether the daemon sends a tree of files for it (``local``, or an image with ``tar=false``)."""
    if output.type in {"oci", "docker"}:
        return parse_bool(output.attrs.get("tar", "")) is False
    return output.type == "local"


def is_mirror(output: Output) -> bool:
    """Say whether the directory is to hold the result and nothing else."""
    return output.type == "local" and output.attrs.get("mode") == "delete"


def is_load(output: Output) -> bool:
    """Say whether the result is to be loaded into the Docker engine."""
    return output.type == "docker" and output.dest is None


def resolve_outputs(
    outputs: Iterable[Output], *, push: bool = False, load: bool = False, tags: Sequence[str] = ()
) -> tuple[Output, ...]:
    """Combine ``--output``, ``--push``, ``--load`` and ``--tag`` as buildx does; twice is the same as once.

    ``registry`` becomes an ``image`` that is pushed. ``push`` makes every image one that is pushed, or adds
    one; ``load`` adds the Docker engine. The ``tags``, where there are any, are the images' names. Raises
    ``UsageError`` where something that is pushed has no name, or two outputs want stdout.
    """
    resolved = [_as_pushed_image(output) if output.type == "registry" else output for output in outputs]
    if push:
        resolved = [_as_pushed_image(output) if output.type == "image" else output for output in resolved]
        if not any(output.type == "image" for output in resolved):
            resolved.append(_as_pushed_image(Output(type="image")))
    if load and not any(map(is_load, resolved)):
        resolved.append(Output(type="docker"))
    if tags:
        resolved = [_with_name(output, ",".join(tags)) for output in resolved]
    _check_together(resolved)
    return tuple(resolved)


def _output_type(text: str, name: str) -> OutputType:
    if not name:
        raise _FLAG.error(text, "the key type is missing")
    if name not in _TYPES:
        raise _FLAG.error(text, f"unknown type {name} (one of {', '.join(_TYPES)})")
    return _TYPES[name]


def _check_destination(text: str, output: Output) -> None:
    if is_directory(output):
        if output.dest is None:
            raise _FLAG.error(text, f"type {output.type} needs dest, the directory to write to")
        if output.dest == STDOUT:
            raise _FLAG.error(text, f"a directory of type {output.type} can't go to stdout")
    elif output.type in {"image", "registry", "cacheonly"} and output.dest is not None:
        raise _FLAG.error(text, f"type {output.type} has no dest: nothing is written on this machine")


def _as_pushed_image(output: Output) -> Output:
    # What is only pushed need not be unpacked into the daemon's image store.
    attrs = {"unpack": "false", **output.attrs, "push": "true"}
    return replace(output, type="image", attrs=attrs)


def _with_name(output: Output, name: str) -> Output:
    return replace(output, attrs={**output.attrs, "name": name}) if output.type in _NAMED else output


def _check_together(outputs: Iterable[Output]) -> None:
    on_stdout = 0
    for output in outputs:
        pushed = output.type == "image" and parse_bool(output.attrs.get("push", ""))
        if pushed and not output.attrs.get("name"):
            raise UsageError(
                "--push needs a --tag",
                hint="give it one: --tag registry.example.com/team/app:1.0",
            )
        on_stdout += output.dest == STDOUT
    if on_stdout > 1:
        raise UsageError(
            "more than one output goes to stdout",
            hint="send all but one to a file: --output type=tar,dest=out.tar",
        )
