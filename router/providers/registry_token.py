"""Bearer tokens for registries, fetched from the server that the registry names.

Speaks both forms of https://distribution.github.io/distribution/spec/auth/: a GET with basic authentication
(or with none: many registries let everybody pull), and OAuth's POST with a password or a refresh token, which
is what docker calls an identity token. Which one is tried when is as BuildKit's clients do it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from router.model.frozen import field, frozen
from router.net.web import WebRequest
from router.untrusted_json import NotJSONError, members, read_json

if TYPE_CHECKING:
    from router.docker.config import Credentials
    from router.net.http1 import Reply

__all__ = ["Token", "TokenError", "TokenRequest", "fetch_token", "on_plain_http", "out_of_reach"]

# What the specification says of a token that doesn't tell how long it is good for, in seconds.
DEFAULT_LIFETIME = 60
_MOST_LIFETIME = 2**31 - 1

# A server that has no POST says one of these (JFrog's says 401), and so does one that moved.
_NO_POST = frozenset({301, 302, 303, 307, 308, 401, 404})
_METHOD_NOT_ALLOWED = 405


class TokenError(Exception):
    """There is no token; the message is for whoever builds, and holds no secret.

    ``status`` is what a daemon may hear of it: no text of a server that the daemon could not ask itself.
    """

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


@frozen
class TokenRequest:
    """What the registry at ``host`` wants: a token of ``realm`` (a URL) for ``service`` and ``scopes``."""

    host: str
    realm: str
    service: str = ""
    scopes: tuple[str, ...] = ()


@frozen
class Token:
    """``expires_in`` is seconds from ``issued_at``, which is Unix time, 0 where the server didn't say."""

    value: str = field(repr=False)
    expires_in: int = DEFAULT_LIFETIME
    issued_at: int = 0


Send = Callable[["WebRequest"], "Reply"]


def fetch_token(request: TokenRequest, credentials: Credentials, send: Send) -> Token:
    """Get a token; ``send`` does the HTTP. Raises ``TokenError``, and what ``send`` raises."""
    if credentials.registry_token:
        return Token(value=credentials.registry_token)
    if credentials.secret:
        reply = send(_oauth_request(request, credentials))
        no_post = reply.status in _NO_POST or (
            reply.status == _METHOD_NOT_ALLOWED and bool(credentials.username)
        )
        if not no_post:
            return _token(request, reply)
    return _token(request, send(_basic_request(request, credentials)))


def on_plain_http(request: TokenRequest) -> TokenError:
    """Return the error for a login that would be sent where everybody on the way could read it."""
    return TokenError(
        f"can't get a token for {request.host}: the token server {request.realm} is on plain http, where the "
        "login is not sent; if that is meant, give "
        f"--registry-auth-tlscontext host={request.host},insecure=true",
        "the token server is on plain http",
    )


def out_of_reach(request: TokenRequest, exc: Exception) -> TokenError:
    """Return the error for a token server that this machine can't reach."""
    return TokenError(
        f"can't get a token for {request.host}: {exc}; if the daemon alone can reach that server, set "
        "BUILDKIT_NO_CLIENT_TOKEN=1",
        "the token server can't be reached",
    )


def _oauth_request(request: TokenRequest, credentials: Credentials) -> WebRequest:
    form = {"service": request.service, "client_id": "warmroute"}
    if request.scopes:
        form["scope"] = " ".join(request.scopes)
    if credentials.username:
        form |= {"grant_type": "password", "username": credentials.username, "password": credentials.secret}
    else:
        form |= {"grant_type": "refresh_token", "refresh_token": credentials.secret}
    return WebRequest(
        url=request.realm,
        method="POST",
        headers=(("Content-Type", "application/x-www-form-urlencoded"),),
        body=urlencode(form, errors="surrogateescape").encode(),
    )


def _basic_request(request: TokenRequest, credentials: Credentials) -> WebRequest:
    query = [("service", request.service)] if request.service else []
    query += [("scope", scope) for scope in request.scopes]
    joint = ("&" if "?" in request.realm else "?") if query else ""
    authorization = ""
    if credentials.secret:
        login = f"{credentials.username}:{credentials.secret}".encode("utf-8", "surrogateescape")
        authorization = f"Basic {base64.b64encode(login).decode()}"
    return WebRequest(url=f"{request.realm}{joint}{urlencode(query)}", authorization=authorization)


def _token(request: TokenRequest, reply: Reply) -> Token:
    if not 200 <= reply.status < 300:
        why = " ".join(part for part in (str(reply.status), reply.phrase) if part)
        said = _said(reply)
        raise _error(request, f"{why}: {said}" if said else why, f"the token server answers {reply.status}")
    found = _object(reply)
    value = found.get("access_token") or found.get("token")
    if not isinstance(value, str) or not value:
        raise _error(request, "the answer holds no token", "the token server's answer holds no token")
    lifetime = found.get("expires_in")
    known = isinstance(lifetime, int) and 0 < lifetime <= _MOST_LIFETIME
    return Token(
        value=value,
        expires_in=lifetime if isinstance(lifetime, int) and known else DEFAULT_LIFETIME,
        issued_at=_unix_time(found.get("issued_at")),
    )


def _error(request: TokenRequest, why: str, status: str) -> TokenError:
    scopes = f" ({' '.join(request.scopes)})" if request.scopes else ""
    return TokenError(f"can't get a token for {request.host}{scopes} from {request.realm}: {why}", status)


def _said(reply: Reply) -> str:
    """Return what the server says of a refusal, where it says it in one of the usual forms."""
    found = _object(reply)
    errors = found.get("errors")
    first: Any = errors[0] if isinstance(errors, list) and errors else {}
    told = (
        first.get("message") if isinstance(first, dict) else "",
        found.get("error_description"),
        found.get("details"),
        found.get("message"),
        found.get("error"),
    )
    said = next((text for text in told if isinstance(text, str) and text), "")
    return " ".join(said.split())[:300]


def _object(reply: Reply) -> Mapping[str, Any]:
    # Keys as they are written: a service that is no token server may have a "Token" of another kind.
    try:
        return members(read_json(reply.body))
    except NotJSONError:
        return {}


def _unix_time(text: object) -> int:
    if not isinstance(text, str):
        return 0
    try:
        moment = datetime.fromisoformat(text)
        return max(int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()), 0)
    except (ValueError, OverflowError):
        return 0
