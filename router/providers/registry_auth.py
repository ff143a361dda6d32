"""What the daemon's ``Auth`` calls get: logins and tokens for registries, and proof of whose a token is.

Passwords come from the docker config and its helpers. For a registry that takes bearer tokens, they stay
here: the daemon asks for a token, and this machine fetches it. Only for one with basic authentication is it
given the login itself, or for all of them where ``BUILDKIT_NO_CLIENT_TOKEN`` is true, which is for token
servers that the daemon alone can reach.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from router.cancellation import Cancellation
from router.closing import Closing
from router.docker.config import Credentials, DockerConfig, config_directory, load, registry_key
from router.errors import CancelledError, DialError, UsageError
from router.model.frozen import replace
from router.net.deadline import Deadline
from router.notation.boolean import parse_bool
from router.notation.url import parse_url

if TYPE_CHECKING:
    import ssl

    from router.model.build_options import RegistryTLS
    from router.once import OneTimeFiles
    from router.providers.registry_token import Token, TokenError, TokenRequest
    from router.providers.token_authority import TokenAuthority

__all__ = ["RegistryAuth", "find_credentials"]

# Helpers of clouds hand out passwords that live for five minutes (Google's Workload Identity).
_FRESH_FOR = 290.0
# For all requests that one token takes, in seconds; the daemon waits 60 for it.
_TOKEN_TIMEOUT = 30.0
# A build knows a handful of registries; a hostile daemon could ask for any number.
_MOST_KNOWN = 1000
_MOST_REFUSALS = 20
# Seconds that a helper's end is waited for when the build is over; it is killed.
_FOR_HELPER = 1.0


def find_credentials(
    config: DockerConfig, host: str, environment: Mapping[str, str], stop: Callable[[], Cancellation]
) -> Credentials:
    """Look a registry up as the docker CLI does: its own helper, else the general one, else the file.

    A bearer token stands in the file in any case; ``stop`` gives what ends a helper. Raises ``ToolError``
    when a helper fails, ``CancelledError``.
    """
    from router.docker.credential_helpers import ask_helper

    key = registry_key(host)
    helper = config.helper(key)
    stored = config.stored(key)
    if not helper:
        return stored
    return replace(ask_helper(helper, key, environment, stop()), registry_token=stored.registry_token)


class RegistryAuth(Closing):
    """Answers for one build; may be asked from several threads at once. A context manager.

    The docker config is read at the first question, unless it was before (``config``), and what looks a login
    up or fetches a token is loaded then: most builds need none of it.
    Every method raises ``UsageError`` for a broken login in the docker config, ``ToolError`` for a helper
    that fails. So does making it: ``UsageError``, for a file of ``tls``, which is for token servers that want
    more than the system's CAs.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        tls: Sequence[RegistryTLS] = (),
        *,
        config: DockerConfig | None = None,
        files: OneTimeFiles | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._tls: Mapping[str, ssl.SSLContext] = {}
        if tls:
            from router.providers.registry_tls import contexts

            self._tls = contexts(tls, files)
        self._clock = clock
        self._insecure = frozenset(entry.host for entry in tls if entry.insecure)
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._stop: Cancellation | None = None
        self._closed = False
        self._refusals: list[str] = []
        self._config = config
        self._known: dict[str, tuple[float, Credentials]] = {}
        self._keys: TokenAuthority | None = None

    @property
    def fetches_tokens(self) -> bool:
        """Whether tokens are fetched on this machine."""
        return not parse_bool(self._environment.get("BUILDKIT_NO_CLIENT_TOKEN", ""))

    def credentials(self, host: str) -> tuple[str, str]:
        """Return user name and secret for a registry's host name, both empty where none are known.

        An identity token comes with an empty user name.
        """
        found = self._find(host)
        try:
            (found.username + found.secret).encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"the login for {host} is not UTF-8, so the daemon can't be given it",
                hint=f"run docker login {host} with a token instead of the password",
            ) from None
        return found.username, found.secret

    def fetch_token(self, request: TokenRequest) -> Token:
        """Get a bearer token, as whoever the docker config says. Raises ``TokenError`` as well.

        A login is not sent by plain http, except to this machine or for a registry that ``tls`` calls
        insecure: the daemon names the server, and everybody on the way could read it.
        """
        # Few builds fetch one.
        from router.net.web import fetch
        from router.providers.registry_token import TokenError, fetch_token, on_plain_http, out_of_reach

        found = self._find(request.host)
        if found.secret and not found.registry_token and not self._may_have_a_login(request):
            raise self._refused(on_plain_http(request))
        send = partial(
            fetch,
            environment=self._environment,
            deadline=Deadline(_TOKEN_TIMEOUT),
            context=self._tls.get(request.host),
        )
        try:
            return fetch_token(request, found, send)
        except TokenError as exc:
            raise self._refused(exc) from exc.__cause__
        except (DialError, UsageError) as exc:
            raise self._refused(out_of_reach(request, exc)) from exc

    def _may_have_a_login(self, request: TokenRequest) -> bool:
        from router.notation.loopback import is_loopback

        url = parse_url(request.realm)
        if url is None or url.scheme != "http":
            return True
        return request.host in self._insecure or is_loopback(url.host)

    def _refused(self, error: TokenError) -> TokenError:
        with self._lock:
            if len(self._refusals) < _MOST_REFUSALS and str(error) not in self._refusals:
                self._refusals.append(str(error))
        return error

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why there were tokens that the daemon did not get; it hears of a status only."""
        with self._lock:
            return tuple(self._refusals)

    def close(self) -> None:
        """End a helper that is being asked, whatever it does; nothing is answered any more."""
        with self._lock:
            self._closed, stop, self._stop = True, self._stop, None
        if stop is None:
            return
        stop.cancel("the build is over")
        if self._asking.acquire(timeout=_FOR_HELPER):
            stop.close()
            self._asking.release()

    def public_key(self, host: str, salt: bytes) -> bytes:
        """Return the Ed25519 key (32 bytes) by which the daemon knows this user's tokens for a registry."""
        return self._authority().public_key(host, salt, anonymous=self._is_anonymous(host))

    def sign(self, host: str, salt: bytes, payload: bytes) -> bytes:
        """Return NaCl's signed message of ``payload``, made with that key."""
        return self._authority().sign(host, salt, payload, anonymous=self._is_anonymous(host))

    def _is_anonymous(self, host: str) -> bool:
        found = self._find(host)
        return not found.secret and not found.registry_token

    def _authority(self) -> TokenAuthority:
        with self._lock:
            if self._keys is None:
                from router.providers.token_authority import TokenAuthority

                self._keys = TokenAuthority(config_directory(self._environment))
            return self._keys

    def _find(self, host: str) -> Credentials:
        with self._asking:  # some keychains' helpers hang when two of them ask at once
            asked, found = self._known.get(host, (0.0, None))
            if found is None or self._clock() - asked > _FRESH_FOR:
                found = find_credentials(self._configuration(), host, self._environment, self._stopped)
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[host] = (self._clock(), found)
            return found

    def _stopped(self) -> Cancellation:
        """Return what ends a helper; made for the first one, since most builds have none."""
        with self._lock:
            if self._closed:
                raise CancelledError("the build is over")
            self._stop = self._stop or Cancellation()
            return self._stop

    def _configuration(self) -> DockerConfig:
        if self._config is None:
            self._config = load(self._environment)
        return self._config
