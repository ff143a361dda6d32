"""The folders are the map: what may import what, and what the program loads before it does anything."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

_TOP = Path(__file__).parents[2]
_MOST_INNER_IMPORTS = 205
_MOST_FILES_WITH_THEM = 79


def _modules_loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "module", ["router", "router.build", "router.backends.native", "router.provision.up", "cli.main"]
)
def test_importing_loads_no_kubernetes_client_and_no_grpc(module: str) -> None:
    loaded = _modules_loaded_by(f"import {module}")

    assert not loaded & {"grpc", "kubernetes", "tenacity", "rich"}


def _modules_that_say(text: str) -> set[str]:
    sources = [path for package in ("router", "cli") for path in (_TOP / package).rglob("*.py")]
    assert sources
    return {str(path.relative_to(_TOP)) for path in sources if text in path.read_text(encoding="utf-8")}


def _imports_inside_functions() -> dict[str, int]:
    """Return how many each file has, of those that have any."""
    found: dict[str, int] = {}
    for package in ("router", "cli", "warmroute"):
        for path in (_TOP / package).rglob("*.py"):
            functions = (
                node
                for node in ast.walk(ast.parse(path.read_bytes()))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            )
            # By line: a function in a function is walked twice.
            lines = {
                inner.lineno
                for function in functions
                for inner in ast.walk(function)
                if isinstance(inner, ast.Import | ast.ImportFrom)
            }
            if lines:
                found[str(path.relative_to(_TOP))] = len(lines)
    return found


def test_imports_stand_at_the_top_but_for_those_at_the_edges_of_packages() -> None:
    """The bounds only go down; pyproject.toml names the files, each with its reason."""
    found = _imports_inside_functions()

    assert sum(found.values()) <= _MOST_INNER_IMPORTS
    assert len(found) <= _MOST_FILES_WITH_THEM


_OPENING = frozenset({"open", "read_text", "read_bytes"})


def _opens(call: ast.AST) -> bool:
    """Say whether a call opens a file: ``open()``, ``os.open()``, ``Path.read_text()`` and its like."""
    match call:
        case ast.Call(func=ast.Name(id="open")):
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _OPENING
        case _:
            return False


def test_the_program_reads_given_files_by_one_reader() -> None:
    """By ``GivenFiles``, which can be interrupted, has a bound, and names option and path in its errors.

    The others write, or take a descriptor that is there.
    """
    opening = {
        str(path.relative_to(_TOP))
        for path in (_TOP / "cli").rglob("*.py")
        if any(map(_opens, ast.walk(ast.parse(path.read_bytes()))))
    }

    assert opening == {
        "cli/building/results.py",
        "cli/building/trace.py",
        "cli/commands/serve.py",
        "cli/ending.py",
        "cli/program.py",
        "cli/streams.py",
    }


# Modules of the library that open files by their paths, each with the reason why that neither waits for
# whoever writes to a pipe, nor reads without end.
_WRITE_OR_LOCK = {
    "router/backends/buildctl.py",
    "router/files.py",
    "router/fleet/daemonless.py",
    "router/fstransfer/destination.py",
    "router/kubernetes/provider_file.py",
    "router/net/tls_context.py",
    "router/providers/oci_index.py",
    "router/providers/stdin_context.py",
    "router/providers/token_authority.py",
    "router/provision/certificate_folder.py",
    "router/serving/socket_lock.py",
    "router/solve/inputs.py",
}
_OPEN_DIRECTORIES_OR_WITHIN_ONE = {"router/fstransfer/access.py", "router/fstransfer/beneath.py"}
_READ_WHAT_THE_SYSTEM_OR_WE_WROTE = {
    "router/attached.py",
    "router/backends/tool_faults.py",
    "router/fstransfer/mounts.py",
    "router/providers/origin.py",
    "router/providers/origin_record.py",
    "router/serving/watching/status_page.py",
}
_READ_WHAT_MUST_BE_A_FILE = {  # opened without waiting, then looked at, and bounded
    "router/configuration/reading.py",
    "router/docker/builder_alias.py",
    "router/docker/config.py",
    "router/providers/git_checkout.py",
    "router/providers/oci_layout.py",
    "router/readable.py",
    "router/session/upload.py",
    "router/solve/dockerfile.py",
    "router/solve/ignore_files.py",
    "router/solve/located.py",
}


def _opens_a_path(call: ast.AST) -> bool:
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="open")):
            return name == "os"
        case ast.Call(func=ast.Attribute(attr="open")):
            return False  # of a stream, an archive, a channel
        case _:
            return _opens(call)


def test_the_library_reads_named_files_by_one_reader() -> None:
    """By ``OneTimeFiles``, and ``read_named`` on it: a wait for a pipe has a bound or can be interrupted."""
    opening = {
        str(path.relative_to(_TOP))
        for path in (_TOP / "router").rglob("*.py")
        if any(map(_opens_a_path, ast.walk(ast.parse(path.read_bytes()))))
    }

    others = (
        _WRITE_OR_LOCK
        | _OPEN_DIRECTORIES_OR_WITHIN_ONE
        | _READ_WHAT_THE_SYSTEM_OR_WE_WROTE
        | _READ_WHAT_MUST_BE_A_FILE
    )
    assert opening == {"router/once.py"} | others


def test_a_command_takes_the_library_as_a_whole() -> None:
    """Its names are loaded when they are first used, by one module that says why."""
    inner = [name for name in _imports_inside_functions() if name.startswith("cli/commands/")]

    assert sorted(inner) == ["cli/commands/build.py", "cli/commands/simulate.py", "cli/commands/version.py"]


def test_every_public_name_of_the_library_can_be_imported() -> None:
    import router

    assert [name for name in dir(router) if not hasattr(router, name)] == []


def test_the_public_names_are_the_same_for_who_runs_them_and_who_checks_types() -> None:
    import router

    tree = ast.parse(Path(router.__file__).read_text(encoding="utf-8"))
    typed = {
        (alias.asname, node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("router.")
        for alias in node.names
    }

    assert typed == {(name, router._HOME[name]) for name in dir(router)}


def test_nothing_has_a_finalizer() -> None:
    """One runs when ``__init__`` has failed too, in whatever thread, and who owns a thing closes it."""
    assert _modules_that_say("def __del__") == set()


def test_an_address_is_parsed_where_its_text_comes_in_and_nowhere_else() -> None:
    """By ``--addr`` and its like, as BUILDKIT_HOST, by ``--listen``, and for a docker host."""
    assert _modules_that_say("parse_daemons(") == {
        "router/address.py",
        "router/flags/address.py",
        "router/routing.py",
    }
    assert _modules_that_say("parse_address(") == {
        "router/address.py",
        "router/docker/engine.py",
        "router/flags/listen.py",
    }


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("SSLContext(", "router/net/tls_context.py"),
        ('rb"[0-9A-Fa-f]', "router/net/chunked.py"),
        ("& 0x7F | 0x80", "router/notation/varint.py"),
    ],
)
def test_one_module_does_it(text: str, module: str) -> None:
    assert _modules_that_say(text) == {module}
