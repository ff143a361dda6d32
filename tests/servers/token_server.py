"""A token server for registries, in both forms of https://distribution.github.io/distribution/spec/auth/.

It knows one user, by password or by refresh token. Everybody else may pull what is below `public/`. A
registry trusts its tokens by the certificate authority in `certificates`.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.servers.certs import CA

SERVICE = "warmroute-test-registry"
ISSUER = "warmroute tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a token, without its secret. `login` is how the user was named, if at all."""

    method: str
    agent: str
    login: str
    user: str
    scopes: tuple[str, ...]


@dataclass(kw_only=True)
class TokenServer:
    """A running token server; a context manager that stops it.

    `post` is what every POST is answered with, unless that is 200; `lifetime` is seconds.
    """

    user: str
    password: str = field(repr=False)
    refresh_token: str = field(repr=False)
    certificates: Path
    post: int = 200
    lifetime: int = 300
    asked: list[Asked] = field(default_factory=list)
    _server: ThreadingHTTPServer = field(repr=False)
    _signer: _Signer = field(repr=False)
    _thread: threading.Thread = field(repr=False)
    _secure: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def realm(self) -> str:
        """The URL that tokens come from."""
        return f"{'https' if self._secure else 'http'}://127.0.0.1:{self._server.server_address[1]}/token"

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def issue(self, user: str, scopes: tuple[str, ...]) -> str:
        """Return a token for what the user may do of what the scopes name; "" is anybody."""
        access = [_granted(user, *scope.rsplit(":", 1)) for scope in scopes]
        now = int(time.time())
        return self._signer.token(
            {
                "iss": ISSUER,
                "aud": SERVICE,
                "sub": user,
                "iat": now,
                "nbf": now - 10,
                "exp": now + self.lifetime,
                "jti": str(time.monotonic_ns()),
                "access": [entry for entry in access if entry["actions"]],
            }
        )


def start_token_server(directory: Path, *, tls: CA | None = None) -> TokenServer:
    """Start a server on loopback; with `tls` it speaks HTTPS with a certificate of that CA."""
    directory.mkdir(parents=True, exist_ok=True)
    ca = CA("tokens")
    certificates = directory / "tokens.pem"
    certificates.write_bytes(ca.pem)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls.server().write(directory, "tokens-tls"))
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
    server = TokenServer(
        user="builder",
        password="correct horse token",
        refresh_token="refresh-battery-staple",
        certificates=certificates,
        _server=listener,
        _signer=_Signer(ca),
        _thread=threading.Thread(target=listener.serve_forever, name="tokens", daemon=True),
        _secure=tls is not None,
    )
    listener.tokens = server  # type: ignore[attr-defined]
    server._thread.start()
    return server


class _Signer:
    """Makes JSON Web Tokens (RFC 7519) whose key a registry finds in their own header (x5c)."""

    def __init__(self, ca: CA) -> None:
        pair = ca.server(["tokens"])
        key = load_pem_private_key(pair.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(pair.cert).public_bytes(Encoding.DER)

    def token(self, claims: dict[str, object]) -> str:
        header = {
            "typ": "JWT",
            "alg": "ES256",
            "x5c": [base64.b64encode(self._certificate).decode()],
        }
        signed = f"{_base64url(json.dumps(header).encode())}.{_base64url(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _granted(user: str, resource: str, actions: str) -> dict[str, Any]:
    kind, _, name = resource.partition(":")
    may_pull = bool(user) or name.startswith("public/")
    granted = [action for action in actions.split(",") if user or (may_pull and action == "pull")]
    return {"type": kind, "name": name, "actions": granted}


class _Handler(BaseHTTPRequestHandler):
    """Answers GET (basic authentication, or none) and POST (OAuth)."""

    protocol_version = "HTTP/1.1"

    @property
    def _tokens(self) -> TokenServer:
        found: TokenServer = self.server.tokens  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        """Answer the form that every registry's server has."""
        query = parse_qs(urlsplit(self.path).query)
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        name, _, password = base64.b64decode(encoded).decode().partition(":")
        self._note("basic" if kind else "", name, tuple(query.get("scope", ())))
        if kind and (name, password) != (self._tokens.user, self._tokens.password):
            self._refuse()
            return
        self._give("token", name, tuple(query.get("scope", ())))

    def do_POST(self) -> None:
        """Answer OAuth's form."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        scopes = tuple(form.get("scope", "").split())
        self._note(form["grant_type"], form.get("username", ""), scopes)
        tokens = self._tokens
        if tokens.post != 200:
            self._answer(tokens.post, {})
        elif (form.get("username"), form.get("password")) == (tokens.user, tokens.password) or (
            form.get("refresh_token") == tokens.refresh_token
        ):
            self._give("access_token", tokens.user, scopes)
        else:
            self._refuse()

    def _note(self, login: str, user: str, scopes: tuple[str, ...]) -> None:
        agent = self.headers.get("User-Agent", "")
        self._tokens.asked.append(
            Asked(method=self.command, agent=agent, login=login, user=user, scopes=scopes)
        )

    def _give(self, name: str, user: str, scopes: tuple[str, ...]) -> None:
        token = self._tokens.issue(user, scopes)
        self._answer(200, {name: token, "expires_in": self._tokens.lifetime})

    def _refuse(self) -> None:
        self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong user or password"}]})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""
