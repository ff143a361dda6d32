"""What the docker command's plugins need to know: where they are looked for, and which context is in use."""

from __future__ import annotations

import os
from collections.abc import Mapping

from router.docker.config import config_directory
from router.docker.endpoint import find_endpoint
from router.errors import UsageError

__all__ = ["docker_context", "docker_plugin_directory"]


def docker_plugin_directory(environment: Mapping[str, str]) -> str:
    """Return the absolute path of this user's directory of docker plugins, which need not exist.

    Raises ``UsageError`` for a user without a home.
    """
    directory = config_directory(environment)
    if not directory:
        raise UsageError(
            "there is no home directory, which docker's plugins would be in", hint="set DOCKER_CONFIG"
        )
    return os.path.join(os.path.abspath(directory), "cli-plugins")


def docker_context(environment: Mapping[str, str]) -> str:
    """Return the name of the docker context that is in use, ``default`` for none. Raises ``UsageError``."""
    return find_endpoint(environment).context or "default"
