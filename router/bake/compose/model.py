"""The model of compose files: read, with variables replaced, extended, included and merged."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from router.bake.bounds import Budget
from router.bake.compose import Read
from router.bake.compose.dotenv import parse_dotenv
from router.bake.compose.merging import merge, unique, without
from router.bake.compose.substitution import Lookup, substitute
from router.bake.compose.yaml_text import Document, read_documents
from router.bake.places import DefinitionFault

__all__ = ["Model", "SourceFile", "load_model", "read_source"]

_DEEPEST = 20
_MOST_FILES = 100
_PROJECT = "COMPOSE_PROJECT_NAME"
_SECTIONS = ("services", "secrets")


class SourceFile(NamedTuple):
    """A compose file, as the documents that it consists of."""

    name: str
    documents: Sequence[Document]


class Model(NamedTuple):
    """The services and secrets of compose files."""

    services: Mapping[str, Any]
    secrets: Mapping[str, Any]


def load_model(files: Sequence[SourceFile], lookup: Lookup, read: Read) -> Model:
    """Return what the files say together. Raises ``DefinitionFault``."""
    loaded = _Loader(_with_project(files, lookup), read, Budget()).all(files, (), "")
    if not any(section in loaded for section in _SECTIONS):
        raise DefinitionFault("the compose file is empty")
    return Model(_section(loaded, "services"), _section(loaded, "secrets"))


def read_source(name: str, content: bytes) -> SourceFile:
    """Read a compose file. Raises ``DefinitionFault`` where it is no YAML."""
    return SourceFile(name, tuple(read_documents(name, content.decode("utf-8", "replace"))))


def _with_project(files: Sequence[SourceFile], lookup: Lookup) -> Lookup:
    """Return variables with the project's name: that of the last file that has one, else what is given."""
    names = [
        each.value["name"]
        for file in files
        for each in file.documents
        if isinstance(each.value, dict) and isinstance(each.value.get("name"), str) and each.value["name"]
    ]
    project = substitute(names[-1], lookup) if names else ""
    project = project or lookup(_PROJECT) or "bake"
    return lambda name: project if name == _PROJECT else lookup(name)


def _section(loaded: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = loaded.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise DefinitionFault(f"{name} must be a mapping")
    return section


class _Loader:
    def __init__(self, lookup: Lookup, read: Read, budget: Budget) -> None:
        self._lookup = lookup
        self._read = read
        self._left = _MOST_FILES
        self._budget = budget

    def all(self, files: Sequence[SourceFile], included: tuple[str, ...], directory: str) -> dict[str, Any]:
        """Return files merged, the paths in them relative to the working directory."""
        merged: dict[str, Any] = {}
        for file in files:
            for document in file.documents:
                if not isinstance(document.value, dict):
                    raise DefinitionFault(f"{file.name} must be a mapping")
                found = self._substituted(document.value, "")
                found = self._extended(found, directory)
                merged = without(merged, document.resets)
                found = self._with_included(found, (*included, file.name), directory)
                merged = unique(merge(merged, found))
        return _relative_to(merged, directory)

    def _content(self, path: str) -> SourceFile:
        return read_source(path, self._bytes(path))

    def _bytes(self, path: str) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise DefinitionFault(f"compose files take in more than {_MOST_FILES} others")
        content = self._read(path)
        if content is None:
            raise DefinitionFault(f"there is no file {path}")
        return content

    def _substituted(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            try:
                text = substitute(value, self._lookup)
            except DefinitionFault as fault:
                raise DefinitionFault(f"{path}: {fault.message}") from None
            self._budget.spend(1, len(text))
            return text
        if isinstance(value, dict):
            return {
                key: self._substituted(each, f"{path}.{key}" if path else key) for key, each in value.items()
            }
        if isinstance(value, list):
            return [self._substituted(each, f"{path}[{number}]") for number, each in enumerate(value)]
        return value

    def _extended(self, found: dict[str, Any], directory: str) -> dict[str, Any]:
        """Return a file's content with each service that extends another."""
        services = found.get("services")
        if not isinstance(services, dict):
            return found
        made = {each: self._service(each, services, directory, 0) for each in services}
        return {**found, "services": made}

    def _service(self, name: str, services: Mapping[str, Any], directory: str, depth: int) -> Any:
        service = services[name]
        if not isinstance(service, dict) or "extends" not in service:
            if service is not None and not isinstance(service, dict):
                raise DefinitionFault(f"services.{name} must be a mapping")
            return service
        if depth > _DEEPEST:
            raise DefinitionFault(f"the service {name} extends others too deeply, or itself")
        extends = service["extends"]
        base_name = extends.get("service") if isinstance(extends, dict) else extends
        if not isinstance(base_name, str):
            raise DefinitionFault(f"services.{name}.extends needs the name of a service")
        path = extends.get("file") if isinstance(extends, dict) else None
        own = {key: value for key, value in service.items() if key != "extends"}
        if path is None:
            if base_name not in services:
                raise DefinitionFault(f"the service {name} extends {base_name}, which there is not")
            base = self._service(base_name, services, directory, depth + 1)
        else:
            base = self._foreign(name, base_name, str(path), directory, depth)
        if base is None:
            return own
        merged = merge(base, own, f"services.{name}")
        self._budget.charge(merged)
        return merged

    def _foreign(self, name: str, base_name: str, path: str, directory: str, depth: int) -> Any:
        """Return a service of another file, its paths relative to where the file that extends it is."""
        file = self._content(posixpath.join(directory, path))
        services: dict[str, Any] = {}
        for document in file.documents:
            value = document.value if isinstance(document.value, dict) else {}
            found = self._substituted(value, "")
            services = merge(services, found.get("services") or {}, "services")
        if base_name not in services:
            raise DefinitionFault(f"the service {name} extends {base_name}, which is not in {path}")
        base = self._service(base_name, services, posixpath.dirname(file.name), depth + 1)
        return _service_paths(base, posixpath.dirname(path))

    def _with_included(
        self, found: dict[str, Any], included: tuple[str, ...], directory: str
    ) -> dict[str, Any]:
        """Return a file's content with the files that it includes; its own counts more."""
        if "include" not in found:
            return found
        entries = found["include"] or []
        if not isinstance(entries, list):
            raise DefinitionFault("include must be a list")
        made = {key: value for key, value in found.items() if key != "include"}
        for each in entries:
            imported = self._included(each, included, directory)
            for section in _SECTIONS:
                if imported.get(section):
                    made[section] = merge(imported[section], made.get(section) or {}, section)
        return made

    def _included(self, entry: Any, included: tuple[str, ...], directory: str) -> dict[str, Any]:
        given = {"path": entry} if isinstance(entry, str) else entry
        if not isinstance(given, dict) or "path" not in given:
            raise DefinitionFault("an entry of include needs a path")
        listed = given["path"] if isinstance(given["path"], list) else [given["path"]]
        paths = [posixpath.join(directory, str(each)) for each in listed]
        if not paths:
            raise DefinitionFault("an entry of include needs a path")
        if paths[0] in included or len(included) > _DEEPEST:
            raise DefinitionFault(f"compose files include each other: {' -> '.join([*included, paths[0]])}")
        project = given.get("project_directory")
        within = posixpath.dirname(paths[0]) if not project else posixpath.join(directory, str(project))
        files = [self._content(each) for each in paths]
        return _Included(
            self._environment(given, directory, within), self._read, self._budget, self._left
        ).all(files, included, within)

    def _environment(self, given: Mapping[str, Any], directory: str, within: str) -> Lookup:
        """Return the variables of included files: those there are, then those of their ``.env``."""
        env_files = given.get("env_file")
        listed = env_files if isinstance(env_files, list) else [env_files] if env_files else []
        contents = [
            self._bytes(posixpath.join(directory, str(each))) for each in listed if each != "/dev/null"
        ]
        if not env_files:
            own = self._read(posixpath.join(within, ".env"))
            contents = [] if own is None else [own]
        found: dict[str, str] = {}
        for each in contents:
            found |= parse_dotenv(each.decode("utf-8", "replace"), self._lookup)

        def lookup(name: str) -> str | None:
            value = self._lookup(name)
            return found.get(name) if value is None else value

        return lookup


class _Included(_Loader):
    """Loads what is included: with its own variables."""

    def __init__(self, lookup: Lookup, read: Read, budget: Budget, left: int) -> None:
        super().__init__(lookup, read, budget)
        self._left = left


def _relative_to(found: dict[str, Any], directory: str) -> dict[str, Any]:
    """Return a model with the paths of its builds and secrets below a directory, in their shortest form."""
    made = dict(found)
    services = found.get("services")
    if isinstance(services, dict):
        made["services"] = {
            name: _service_paths(_with_context(each), directory) for name, each in services.items()
        }
    secrets = found.get("secrets")
    if isinstance(secrets, dict):
        made["secrets"] = {name: _secret_paths(each, directory) for name, each in secrets.items()}
    return made


def _with_context(service: Any) -> Any:
    """Return a service whose build has a context."""
    if not isinstance(service, dict) or not isinstance(service.get("build"), dict):
        return service
    return {**service, "build": {"context": ".", **service["build"]}}


def _service_paths(service: Any, directory: str) -> Any:
    if not isinstance(service, dict) or "build" not in service:
        return service
    build = service["build"]
    build = {"context": build} if isinstance(build, str) else build
    if not isinstance(build, dict):
        return service
    made = dict(build)
    if isinstance(made.get("context"), str):
        made["context"] = _context(made["context"], directory)
    contexts = made.get("additional_contexts")
    if isinstance(contexts, list):
        contexts = dict(_pair(each) for each in contexts)
    if isinstance(contexts, dict):
        made["additional_contexts"] = {
            name: _context(each, directory) if isinstance(each, str) else each
            for name, each in contexts.items()
        }
    ssh = made.get("ssh")
    if isinstance(ssh, dict):
        made["ssh"] = {
            name: _joined(each, directory) if isinstance(each, str) else each for name, each in ssh.items()
        }
    elif isinstance(ssh, list):
        made["ssh"] = [_ssh_path(each, directory) for each in ssh]
    return {**service, "build": made}


def _pair(entry: Any) -> tuple[str, str]:
    name, equals, value = str(entry).partition("=")
    if not equals:
        raise DefinitionFault(f'"{entry}" in additional_contexts is not of the form name=context')
    return name, value


def _ssh_path(entry: Any, directory: str) -> Any:
    name, equals, path = str(entry).partition("=")
    return f"{name}={_joined(path, directory)}" if equals else entry


def _secret_paths(secret: Any, directory: str) -> Any:
    if isinstance(secret, dict) and isinstance(secret.get("file"), str):
        return {**secret, "file": _joined(secret["file"], directory)}
    return secret


_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:")


def _context(text: str, directory: str) -> str:
    if "://" in text or text.startswith(_REMOTE) or not text:
        return text
    return _joined(text, directory)


def _joined(path: str, directory: str) -> str:
    if path.startswith(("~", "/")):
        return path
    return posixpath.normpath(posixpath.join(directory, path))
