"""Which requests get a token, and what is made of the answers."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.docker.config import Credentials
from router.net.http1 import Reply
from router.net.web import WebRequest
from router.providers.registry_token import Token, TokenError, TokenRequest, fetch_token

REQUEST = TokenRequest(
    host="r.example",
    realm="https://auth.example/token",
    service="registry",
    scopes=("repository:a/b:pull,push", "repository:c:pull"),
)
LOGIN = Credentials(username="me", secret="hidden")
IDENTITY = Credentials(secret="hidden")
SCOPES = "(repository:a/b:pull,push repository:c:pull)"


def answer(status: int = 200, phrase: str = "OK", **content: object) -> Reply:
    return Reply(status=status, phrase=phrase, headers={}, body=json.dumps(content).encode())


class Server:
    """Gives one answer after the other, and keeps what it was asked."""

    def __init__(self, *answers: Reply) -> None:
        self._answers = list(answers)
        self.asked: list[WebRequest] = []

    def __call__(self, request: WebRequest) -> Reply:
        self.asked.append(request)
        return self._answers.pop(0)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.asked]


def form(request: WebRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def refused(server: Server, credentials: Credentials = LOGIN) -> str:
    with pytest.raises(TokenError) as caught:
        fetch_token(REQUEST, credentials, server)
    assert "hidden" not in str(caught.value)
    assert re.fullmatch("the token server('s answer holds no token| answers [0-9]+)", caught.value.status)
    return str(caught.value)


def test_without_a_login_it_is_a_get_without_authentication() -> None:
    server = Server(answer(token="abc"))

    token = fetch_token(REQUEST, Credentials(), server)

    (asked,) = server.asked
    assert (asked.method, asked.authorization) == ("GET", "")
    assert parse_qsl(urlsplit(asked.url).query) == [
        ("service", "registry"),
        ("scope", "repository:a/b:pull,push"),
        ("scope", "repository:c:pull"),
    ]
    assert token == Token(value="abc", expires_in=60, issued_at=0)


def test_a_login_is_posted_as_a_password_grant() -> None:
    server = Server(answer(access_token="abc", expires_in=300, issued_at="2026-01-02T03:04:05.678901234Z"))

    token = fetch_token(REQUEST, LOGIN, server)

    (asked,) = server.asked
    assert (asked.method, asked.url) == ("POST", REQUEST.realm)
    assert form(asked) == {
        "grant_type": "password",
        "username": "me",
        "password": "hidden",
        "service": "registry",
        "client_id": "warmroute",
        "scope": "repository:a/b:pull,push repository:c:pull",
    }
    assert token == Token(value="abc", expires_in=300, issued_at=1767323045)


def test_an_identity_token_is_posted_as_a_refresh_token() -> None:
    server = Server(answer(access_token="abc"))

    fetch_token(REQUEST, IDENTITY, server)

    asked = form(server.asked[0])
    assert (asked["grant_type"], asked["refresh_token"]) == ("refresh_token", "hidden")
    assert "password" not in asked


@pytest.mark.parametrize("status", [301, 307, 401, 404, 405])
def test_a_server_without_post_gets_the_login_by_get(status: int) -> None:
    server = Server(answer(status), answer(token="abc"))

    token = fetch_token(REQUEST, LOGIN, server)

    assert (server.methods, token.value) == (["POST", "GET"], "abc")
    assert server.asked[1].authorization == f"Basic {base64.b64encode(b'me:hidden').decode()}"


def test_an_identity_token_goes_by_get_where_post_is_not_found_but_not_where_it_is_not_allowed() -> None:
    found = Server(answer(404), answer(token="abc"))

    assert fetch_token(REQUEST, IDENTITY, found).value == "abc"
    assert "405 Method Not Allowed" in refused(Server(answer(405, "Method Not Allowed")), IDENTITY)


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_other_answers_to_a_post_are_final(status: int) -> None:
    server = Server(answer(status, "No"))

    refused(server)

    assert server.methods == ["POST"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}, ": wrong password"),
        ({"error": "invalid_grant", "error_description": "wrong password"}, ": wrong password"),
        ({"error": "invalid_grant"}, ": invalid_grant"),
        ({"details": "wrong\npassword"}, ": wrong password"),
        ({"message": 5, "errors": ["x"]}, ""),
        ({}, ""),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(content: dict[str, object], said: str) -> None:
    unauthorized = answer(401, "Unauthorized", **content)

    message = refused(Server(unauthorized, unauthorized))

    prefix = f"can't get a token for r.example {SCOPES} from https://auth.example/token: 401 Unauthorized"
    assert message == prefix + said


def test_a_page_that_is_no_refusal_of_the_usual_form_is_not_repeated() -> None:
    page = Reply(status=403, phrase="Forbidden", headers={}, body=b"<p>private page</p>")

    assert "private page" not in refused(Server(page))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nothing", b'{"token": ""}', b'{"token": 5}', b'{"Token": "x"}', b"[" * 100_000]
)
def test_an_answer_without_a_token_is_an_error(body: bytes) -> None:
    reply = Reply(status=200, phrase="OK", headers={}, body=body)

    assert refused(Server(reply)).endswith("the answer holds no token")


def test_a_query_of_the_realms_own_is_kept() -> None:
    server = Server(answer(token="abc"))

    fetch_token(TokenRequest(host="r", realm="https://a/token?x=1", service="s"), Credentials(), server)

    assert server.asked[0].url == "https://a/token?x=1&service=s"


def test_a_realm_without_service_and_scopes_is_asked_as_it_is() -> None:
    server = Server(answer(token="abc"))

    fetch_token(TokenRequest(host="r", realm="https://a/token"), Credentials(), server)

    assert server.asked[0].url == "https://a/token"


def test_a_token_of_the_docker_config_is_used_as_it_is() -> None:
    server = Server()

    token = fetch_token(REQUEST, Credentials(username="me", registry_token="fixed"), server)

    assert (token.value, server.asked) == ("fixed", [])


def test_a_login_in_another_encoding_is_sent_as_it_is() -> None:
    login = Credentials(username="me", secret="w\udcf6rd")
    server = Server(answer(404), answer(token="abc"))

    fetch_token(REQUEST, login, server)

    posted, got = server.asked
    assert b"password=w%F6rd" in posted.body
    assert base64.b64decode(got.authorization.removeprefix("Basic ")) == b"me:w\xf6rd"


def test_tokens_are_not_shown() -> None:
    assert "hidden" not in repr(Token(value="hidden"))


_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others
_LIFETIMES = st.none() | st.booleans() | _NUMBERS | st.text(max_size=9)


@given(_LIFETIMES, st.none() | st.integers() | st.text(max_size=30) | st.datetimes().map(str))
def test_odd_times_of_a_token_become_times_that_can_be_sent(lifetime: object, issued: object) -> None:
    body = json.dumps({"token": "abc", "expires_in": lifetime, "issued_at": issued}).encode()

    token = fetch_token(REQUEST, Credentials(), Server(Reply(status=200, phrase="OK", headers={}, body=body)))

    assert 0 < token.expires_in < 1 << 31
    assert 0 <= token.issued_at < 1 << 63
