"""Services as targets: each that has a build section, and the group of all of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from router.bake.compose import Read
from router.bake.compose.dotenv import parse_dotenv
from router.bake.compose.extension import extended, named_contexts
from router.bake.compose.model import Model, load_model, read_source
from router.bake.compose.sections import Section
from router.bake.compose.substitution import Lookup
from router.bake.entries import Attest, Cache, Secret, SSHKeys, attest_shorthand, parse_attest, parse_caches
from router.bake.outside import BakeOutside
from router.bake.places import DefinitionFault
from router.bake.resolution import check_name
from router.bake.target import BakeGroup, BakeTarget

__all__ = ["load_services"]

_KNOWN = frozenset(
    re.findall(
        r"\w+",
        "context dockerfile dockerfile_inline entitlements args ssh labels cache_from cache_to no_cache"
        " no_cache_filter additional_contexts network provenance sbom pull target shm_size extra_hosts"
        " isolation privileged secrets tags ulimits platforms",
    )
)


def load_services(
    files: Sequence[tuple[str, bytes]], outside: BakeOutside, read: Read, *, alone: bool
) -> tuple[Sequence[BakeGroup], Sequence[BakeTarget]]:
    """Return the targets of compose files, and the group of all."""
    lookup = _lookup(outside, read)
    model = load_model([read_source(*each) for each in files], lookup, read)
    for name, service in model.services.items():
        _check_service(name, service, model, alone=alone)
    if not model.services:
        return (), ()
    reader = _Services(model, lookup, read, outside.home)
    targets = [
        reader.target(name, service)
        for name, service in model.services.items()
        if isinstance(service, dict) and service.get("build") is not None
    ]
    return [BakeGroup("default", tuple(each.name for each in targets) or None)], targets


def _lookup(outside: BakeOutside, read: Read) -> Lookup:
    """Return the variables of compose files: given ones, those of the environment, those of ``.env``."""
    content = read(".env")
    found = (
        {} if content is None else parse_dotenv(content.decode("utf-8", "replace"), outside.environment.get)
    )

    def lookup(name: str) -> str | None:
        value = outside.lookup(name)
        return found.get(name) if value is None else value

    return lookup


def _check_service(name: str, service: Any, model: Model, *, alone: bool) -> None:
    if service is not None and not isinstance(service, dict):
        raise DefinitionFault(f"services.{name} must be a mapping")
    build = (service or {}).get("build")
    image = (service or {}).get("image")
    if image is not None and not isinstance(image, str):
        raise DefinitionFault(f"services.{name}.image must be a text")
    if isinstance(build, dict):
        _check_build(name, build)
    elif build is not None:
        raise DefinitionFault(f"services.{name}.build must be a path or a mapping")
    if alone:
        return
    if build is None and not image:
        raise DefinitionFault(f"the service {name} has neither an image nor a build section")
    for context in (build or {}).get("additional_contexts", {}).values() if isinstance(build, dict) else ():
        other = str(context).removeprefix("service:")
        if str(context).startswith("service:") and (model.services.get(other) or {}).get("build") is None:
            raise DefinitionFault(
                f"the service {name} uses the service {other}, which there is not or isn't built"
            )


def _check_build(name: str, build: Mapping[str, Any]) -> None:
    for key in build:
        if key not in _KNOWN and not key.startswith("x-"):
            raise DefinitionFault(f"services.{name}.build has no {key}")
    if build.get("dockerfile") and build.get("dockerfile_inline"):
        raise DefinitionFault(f"the service {name} has both a dockerfile and an inline one")


class _Services:
    """Makes targets of services."""

    def __init__(self, model: Model, lookup: Lookup, read: Read, home: str) -> None:
        self._model = model
        self._lookup = lookup
        self._read = read
        self._home = home

    def target(self, service_name: str, service: Mapping[str, Any]) -> BakeTarget:
        where = f"services.{service_name}.build"
        build = Section(service["build"], where)
        name = service_name.replace(".", "_")
        try:
            check_name(name)
        except DefinitionFault as fault:
            raise DefinitionFault(f"the service {service_name} can't be a target: {fault.message}") from None
        tags = build.texts("tags")
        contexts = build.values.get("additional_contexts")
        labels = build.mapped("labels")
        target = BakeTarget(
            name=name,
            context=self._path(build.text("context") or "") or None,
            contexts=None if contexts is None else self._contexts(build, contexts),
            dockerfile=build.text("dockerfile"),
            dockerfile_inline=build.text("dockerfile_inline"),
            args=self._args(build, service, service_name),
            labels=None if labels is None else {key: value or "" for key, value in labels.items()},
            tags=tags or (((service["image"],)) if service.get("image") else tags),
            cache_from=_caches(build.texts("cache_from")),
            cache_to=_caches(build.texts("cache_to")),
            target=build.text("target"),
            secrets=self._secrets(build),
            ssh=self._ssh(build),
            platforms=build.texts("platforms"),
            pull=build.flag("pull") or None,
            no_cache=build.flag("no_cache") or None,
            network=build.text("network"),
            shm_size=build.size("shm_size"),
            ulimits=build.limits("ulimits"),
            extra_hosts=build.hosts("extra_hosts"),
            attest=_attests(build),
        )
        return extended(target, build.values.get("x-bake"), where)

    def _args(self, build: Section, service: Mapping[str, Any], name: str) -> Mapping[str, str | None] | None:
        args = build.mapped("args")
        if not args:
            return None
        if None not in args.values():
            return args
        environment = self._environment(service, name)
        found: dict[str, str | None] = {}
        for key, value in args.items():
            text = value if value is not None else environment.get(key) or self._lookup(key)
            if text is None and value is None:
                text = environment.get(key)
            if text is not None:
                found[key] = text
        return found or None

    def _environment(self, service: Mapping[str, Any], name: str) -> Mapping[str, str | None]:
        """Return a service's environment: what it says, then what is in its files."""
        own = Section(service, f"services.{name}").mapped("environment") or {}
        own = {key: self._lookup(key) if value is None else value for key, value in own.items()}
        found: dict[str, str | None] = {}

        def lookup(key: str) -> str | None:
            value = self._lookup(key)
            return own.get(key) if value is None else value

        files = service.get("env_file") or []
        for each in files if isinstance(files, list) else [files]:
            given = {"path": each} if isinstance(each, str) else each
            if not isinstance(given, dict) or not isinstance(given.get("path"), str):
                raise DefinitionFault(f"services.{name}.env_file must be a path, or a list of paths")
            content = self._read(given["path"])
            if content is None:
                if given.get("required", True):
                    raise DefinitionFault(f"services.{name}.env_file: there is no file {given.get('path')}")
                continue
            found |= parse_dotenv(content.decode("utf-8", "replace"), lookup)
        return {**found, **own}

    def _secrets(self, build: Section) -> tuple[Secret, ...] | None:
        listed = build.values.get("secrets")
        if listed is None:
            return None
        if not isinstance(listed, list):
            raise build.fail("secrets", "a list")
        return tuple(self._secret(build, each) for each in listed) or None

    def _secret(self, build: Section, entry: Any) -> Secret:
        name = entry.get("source") if isinstance(entry, dict) else entry
        if not isinstance(name, str):
            raise build.fail("secrets", "a list of names")
        if name not in self._model.secrets:
            raise DefinitionFault(f'there is no secret "{name}" in the compose file')
        found = self._model.secrets[name]
        if not isinstance(found, dict):
            raise DefinitionFault(f"secrets.{name} must be a mapping")
        secret = Section(found, f"secrets.{name}")
        if secret.values.get("external"):
            raise DefinitionFault(f'the secret "{name}" is external: a build can\'t have it')
        path, variable = secret.text("file"), secret.text("environment")
        if path is None and variable is None:
            raise DefinitionFault(f'the secret "{name}" needs a file or an environment variable')
        return Secret(name, self._path(path or ""), variable or "")

    def _ssh(self, build: Section) -> tuple[SSHKeys, ...] | None:
        listed = build.values.get("ssh")
        if listed is None:
            return None
        keys: dict[str, SSHKeys] = {}
        if isinstance(listed, dict):
            for name, path in listed.items():
                keys[name] = SSHKeys(name, (self._path(str(path)),) if path else ())
        elif isinstance(listed, list):
            for each in listed:
                name, equals, path = str(each).partition("=")
                if not equals and name != "default":
                    raise build.fail("ssh", f'a list of default or name=path, not "{each}"')
                keys[name] = SSHKeys(name, (self._path(path),) if path else ())
        else:
            raise build.fail("ssh", "a list or a mapping")
        return tuple(sorted(keys.values())) or None

    def _contexts(self, build: Section, contexts: Any) -> Mapping[str, str]:
        if not isinstance(contexts, dict) or not all(isinstance(each, str) for each in contexts.values()):
            raise build.fail("additional_contexts", "a mapping to contexts")
        return named_contexts({name: self._path(each) for name, each in contexts.items()})

    def _path(self, path: str) -> str:
        return posixpath.normpath(f"{self._home}/{path[1:]}") if path.startswith("~") else path


def _caches(texts: Sequence[str] | None) -> tuple[Cache, ...] | None:
    return None if not texts else tuple(cache for text in texts for cache in parse_caches(text))


def _attests(build: Section) -> tuple[Attest, ...] | None:
    found: list[Attest] = []
    for kind in ("sbom", "provenance"):
        value = build.values.get(kind)
        if value is None or value == "":
            continue
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        found.append(parse_attest(attest_shorthand(kind, text)))
    return tuple(found) or None
