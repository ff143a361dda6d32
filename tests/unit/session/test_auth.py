"""The daemon's questions about registries, as protobuf's own classes ask and read them."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from router._proto import auth_pb2 as pb
from router.errors import ToolError
from router.providers.registry_token import Token, TokenError, TokenRequest
from router.rpc.grpc import Status
from router.session.auth import auth
from tests.unit.session.daemon import Daemon

HOST = "registry.example"
METHODS = ("Credentials", "FetchToken", "GetTokenAuthority", "VerifyTokenAuthority")


class Registries:
    """Knows one registry; a second one's helper is broken."""

    def __init__(self, *, fetches_tokens: bool = True) -> None:
        self.fetches_tokens = fetches_tokens
        self.asked: list[TokenRequest] = []

    def credentials(self, host: str, /) -> tuple[str, str]:
        if host == "broken.example":
            raise ToolError("docker-credential-x is not installed")
        return ("user", "geheim") if host == HOST else ("", "")

    def fetch_token(self, request: TokenRequest, /) -> Token:
        self.asked.append(request)
        if request.host != HOST:
            raise TokenError("the internal server says: secret things", "the token server answers 401")
        return Token(value="abc", expires_in=300, issued_at=1767323045)

    def public_key(self, host: str, salt: bytes, /) -> bytes:
        return f"key of {host} ".encode() + salt

    def sign(self, host: str, salt: bytes, payload: bytes, /) -> bytes:
        return f"signed for {host} ".encode() + salt + payload


def ask(daemon: Daemon, method: str, request: Message | bytes) -> tuple[int, str]:
    encoded = request if isinstance(request, bytes) else request.SerializeToString()
    return daemon.ask(f"/moby.filesync.v1.Auth/{method}", encoded)


@pytest.mark.parametrize(("host", "expected"), [(HOST, ("user", "geheim")), ("other.example", ("", ""))])
def test_credentials_are_given_for_the_registry_that_is_asked_for(
    host: str, expected: tuple[str, str]
) -> None:
    with Daemon(unary=auth(Registries())) as daemon:
        ask(daemon, "Credentials", pb.CredentialsRequest(Host=host))

        answer = pb.CredentialsResponse.FromString(daemon.answers[1][0])
        assert (answer.Username, answer.Secret) == expected


def test_a_token_is_fetched_for_what_the_registry_wants() -> None:
    source = Registries()
    scopes = ["repository:a:pull", "repository:b:pull,push"]
    request = pb.FetchTokenRequest(ClientID="x", Host=HOST, Realm="https://a/t", Service="s", Scopes=scopes)
    with Daemon(unary=auth(source)) as daemon:
        ask(daemon, "FetchToken", request)

        answer = pb.FetchTokenResponse.FromString(daemon.answers[1][0])
        assert (answer.Token, answer.ExpiresIn, answer.IssuedAt) == ("abc", 300, 1767323045)
    assert source.asked == [TokenRequest(host=HOST, realm="https://a/t", service="s", scopes=tuple(scopes))]


def test_a_token_that_can_not_be_had_is_the_daemons_to_judge() -> None:
    with Daemon(unary=auth(Registries())) as daemon:
        status = ask(daemon, "FetchToken", pb.FetchTokenRequest(Host="other.example"))

        assert status == (Status.UNKNOWN, "no token for other.example: the token server answers 401")
        assert daemon.session.failures == []


def test_the_authoritys_key_is_made_with_the_daemons_salt() -> None:
    with Daemon(unary=auth(Registries())) as daemon:
        ask(daemon, "GetTokenAuthority", pb.GetTokenAuthorityRequest(Host=HOST, Salt=b"\xffsalt"))

        answer = pb.GetTokenAuthorityResponse.FromString(daemon.answers[1][0])
        assert answer.PublicKey == b"key of registry.example \xffsalt"


def test_the_authority_signs_what_the_daemon_sends() -> None:
    request = pb.VerifyTokenAuthorityRequest(Host=HOST, Salt=b"salt ", Payload=b"\xffpayload")
    with Daemon(unary=auth(Registries())) as daemon:
        ask(daemon, "VerifyTokenAuthority", request)

        answer = pb.VerifyTokenAuthorityResponse.FromString(daemon.answers[1][0])
        assert answer.Signed == b"signed for registry.example salt \xffpayload"


@pytest.mark.parametrize("method", ["GetTokenAuthority", "VerifyTokenAuthority"])
def test_where_tokens_are_not_fetched_here_the_authority_is_unavailable(method: str) -> None:
    with Daemon(unary=auth(Registries(fetches_tokens=False))) as daemon:
        assert ask(daemon, method, b"")[0] == Status.UNAVAILABLE
        assert daemon.session.failures == []


def test_a_helper_that_fails_is_a_failure_of_this_side() -> None:
    with Daemon(unary=auth(Registries())) as daemon:
        status = ask(daemon, "Credentials", pb.CredentialsRequest(Host="broken.example"))

        assert status == (Status.UNKNOWN, "the client failed to look up the login")
        assert [str(failure) for failure in daemon.session.failures] == [
            "docker-credential-x is not installed"
        ]


@pytest.mark.parametrize("method", METHODS)
def test_a_host_of_any_length_is_not_looked_up(method: str) -> None:
    number = 2 if method == "FetchToken" else 1
    request = bytes((number << 3 | 2,)) + b"\xac\x02" + b"a" * 300
    with Daemon(unary=auth(Registries())) as daemon:
        assert ask(daemon, method, request) == (
            Status.INVALID_ARGUMENT,
            "the registry's name is too long",
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("request_", [b"\x0a\x05abc", b"\xff", b"\x0a\x01\xff\x12\x01\xff"])
def test_a_request_that_is_no_protobuf_is_an_invalid_argument(method: str, request_: bytes) -> None:
    with Daemon(unary=auth(Registries())) as daemon:
        assert ask(daemon, method, request_)[0] == Status.INVALID_ARGUMENT
        assert daemon.session.failures == []


@given(st.sampled_from(METHODS), st.binary(max_size=40))
def test_whatever_is_asked_is_answered_or_refused(method: str, request: bytes) -> None:
    with Daemon(unary=auth(Registries())) as daemon:
        code, _ = ask(daemon, method, request)

        assert code in {Status.OK, Status.UNKNOWN, Status.INVALID_ARGUMENT}
        assert daemon.session.failures == []
