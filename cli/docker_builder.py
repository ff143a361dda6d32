"""`docker build` as a program of ours, and what else docker sends to its builder as buildx's.

An alias for the builder takes all of `docker builder` and `docker bake` along. Nothing but the build is ours;
the rest goes on to buildx, as docker does it without an alias, and so does a build with --builder. So `docker
builder prune` doesn't empty the fleet of a team.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from cli.docker_globals import words_of
from cli.program import Program
from router import ToolError, docker_context, find_program

__all__ = ["builder_program"]

_OPTION, _VARIABLE = "--builder", "BUILDX_BUILDER"


def builder_program(warmroute: Program, plugin: str) -> Program:
    """Return the program whose only command is `docker build`, for the plugin of this name."""

    def read(line: Sequence[str]) -> Sequence[str]:
        words = words_of(line, plugin, os.environ)
        if words[:1] != ["build"] or _name_builder(words):
            _run_buildx(words)
        return words

    commands = {"build": "cli.commands.docker_build:command"}
    return warmroute._replace(name="docker", commands=commands, siblings=warmroute.commands, reader=read)


def _name_builder(words: Sequence[str]) -> bool:
    """Say whether one of buildx's builders is meant."""
    return any(word.partition("=")[0] == _OPTION for word in words)


def _run_buildx(words: Sequence[str]) -> NoReturn:
    """Become `docker buildx`, with the builder that docker would have it use. Raises ``ToolError``."""
    if not (_name_builder(words) or os.environ.get(_VARIABLE)):
        os.environ[_VARIABLE] = docker_context(os.environ)
    docker = find_program(os.environ.get("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker"), os.environ)
    if docker is None:
        raise ToolError("docker is not on PATH", hint="docker buildx --help")
    os.execv(docker, [docker, "buildx", *words])  # noqa: S606 -- the process becomes it
