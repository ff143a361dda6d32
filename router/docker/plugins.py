"""Where the docker command looks for plugins."""

from __future__ import annotations

import os
from collections.abc import Mapping

from router.docker.config import config_directory
from router.errors import UsageError

__all__ = ["docker_plugin_directory"]


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
