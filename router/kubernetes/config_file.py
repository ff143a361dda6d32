"""One kubeconfig file as a mapping, as client-go reads it: the first document of the YAML (or JSON).

What its keys mean is ``kubeconfig``'s business; here are the types that they may have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import UsageError
from router.net.sockets import describe_os_error
from router.once import OneTimeFiles

__all__ = ["FileMapping", "entries", "mapping", "read_kubeconfig", "string", "strings", "unreadable"]

FileMapping = Mapping[str, Any]
# It overflows at some 20,000; what holds for any stack and is more than anybody writes.
_SAFE_DEPTH = 500
_OTHERS = "--kubeconfig and KUBECONFIG name other files"


def read_kubeconfig(path: str, files: OneTimeFiles) -> FileMapping:
    """Return what a file has; empty is empty. Raises OSError, and UsageError where it is no kubeconfig."""
    # JSON is YAML too; the C parser is ten times faster than the other.
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = files.read(path)
    try:
        _check_depth(content, loader_class)
        loader = loader_class(content)
        try:
            # What comes after the first document doesn't count.
            value = loader.get_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        line = getattr(getattr(exc, "problem_mark", None), "line", None)
        place = f" at line {line + 1}" if line is not None else ""
        # The parser's own message quotes the file, which holds secrets.
        raise UsageError(f"the kubeconfig {path} is not valid YAML{place}", hint=_OTHERS) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"the kubeconfig {path} is not a kubeconfig", hint=_OTHERS)
    return value


def _check_depth(content: bytes, loader_class: Any) -> None:
    """Raise ValueError where things are nested so deeply that the C parser would overflow its stack."""
    if sum(content.count(mark) for mark in (b"[", b"{", b"- ", b"? ")) <= _SAFE_DEPTH:
        return
    import yaml

    depth = 0
    for event in yaml.parse(content, Loader=loader_class):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _SAFE_DEPTH:
            raise ValueError
        if isinstance(event, yaml.DocumentEndEvent):
            return


def unreadable(path: str, exc: OSError) -> UsageError:
    """Return the error for a file that can't be read."""
    return UsageError(f"can't read the kubeconfig {path}: {describe_os_error(exc)}", hint=_OTHERS)


def string(values: FileMapping, key: str) -> str:
    """Return a text, empty where there is none. Raises UsageError."""
    value = values.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(key, "text")
    return value


def strings(values: FileMapping, key: str) -> tuple[str, ...]:
    """Return a list of texts. Raises UsageError."""
    found = values.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _wrong(key, "a list of texts")
    return tuple(found)


def mapping(values: FileMapping, key: str) -> FileMapping:
    """Return a mapping, empty where there is none. Raises UsageError."""
    found = values.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _wrong(key, "a mapping")
    return found


def entries(values: FileMapping, key: str) -> tuple[FileMapping, ...]:
    """Return a list of mappings. Raises UsageError."""
    found = values.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _wrong(key, "a list of mappings")
    return tuple(found)


def _wrong(key: str, kind: str) -> UsageError:
    return UsageError(f"{key} in the kubeconfig is not {kind}", hint="kubectl config view shows what it is")
