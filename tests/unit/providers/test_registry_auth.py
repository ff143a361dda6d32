"""Credentials for a registry, by way of real helper programs."""

from __future__ import annotations

import base64
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from router.errors import CancelledError, ToolError, UsageError
from router.model.build_options import RegistryTLS
from router.net.http1 import Reply
from router.providers.registry_auth import RegistryAuth
from router.providers.registry_token import Token, TokenError, TokenRequest
from tests.servers.families import wait_ended
from tests.wire.transport.peers import unused_port


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Home:
    """A docker config and a PATH with helpers that note what they were asked."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_CONFIG": str(self.folder), "PATH": f"{self.folder}:{os.environ['PATH']}"}

    @property
    def asked(self) -> list[str]:
        notes = self.folder / "asked"
        return notes.read_text().splitlines() if notes.exists() else []

    def config(self, **content: object) -> None:
        (self.folder / "config.json").write_text(json.dumps(content))

    def helper(self, name: str, script: str) -> None:
        program = self.folder / f"docker-credential-{name}"
        program.write_text(f'#!/bin/sh\nread key\necho "{name} $1 $key" >>{self.folder}/asked\n{script}\n')
        program.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def answer(username: str, secret: str) -> str:
    return f"echo '{json.dumps({'ServerURL': 'x', 'Username': username, 'Secret': secret})}'"


def test_the_file_answers_where_there_is_no_helper(home: Home) -> None:
    home.config(auths={"a.example": {"username": "me", "password": "word"}})

    assert RegistryAuth(home.environment).credentials("a.example") == ("me", "word")


def test_an_unknown_registry_is_anonymous(home: Home) -> None:
    assert RegistryAuth(home.environment).credentials("a.example") == ("", "")


def test_docker_hub_is_asked_for_under_its_old_address(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", answer("me", "word"))

    assert RegistryAuth(home.environment).credentials("registry-1.docker.io") == ("me", "word")
    assert home.asked == ["desk get https://index.docker.io/v1/"]


def test_a_registrys_own_helper_is_asked_instead_of_the_general_one(home: Home) -> None:
    home.config(credsStore="desk", credHelpers={"gcr.io": "cloud"})
    home.helper("desk", answer("desk", "d"))
    home.helper("cloud", answer("cloud", "c"))

    assert RegistryAuth(home.environment).credentials("gcr.io") == ("cloud", "c")


def test_a_helpers_identity_token_has_no_user_name(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", answer("<token>", "identity"))

    assert RegistryAuth(home.environment).credentials("a.example") == ("", "identity")


def test_a_helper_without_credentials_is_no_error(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", "echo 'credentials not found in native keychain'; exit 1")

    assert RegistryAuth(home.environment).credentials("a.example") == ("", "")


def test_a_helper_that_fails_is_named_with_what_it_said(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", "echo 'keychain is locked'; exit 1")

    with pytest.raises(
        ToolError, match=r"docker-credential-desk has no credentials for a\.example: keychain is locked"
    ) as caught:
        RegistryAuth(home.environment).credentials("a.example")

    assert caught.value.hint is not None
    assert "echo a.example | docker-credential-desk get" in caught.value.hint


def test_a_missing_helper_is_named_with_what_to_do(home: Home) -> None:
    home.config(credHelpers={"a.example": "gone"})

    with pytest.raises(ToolError, match="docker-credential-gone is not installed") as caught:
        RegistryAuth(home.environment).credentials("a.example")

    assert caught.value.hint is not None
    assert "install docker-credential-gone" in caught.value.hint


def test_a_helpers_broken_answer_is_not_shown(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", "echo hidden")

    with pytest.raises(ToolError, match="did not print a JSON object") as caught:
        RegistryAuth(home.environment).credentials("a.example")

    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_answer_is_kept_for_less_than_five_minutes(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", answer("me", "word"))
    clock = Clock()
    auth = RegistryAuth(home.environment, clock=clock)

    for now in (0, 289, 291):
        clock.now = now
        auth.credentials("a.example")

    assert len(home.asked) == 2


def test_a_broken_login_shows_when_it_is_needed(home: Home) -> None:
    home.config(auths={"a.example": {"auth": "!"}, "b.example": {"username": "me", "password": "word"}})
    auth = RegistryAuth(home.environment)

    assert auth.credentials("b.example") == ("me", "word")
    with pytest.raises(UsageError, match="is broken"):
        auth.credentials("a.example")


def test_a_login_that_is_not_utf_8_is_not_given_to_a_daemon(home: Home) -> None:
    home.config(auths={"a.example": {"auth": base64.b64encode(b"me:w\xf6rd").decode()}})

    with pytest.raises(UsageError, match=r"the login for a\.example is not UTF-8"):
        RegistryAuth(home.environment).credentials("a.example")


def test_a_helper_may_answer_in_any_case(home: Home) -> None:
    home.config(credsStore="desk")
    home.helper("desk", """echo '{"username": "me", "SECRET": "word"}'""")

    assert RegistryAuth(home.environment).credentials("a.example") == ("me", "word")


@pytest.mark.parametrize(
    "realm", ["http://tokens.example/token", "http://10.0.0.1:5000/", "http://127.0.0.1.evil.example/"]
)
@pytest.mark.parametrize("entry", [{"username": "me", "password": "hidden"}, {"identitytoken": "hidden"}])
def test_a_login_does_not_go_over_plain_http(
    home: Home, monkeypatch: pytest.MonkeyPatch, realm: str, entry: dict[str, str]
) -> None:
    sent: list[object] = []
    monkeypatch.setattr("router.net.web.fetch", lambda request, **_: sent.append(request))
    home.config(auths={"a.example": entry})
    auth = RegistryAuth(home.environment)

    with pytest.raises(TokenError, match="is on plain http, where the login is not sent") as caught:
        auth.fetch_token(TokenRequest(host="a.example", realm=realm))

    assert caught.value.status == "the token server is on plain http"
    assert auth.refusals == (str(caught.value),)
    assert sent == []


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("a.example", "http://127.0.0.1:9/token"),
        ("a.example", "http://[::1]:9/token"),
        ("a.example", "http://localhost:9/token"),
        ("a.example", "https://tokens.example/token"),
        ("insecure.example", "http://tokens.example/token"),
        ("anonymous.example", "http://tokens.example/token"),
    ],
)
def test_where_a_login_may_go_it_does(
    home: Home, monkeypatch: pytest.MonkeyPatch, host: str, realm: str
) -> None:
    reply = Reply(status=200, phrase="OK", headers={}, body=b'{"token": "abc"}')
    monkeypatch.setattr("router.net.web.fetch", lambda _request, **_: reply)
    login = {"username": "me", "password": "hidden"}
    home.config(auths={"a.example": login, "insecure.example": login})
    trusted = (RegistryTLS(host="insecure.example", insecure=True),)

    token = RegistryAuth(home.environment, trusted).fetch_token(TokenRequest(host=host, realm=realm))

    assert token.value == "abc"


def test_what_a_daemon_hears_of_a_server_out_of_reach_names_nothing(home: Home) -> None:
    auth = RegistryAuth(home.environment)

    with pytest.raises(TokenError) as caught:
        auth.fetch_token(TokenRequest(host="a.example", realm=f"http://127.0.0.1:{unused_port()}/token"))

    assert caught.value.status == "the token server can't be reached"
    assert "connection refused" in str(caught.value)


def test_a_helper_that_hangs_ends_with_the_build(home: Home) -> None:
    home.config(credsStore="desk")
    pids = home.folder / "pids"
    os.mkfifo(pids)
    home.helper("desk", f"trap '' INT TERM HUP\nsleep 600 &\necho $$ $! > {pids}\nwhile :; do wait; done")
    auth = RegistryAuth(home.environment)

    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(auth.credentials, host) for host in ("a.example", "b.example")]
        started = [os.pidfd_open(int(pid)) for pid in pids.read_text().split()]
        began = time.monotonic()
        auth.close()
        took = time.monotonic() - began
        for each in asked:
            with pytest.raises(CancelledError):
                each.result(timeout=5)

    assert took < 1.0
    for handle in started:
        assert wait_ended(handle, within=10)
        os.close(handle)
    with pytest.raises(CancelledError):
        auth.credentials("c.example")


@pytest.mark.parametrize("path", ["", ".", ":", "bin", "./bin", "bin:"])
def test_a_helper_of_the_working_directory_is_not_run(
    home: Home, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    home.config(credsStore="desk")
    for folder in (home.folder, home.folder / "bin"):
        folder.mkdir(exist_ok=True)
        (folder / "docker-credential-desk").write_text(f"#!/bin/sh\ntouch {home.folder}/stolen\n")
        (folder / "docker-credential-desk").chmod(0o755)
    monkeypatch.chdir(home.folder)

    with pytest.raises(
        ToolError, match=r"docker-credential-desk is not run: PATH finds it as (\./|bin/|\./bin/)docker"
    ):
        RegistryAuth({**home.environment, "PATH": path}).credentials("a.example")

    assert not (home.folder / "stolen").exists()


@pytest.mark.parametrize("helper", ["../desk", "x/../../desk", "/desk"])
def test_a_helper_is_no_path(home: Home, helper: str) -> None:
    home.config(credsStore=helper)

    with pytest.raises(ToolError, match="is a path, not the name of a credential helper"):
        RegistryAuth(home.environment).credentials("a.example")


def test_passwords_are_not_shown(home: Home) -> None:
    home.config(auths={"a.example": {"username": "me", "password": "hidden"}})
    auth = RegistryAuth(home.environment)
    auth.credentials("a.example")

    assert "hidden" not in repr(auth)


def test_a_registry_token_is_the_files_although_a_helper_has_the_rest(home: Home) -> None:
    home.config(credsStore="desk", auths={"a.example": {"registrytoken": "fixed"}})
    home.helper("desk", answer("me", "word"))
    auth = RegistryAuth(home.environment)

    assert auth.fetch_token(TokenRequest(host="a.example", realm="")) == Token(value="fixed")
    assert auth.credentials("a.example") == ("me", "word")


@pytest.mark.parametrize("realm", ["", "no url", "ftp://a.example/", "http://127.0.0.1:9/token"])
def test_a_token_that_can_not_be_fetched_says_who_else_could(home: Home, realm: str) -> None:
    request = TokenRequest(host="a.example", realm=realm)

    with pytest.raises(
        TokenError, match=r"can't get a token for a\.example: .*set BUILDKIT_NO_CLIENT_TOKEN=1"
    ):
        RegistryAuth(home.environment).fetch_token(request)


@pytest.mark.parametrize(
    ("value", "fetches"), [("", True), ("0", True), ("no", True), ("1", False), ("true", False)]
)
def test_a_variable_leaves_tokens_to_the_daemon(value: str, fetches: bool) -> None:
    assert RegistryAuth({"BUILDKIT_NO_CLIENT_TOKEN": value}).fetches_tokens is fetches


def test_the_seed_of_the_key_stands_beside_the_docker_config(home: Home) -> None:
    home.config(auths={"a.example": {"username": "me", "password": "word"}})
    key = RegistryAuth(home.environment).public_key("a.example", b"salt")

    assert "a.example" in json.loads((home.folder / ".token_seed").read_text())
    assert RegistryAuth(home.environment).public_key("a.example", b"salt") == key
    assert RegistryAuth(home.environment).sign("a.example", b"salt", b"x").endswith(b"x")


def test_a_registry_token_is_nobody_elses(home: Home) -> None:
    home.config(auths={"a.example": {"registrytoken": "fixed"}})
    auth = RegistryAuth(home.environment)

    assert auth.public_key("a.example", b"salt") != RegistryAuth({}).public_key("a.example", b"salt")
    assert auth.public_key("b.example", b"salt") == RegistryAuth({}).public_key("b.example", b"salt")


def test_without_a_home_nothing_is_written(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.folder)
    auths = json.dumps({"auths": {"a.example": {"username": "me", "password": "word"}}})

    RegistryAuth({"DOCKER_AUTH_CONFIG": auths}).public_key("a.example", b"salt")

    assert list(home.folder.iterdir()) == []


def test_a_daemon_that_asks_for_any_number_of_registries_does_not_fill_the_memory(home: Home) -> None:
    auth = RegistryAuth(home.environment)

    for number in range(2500):
        auth.credentials(f"{number}.example")

    assert len(auth._known) <= 1000
