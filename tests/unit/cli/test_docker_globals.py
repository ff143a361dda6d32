"""docker's own options before the name of its plugin become the variables that the library reads."""

from __future__ import annotations

import pytest

from cli.docker_globals import words_of
from router.errors import UsageError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("warmroute build -t app .", ["build", "-t", "app", "."]),
        ("warmroute", []),
        ("-l warn warmroute ls", ["ls"]),
        # Behind the plugin's name they are the plugin's.
        ("warmroute where --context dir -D", ["where", "--context", "dir", "-D"]),
        ("warmroute build warmroute", ["build", "warmroute"]),
        ("help warmroute build", ["build", "--help"]),
        ("help warmroute", ["--help"]),
        # Run as a program of its own.
        ("ls --format json", ["ls", "--format", "json"]),
    ],
)
def test_the_words_behind_the_name_are_ours(line: str, words: list[str]) -> None:
    assert words_of(line.split(), "warmroute", {}) == words


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ("--config /c", {"DOCKER_CONFIG": "/c"}),
        ("--host tcp://e:2375", {"DOCKER_HOST": "tcp://e:2375"}),
        ("-Htcp://e:2375", {"DOCKER_HOST": "tcp://e:2375"}),
        ("-H=tcp://e:2375", {"DOCKER_HOST": "tcp://e:2375"}),
        ("-c lab", {"DOCKER_CONTEXT": "lab"}),
        ("-D", {"WARMROUTE_VERBOSE": "1"}),
        ("-l debug", {"WARMROUTE_VERBOSE": "1"}),
        ("--debug=false --tls=false", {}),
        ("--tls", {"DOCKER_TLS": "1"}),
        ("--tlsverify", {"DOCKER_TLS_VERIFY": "1"}),
        ("--tlscacert /t/ca.pem --tlscert /t/cert.pem --tlskey /t/key.pem", {"DOCKER_CERT_PATH": "/t"}),
        ("--tlscacert ca.pem", {"DOCKER_CERT_PATH": "."}),
    ],
)
def test_an_option_before_the_name_becomes_a_variable(options: str, variables: dict[str, str]) -> None:
    environment: dict[str, str] = {}

    assert words_of([*options.split(), "warmroute", "ls"], "warmroute", environment) == ["ls"]

    assert environment == variables


def test_a_context_that_is_given_wins_over_the_host_of_the_environment() -> None:
    environment = {"DOCKER_HOST": "tcp://other:2375", "DOCKER_CONTEXT": "third"}

    words_of(["--context", "lab", "warmroute", "ls"], "warmroute", environment)

    assert environment == {"DOCKER_CONTEXT": "lab"}


@pytest.mark.parametrize(
    "options", ["--tlscacert /a/ca.pem --tlscert /b/cert.pem", "--tlscacert /a/other.pem"]
)
def test_certificates_that_are_no_directory_of_dockers_are_refused(options: str) -> None:
    with pytest.raises(UsageError, match="can't be passed on") as caught:
        words_of([*options.split(), "warmroute", "ls"], "warmroute", {})

    assert "DOCKER_CERT_PATH" in str(caught.value.hint)
