"""How one request gets through to a registry: where it listens, the login it wants, its pauses and redirects.

A login goes to the registry's own address and to the token server that it names, and nowhere else: where a
registry redirects to (the store of its blobs), none is sent.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence

from router.closing import Closing
from router.errors import DialError, RegistryError, RouterError
from router.model.build_options import RegistryTLS
from router.model.frozen import field, frozen, replace
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.net.web import WebRequest, fetch, is_same_host, location_of
from router.notation.loopback import is_loopback
from router.providers.registry_auth import RegistryAuth
from router.providers.registry_tls import contexts
from router.providers.registry_token import TokenError, TokenRequest
from router.registry.challenge import Challenge, parse_challenge
from router.retry import Pauses, persisting
from router.untrusted_json import NotJSONError, elements, read_json, text

__all__ = ["Asked", "Requests"]

# Where Docker Hub's registry really is.
_HUB = "registry-1.docker.io"
# For one request with its redirects, in seconds; a piece of a blob is the longest of them.
_TIMEOUT = 120.0
_MOST_ATTEMPTS = 5
# A registry may ask for a longer pause than it is worth to wait.
_LONGEST_PAUSE = 60.0
_BUSY = frozenset({429, 503})
_REASONS = {401: "denied", 403: "denied", 404: "not-found"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What can be sent twice without another outcome.
_REPEATABLE = frozenset({"GET", "HEAD"})


@frozen
class Asked:
    """A request to a registry. ``path`` is one below ``/v2/``, or a whole URL that the registry has named.

    ``scopes`` are what a token for it has to allow.
    """

    domain: str
    path: str
    method: str = "GET"
    scopes: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    most: int = 1 << 20
    repeatable: bool = False


class _BusyError(DialError):
    """The registry wants to be asked later: after so many seconds, 0 where it doesn't say."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message, temporary=True, reason="busy")
        self.after = after


class Requests(Closing):
    """Sends requests to registries as the docker CLI's user; for one thread. A context manager.

    ``tls`` is for registries, and for the token servers that they name: further CAs, client certificates, or
    that any certificate and plain http will do. All requests together end by ``deadline``, where there is
    one. Making it raises ``UsageError`` for a file of ``tls``.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        tls: Sequence[RegistryTLS] = (),
        *,
        deadline: Deadline | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = environment
        self._contexts = contexts(tls)
        self._insecure = frozenset(entry.host for entry in tls if entry.insecure)
        self._auth = RegistryAuth(environment, tls)
        self._deadline = deadline
        self._sleep = sleep
        self._bases: dict[str, str] = {}
        self._authorizations: dict[tuple[str, tuple[str, ...]], str] = {}

    def close(self) -> None:
        """End a credential helper that is being asked."""
        self._auth.close()

    def send(self, asked: Asked) -> Reply:
        """Return the answer, whatever it is but a pause or a login that is asked for.

        A registry that is busy is asked again, and so is one that breaks off, if the request can be repeated.
        Raises ``DialError`` where there is no answer, ``RegistryError`` for one that is too large and where a
        token is refused; ``UsageError`` and ``ToolError`` for what is wrong with the docker config.
        """
        pause = [0.0]

        def again(error: RouterError, attempt: int) -> bool:
            busy = isinstance(error, _BusyError)
            repeatable = asked.repeatable or asked.method in _REPEATABLE
            worth_it = error.temporary and attempt < _MOST_ATTEMPTS and (busy or repeatable)
            return worth_it and self._has_time_for(error.after if isinstance(error, _BusyError) else 0.0)

        def before_pause(error: RouterError) -> None:
            pause[0] = error.after if isinstance(error, _BusyError) else 0.0

        def sleep(seconds: float) -> None:
            self._sleep(max(seconds, pause[0]))

        pauses = Pauses(first=0.2, longest=5.0, sleep=sleep)
        return persisting(lambda: self._attempt(asked), again=again, pauses=pauses, before_pause=before_pause)

    def location(self, asked: Asked, reply: Reply) -> str:
        """Return the whole URL that an answer's Location names. Raises ``RegistryError`` without one."""
        try:
            url = location_of(WebRequest(url=self._url(asked)), reply)
        except DialError as exc:
            raise RegistryError(f"the registry {asked.domain} sent an unusable Location: {exc}") from exc
        if not url:
            raise RegistryError(f"the registry {asked.domain} did not say where the upload continues")
        return url

    def refusal(self, asked: Asked, reply: Reply, what: str) -> RegistryError:
        """Return the error for an answer that ``what`` does not expect."""
        said = _said(reply)
        told = f"{reply.status} {reply.phrase}".strip() + (f": {said}" if said else "")
        hint = f"docker login {asked.domain}" if reply.status in {401, 403} else None
        message = f"can't {what}: the registry {asked.domain} answers {told}"
        return RegistryError(message, hint=hint, reason=_REASONS.get(reply.status, "refused"))

    def _attempt(self, asked: Asked) -> Reply:
        try:
            reply = self._authorized(asked)
        except TimeoutError as exc:
            raise DialError(f"the registry {asked.domain} didn't answer in time", temporary=True) from exc
        except DialError as exc:
            if exc.reason == "too-large":
                said = f"the registry {asked.domain} answers with more than {asked.most} bytes"
                raise RegistryError(f"can't ask for {asked.path}: {said}", reason="too-large") from exc
            raise
        if reply.status in _BUSY:
            raise _BusyError(str(self.refusal(asked, reply, f"ask for {asked.path}")), _pause_of(reply))
        return reply

    def _has_time_for(self, pause: float) -> bool:
        try:
            return self._deadline is None or pause < self._deadline.remaining()
        except TimeoutError:
            return False

    def _authorized(self, asked: Asked) -> Reply:
        url = self._url(asked)
        if not is_same_host(url, self._base(asked.domain)):
            return self._fetch(_request(asked, url, ""), "")
        key = (asked.domain, asked.scopes)
        reply = self._follow(asked, url, self._authorizations.get(key, ""))
        challenge = parse_challenge(reply.headers.get("www-authenticate", ""))
        # A token may have expired between two requests: it is fetched anew, once.
        if reply.status == 401 and (answer := self._answer(challenge, asked)):
            self._authorizations[key] = answer
            reply = self._follow(asked, url, answer)
        return reply

    def _follow(self, asked: Asked, url: str, authorization: str) -> Reply:
        """Send it, and go where a redirect leads. Another host's challenge is not one that gets a login."""
        request = _request(asked, url, authorization)
        reply = self._fetch(request, asked.domain)
        if asked.method not in _REPEATABLE or reply.status not in _REDIRECTS:
            return reply
        there = location_of(request, reply)
        if not there:
            return reply
        same = is_same_host(there, url)
        moved = replace(request, url=there, follows=True, authorization=authorization if same else "")
        reply = self._fetch(moved, asked.domain if same else "")
        return reply if same else replace(reply, headers={**reply.headers, "www-authenticate": ""})

    def _fetch(self, request: WebRequest, domain: str) -> Reply:
        context = self._contexts.get(domain) if request.url.startswith("https:") else None
        left = _TIMEOUT if self._deadline is None else min(_TIMEOUT, self._deadline.remaining())
        return fetch(request, self._environment, Deadline(left), context)

    def _url(self, asked: Asked) -> str:
        if asked.path.startswith(("http://", "https://")):
            return asked.path
        return f"{self._base(asked.domain)}/v2/{asked.path}"

    def _base(self, domain: str) -> str:
        """Return where a registry listens: the first of its possible addresses that answers at all."""
        if domain not in self._bases:
            host = _HUB if domain == "docker.io" else domain
            schemes = ["https"]
            if is_loopback(domain):
                schemes = ["http", "https"]
            elif domain in self._insecure:
                schemes = ["https", "http"]
            self._bases[domain] = self._answering([f"{scheme}://{host}" for scheme in schemes], domain)
        return self._bases[domain]

    def _answering(self, bases: Sequence[str], domain: str) -> str:
        failed: DialError | None = None
        for base in bases[:-1]:
            try:
                self._fetch(WebRequest(url=f"{base}/v2/", follows=False), domain)
            except DialError as exc:
                failed = failed or exc
            else:
                return base
        if failed is None:
            return bases[-1]
        try:
            self._fetch(WebRequest(url=f"{bases[-1]}/v2/", follows=False), domain)
        except DialError:
            raise failed from None
        return bases[-1]

    def _answer(self, challenge: Challenge, asked: Asked) -> str:
        """Return the Authorization that a challenge asks for, empty where no login is known."""
        if challenge.scheme == "basic":
            login = ":".join(self._auth.credentials(asked.domain)).encode()
            return f"Basic {base64.b64encode(login).decode()}" if login != b":" else ""
        if challenge.scheme != "bearer" or not challenge.realm:
            return ""
        said = (challenge.scope,) if challenge.scope else ()
        request = TokenRequest(
            host=asked.domain, realm=challenge.realm, service=challenge.service, scopes=asked.scopes or said
        )
        try:
            return f"Bearer {self._auth.fetch_token(request).value}"
        except TokenError as exc:
            if isinstance(exc.__cause__, DialError):
                raise DialError(str(exc)) from exc
            raise RegistryError(str(exc), reason="denied") from exc


def _request(asked: Asked, url: str, authorization: str) -> WebRequest:
    return WebRequest(
        url=url,
        method=asked.method,
        headers=asked.headers,
        authorization=authorization,
        body=asked.body,
        most=asked.most,
        follows=False,
    )


def _pause_of(reply: Reply) -> float:
    told = reply.headers.get("retry-after", "")
    if not (told.isascii() and told.isdigit() and len(told) < 10):
        return 0.0  # a date, or nothing: our own pauses do
    return min(float(told), _LONGEST_PAUSE)


def _said(reply: Reply) -> str:
    try:
        first = next(iter(elements(read_json(reply.body), "errors")), None)
    except NotJSONError:
        return ""
    return " ".join((text(first, "message") or text(first, "code")).split())[:300]
