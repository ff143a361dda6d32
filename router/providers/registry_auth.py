"""Credentials for the registries that a build pulls from and pushes to.

Answers the daemon's Credentials calls from the docker config and its helpers. BuildKit can also leave the
fetching of tokens to its client (GetTokenAuthority, VerifyTokenAuthority, FetchToken), for which a client
proves by an Ed25519 key that it knows the password. That is not offered: Python's library has no Ed25519.
A daemon that hears Unimplemented for GetTokenAuthority asks for the credentials instead and fetches the
token itself, as it does for every registry with basic authentication.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.providers.docker_config import Credentials, DockerConfig

__all__ = ["RegistryAuth", "find_credentials"]

# Helpers of clouds hand out passwords that live for five minutes (Google's Workload Identity).
_FRESH_FOR = 290.0


def find_credentials(config: DockerConfig, host: str, environment: Mapping[str, str]) -> Credentials:
    """Look a registry up as the docker CLI does: its own helper, else the general one, else the file.

    Raises ``ToolError`` when a helper fails.
    """
    from router.providers.credential_helpers import ask_helper
    from router.providers.docker_config import registry_key

    key = registry_key(host)
    helper = config.helper(key)
    return ask_helper(helper, key, environment) if helper else config.stored(key)


class RegistryAuth:
    """Answers for one build; may be asked from several threads at once.

    The docker config is read at the first question, and what reads it loaded then: most builds need neither.
    """

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._environment = environment
        self._clock = clock
        self._lock = threading.Lock()
        self._config: DockerConfig | None = None
        self._known: dict[str, tuple[float, Credentials]] = {}

    def credentials(self, host: str) -> tuple[str, str]:
        """Return user name and secret for a registry's host name, both empty where none are known.

        An identity token comes with an empty user name. Raises ``UsageError`` for a broken docker config,
        ``ToolError`` for a helper that fails.
        """
        with self._lock:  # some keychains' helpers hang when two of them ask at once
            asked, found = self._known.get(host, (0.0, None))
            if found is None or self._clock() - asked > _FRESH_FOR:
                if self._config is None:
                    from router.providers.docker_config import load

                    self._config = load(self._environment)
                found = find_credentials(self._config, host, self._environment)
                self._known[host] = (self._clock(), found)
        return found.username, found.secret
