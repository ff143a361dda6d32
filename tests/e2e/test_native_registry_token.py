"""A registry that demands bearer tokens of a token server: who fetches them, as whom, what is not told."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, UsageError
from router.flags.registry_tls import parse_registry_tlss
from tests.addressed import addressed
from tests.e2e.builder import Builder, small_busybox, write_tree
from tests.e2e.recorder import recording
from tests.servers.buildkitd import Buildkitd
from tests.servers.certs import CA
from tests.servers.registry import Registry, start_registry
from tests.servers.token_server import Asked, TokenServer, start_token_server

pytestmark = pytest.mark.xdist_group("registry-token")


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with start_token_server(tmp_path / "tokens") as server:
        yield server


@pytest.fixture
def registry(tmp_path: Path, tokens: TokenServer) -> Iterator[Registry]:
    with start_registry(tmp_path / "registry", tokens=tokens) as server:
        yield server


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": tmp_path.name}
    )


class Client:
    """Pushes and pulls with a docker config of its own, which nobody else's tokens are for."""

    def __init__(self, builder: Builder, registry: Registry, folder: Path) -> None:
        self.builder = builder
        self.registry = registry
        self._folder = folder
        builder.environment["DOCKER_CONFIG"] = str(write_tree(folder, {"config.json": "{}"}))

    def log_in(self, **entry: str) -> None:
        """Have this entry for the registry in the docker config."""
        write_tree(self._folder, {"config.json": json.dumps({"auths": {self.registry.host: entry}})})

    def push(self, context: Path, repository: str) -> str:
        """Build and push; return the digest that the daemon told."""
        request = BuildRequest(
            context=str(context), tags=(f"{self.registry.host}/{repository}:1",), push=True
        )
        return self.builder.build(request).digest


@pytest.fixture
def client(builder: Builder, registry: Registry, tmp_path: Path) -> Client:
    return Client(builder, registry, tmp_path / "docker")


def login(tokens: TokenServer, password: str = "") -> str:
    """What docker login keeps."""
    return base64.b64encode(f"{tokens.user}:{password or tokens.password}".encode()).decode()


def how(asked: list[Asked]) -> set[tuple[str, str, str]]:
    return {(one.agent.partition("/")[0], one.method, one.login) for one in asked}


def secrets(tokens: TokenServer) -> list[bytes]:
    """Every form in which the password could travel."""
    basic = base64.b64encode(f"{tokens.user}:{tokens.password}".encode())
    return [tokens.password.encode(), tokens.refresh_token.encode(), basic]


def test_a_push_gets_its_token_here_and_the_daemon_never_hears_the_password(
    client: Client, tokens: TokenServer, buildkitd: Buildkitd, context: Path
) -> None:
    assert buildkitd.port is not None
    client.log_in(auth=login(tokens))
    with recording(buildkitd.port) as recorder:
        client.builder.config = replace(client.builder.config, addresses=addressed(("one", recorder.address)))

        digest = client.push(context, "pushed")

    assert digest == client.registry.digest("pushed", "1")
    assert how(tokens.asked) == {("warmroute", "POST", "password")}
    assert {scope for one in tokens.asked for scope in one.scopes} == {"repository:pushed:pull,push"}
    assert b"Auth/FetchToken" in recorder.heard
    assert [secret for secret in secrets(tokens) if secret in recorder.heard] == []


def test_a_private_base_image_is_pulled(client: Client, tokens: TokenServer, puller: Path) -> None:
    client.log_in(auth=login(tokens))

    files = client.builder.files(BuildRequest(context=str(puller)))

    assert files["word"] == b"pulled\n"
    assert {scope for one in tokens.asked for scope in one.scopes} == {"repository:private/base:pull"}


def test_a_token_server_without_post_gets_the_password_by_get(
    client: Client, tokens: TokenServer, context: Path
) -> None:
    tokens.post = 404
    client.log_in(auth=login(tokens))

    digest = client.push(context, "by-get")

    assert digest == client.registry.digest("by-get", "1")
    assert how(tokens.asked) == {("warmroute", "POST", "password"), ("warmroute", "GET", "basic")}


def test_an_identity_token_is_exchanged(client: Client, tokens: TokenServer, context: Path) -> None:
    client.log_in(auth=login(tokens, "x"), identitytoken=tokens.refresh_token)

    digest = client.push(context, "identity")

    assert digest == client.registry.digest("identity", "1")
    assert how(tokens.asked) == {("warmroute", "POST", "refresh_token")}


def test_a_registry_token_is_used_as_it_is(client: Client, tokens: TokenServer, context: Path) -> None:
    client.log_in(registrytoken=tokens.issue("robot", ("repository:robot:pull,push",)))

    digest = client.push(context, "robot")

    assert digest == client.registry.digest("robot", "1")
    assert tokens.asked == []


def test_what_everybody_may_pull_needs_no_login(client: Client, tokens: TokenServer, tmp_path: Path) -> None:
    base = client.registry.push(small_busybox(), "public/base")
    context = write_tree(tmp_path / "pull", {"Dockerfile": f"FROM {base}\nRUN echo pulled >/word\n"})

    files = client.builder.files(BuildRequest(context=str(context)))

    assert files["word"] == b"pulled\n"
    assert how(tokens.asked) == {("warmroute", "GET", "")}


def test_without_a_login_a_push_is_refused(client: Client, context: Path) -> None:
    with pytest.raises(BuildError, match=r"insufficient_scope|401 Unauthorized|authorization") as caught:
        client.push(context, "nobody")

    assert caught.value.hint is not None
    assert "docker login" in caught.value.hint


def test_a_wrong_password_is_told_and_not_shown(client: Client, tokens: TokenServer, context: Path) -> None:
    client.log_in(auth=login(tokens, "wrong-horse"))

    with pytest.raises(BuildError) as caught:
        client.push(context, "wrong")

    # The daemon hears a status; what the server said is told here.
    assert f"no token for {client.registry.host}: the token server answers 401" in str(caught.value)
    (told,) = client.builder.warnings
    assert told.startswith(f"can't get a token for {client.registry.host}")
    assert told.endswith("401 Unauthorized: wrong user or password")
    assert caught.value.hint is not None
    assert "docker login" in caught.value.hint
    shown = f"{caught.value!r} {caught.value.__cause__!r} {client.builder.events!r}"
    assert "wrong-horse" not in shown
    assert login(tokens, "wrong-horse") not in shown


def test_the_daemon_fetches_tokens_itself_where_it_is_told_to(
    client: Client, tokens: TokenServer, buildkitd: Buildkitd, context: Path
) -> None:
    assert buildkitd.port is not None
    client.log_in(auth=login(tokens))
    client.builder.environment["BUILDKIT_NO_CLIENT_TOKEN"] = "1"
    with recording(buildkitd.port) as recorder:
        client.builder.config = replace(client.builder.config, addresses=addressed(("one", recorder.address)))

        digest = client.push(context, "fallback")

    assert digest == client.registry.digest("fallback", "1")
    assert "warmroute" not in {one.agent for one in tokens.asked}
    assert tokens.password.encode() in recorder.heard


@pytest.fixture
def puller(client: Client, tmp_path: Path) -> Path:
    """A context whose base image is a private one."""
    base = client.registry.push(small_busybox(), "private/base")
    return write_tree(tmp_path / "pull", {"Dockerfile": f"FROM {base}\nRUN echo pulled >/word\n"})


def test_a_later_pull_of_the_same_user_needs_no_token_of_its_own(
    client: Client, tokens: TokenServer, puller: Path
) -> None:
    client.log_in(auth=login(tokens))
    client.builder.files(BuildRequest(context=str(puller)))
    fetched = len(tokens.asked)

    client.builder.files(BuildRequest(context=str(puller), pull=True))

    assert fetched > 0
    assert len(tokens.asked) == fetched


def test_another_user_does_not_get_that_token(
    client: Client, tokens: TokenServer, puller: Path, tmp_path: Path
) -> None:
    client.log_in(auth=login(tokens))
    client.builder.files(BuildRequest(context=str(puller)))
    other = Client(client.builder, client.registry, tmp_path / "other")
    other.log_in(auth=login(tokens, "wrong-horse"))

    with pytest.raises(BuildError, match="the token server answers 401"):
        other.builder.files(BuildRequest(context=str(puller), pull=True))


def test_a_token_server_that_only_the_daemon_can_reach_is_explained(
    client: Client, tokens: TokenServer, context: Path
) -> None:
    client.log_in(auth=login(tokens))
    tokens.stop()

    with pytest.raises(BuildError, match="the token server can't be reached"):
        client.push(context, "gone")

    (told,) = client.builder.warnings
    assert re.search(r"connection refused; .* set BUILDKIT_NO_CLIENT_TOKEN=1", told)


@pytest.fixture
def ca() -> CA:
    return CA()


@pytest.fixture
def secure(builder: Builder, tmp_path: Path, ca: CA) -> Iterator[Client]:
    """A client of a registry whose token server speaks TLS."""
    with (
        start_token_server(tmp_path / "tls-tokens", tls=ca) as tokens,
        start_registry(tmp_path / "tls-registry", tokens=tokens) as registry,
    ):
        client = Client(builder, registry, tmp_path / "docker")
        client.log_in(auth=login(tokens))
        yield client


def tls_push(client: Client, context: Path, *tls: str) -> str:
    tags = (f"{client.registry.host}/tls:1",)
    request = BuildRequest(context=str(context), tags=tags, push=True, registry_tls=parse_registry_tlss(tls))
    return client.builder.build(request).digest


def test_a_token_server_that_this_machine_does_not_trust_hears_no_password(
    secure: Client, context: Path
) -> None:
    with pytest.raises(BuildError, match="the token server can't be reached"):
        tls_push(secure, context)

    (told,) = secure.builder.warnings
    assert "its certificate is not trusted" in told
    assert secure.registry.tokens is not None
    assert secure.registry.tokens.asked == []


@pytest.mark.parametrize("how", ["ca={}", "insecure=true"])
def test_a_token_servers_authority_can_be_named(
    secure: Client, context: Path, tmp_path: Path, ca: CA, how: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    tls = how.format(tmp_path / "ca.pem")

    digest = tls_push(secure, context, f"host={secure.registry.host},{tls}")

    assert digest == secure.registry.digest("tls", "1")


def test_a_tls_file_that_is_missing_is_told_before_a_daemon_is_asked(secure: Client, context: Path) -> None:
    with pytest.raises(
        UsageError, match=r"can't use the TLS files for registry r\.example \(/none\): no such"
    ):
        tls_push(secure, context, "host=r.example,ca=/none")


def test_tokens_are_not_shown(client: Client, tokens: TokenServer, context: Path) -> None:
    client.log_in(auth=login(tokens))
    given: list[str] = []
    issue = tokens.issue

    def noted(user: str, scopes: tuple[str, ...]) -> str:
        given.append(issue(user, scopes))
        return given[-1]

    tokens.issue = noted  # type: ignore[method-assign]
    client.push(context, "quiet")

    assert given
    assert not [token for token in given if token in repr(client.builder.events)]
