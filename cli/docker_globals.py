"""docker's own options, which it hands to a plugin as they stand before the plugin's name.

`docker --context lab warmroute build .` is given to us as it is. What these options say has a variable of
docker's each, and the library reads those.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence

from cli.command_line import arguments_of
from cli.groups import OptionGroup, argument, option
from cli.parameters import grouped, parameters_of
from router import UsageError

__all__ = ["words_of"]

_FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


class DockerOptions(OptionGroup, panel="docker"):
    """What stands between `docker` and the plugin's name, and everything from there on."""

    config: str | None = option("--config", default=None, help="The directory of the docker config.")
    context: str | None = option("--context", "-c", default=None, help="The context.")
    host: str | None = option("--host", "-H", default=None, help="The engine.")
    debug: bool = option("--debug", "-D", default=False, help="Say more.")
    log_level: str | None = option("--log-level", "-l", default=None, help="How much to say.")
    tls: bool = option("--tls", default=False, help="Use TLS.")
    verify: bool = option("--tlsverify", default=False, help="Use TLS, and verify the engine.")
    ca: str | None = option("--tlscacert", default=None, help="The CA.")
    cert: str | None = option("--tlscert", default=None, help="The certificate.")
    key: str | None = option("--tlskey", default=None, help="Its key.")
    words: list[str] | None = argument("COMMAND", default=None, help="The command.", rest=True)


def words_of(line: Sequence[str], plugin: str, environment: MutableMapping[str, str]) -> Sequence[str]:
    """Return the words behind the plugin's name; the options before it become variables.

    Raises ``UsageError`` for one that has none.
    """
    parameters = parameters_of(_declared)
    group = grouped(parameters, arguments_of(parameters, line, {}))["docker"]
    assert isinstance(group, DockerOptions)
    environment.update(_variables(group))
    if group.context:
        environment.pop("DOCKER_HOST", None)  # which would win
    words = group.words or []
    if words[:2] == ["help", plugin]:
        return [*words[2:], "--help"]
    return words[1:] if words[:1] == [plugin] else words


def _declared(docker: DockerOptions) -> None:
    """Declare them, as a command does."""


def _variables(options: DockerOptions) -> dict[str, str]:
    found = {
        "DOCKER_CONFIG": options.config,
        "DOCKER_CONTEXT": options.context,
        "DOCKER_HOST": options.host,
        "DOCKER_CERT_PATH": _certificates(options),
        "DOCKER_TLS": "1" if options.tls else None,
        "DOCKER_TLS_VERIFY": "1" if options.verify else None,
        "WARMROUTE_VERBOSE": "1" if options.debug or options.log_level == "debug" else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _certificates(options: DockerOptions) -> str | None:
    """Return the directory that the files are in, by docker's names for them."""
    given = {kind: path for kind in _FILES if (path := getattr(options, kind)) is not None}
    directories = {os.path.dirname(path) or "." for path in given.values()}
    names = {kind: os.path.basename(path) for kind, path in given.items()}
    if len(directories) > 1 or any(names[kind] != _FILES[kind] for kind in names):
        raise UsageError(
            "docker's --tlscacert, --tlscert and --tlskey can't be passed on to warmroute",
            hint="set DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem",
        )
    return next(iter(directories), None)
