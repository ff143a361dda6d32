"""Reading a configuration file: its tables, its lines, and what a project's file is refused."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.configuration.document import ConfigDocument, ConfigKey, parse_document
from router.errors import UsageError

KEYS = {
    "selector": ConfigKey(form="text", users=False, fleets=True),
    "fleet": ConfigKey(form="text", users=False, fleets=False),
    "addr": ConfigKey(form="addresses", users=False, fleets=True),
    "tls-ca": ConfigKey(form="path", users=True, fleets=True),
    "max-builds": ConfigKey(form="number", users=False, fleets=True),
    "connect-timeout": ConfigKey(form="duration", users=False, fleets=True),
    "quiet": ConfigKey(form="truth", users=False, fleets=False),
}
SAMPLE = """\
# where builds go
defaults.fleet = "ci"

[fleet.ci]
selector = "app=x"  # the pods
addr = [
    "tcp://a:1",
    "b=tcp://b:1",
]
max-builds = 4

[fleet."other one"]
tls-ca = "pki/ca.pem"
"""


def parsed(text: str, *, of_project: bool = False, home: str = "/home/u") -> ConfigDocument:
    return parse_document(text.encode(), "/etc/c.toml", KEYS, of_project=of_project, home=home)


def refused(text: str, *, of_project: bool = False, home: str = "/home/u") -> tuple[str, str | None]:
    with pytest.raises(UsageError) as caught:
        parsed(text, of_project=of_project, home=home)
    return str(caught.value), caught.value.hint


def test_each_setting_has_its_texts_and_its_line() -> None:
    document = parsed(SAMPLE)

    found = {
        (name, key): (setting.texts, setting.line)
        for name, table in {"": document.defaults, **document.fleets}.items()
        for key, setting in table.items()
    }
    assert found == {
        ("", "fleet"): (("ci",), 2),
        ("ci", "selector"): (("app=x",), 5),
        ("ci", "addr"): (("tcp://a:1", "b=tcp://b:1"), 6),
        ("ci", "max-builds"): (("4",), 10),
        ("other one", "tls-ca"): (("/etc/pki/ca.pem",), 13),
    }
    assert document.fleet_lines == {"ci": 4, "other one": 12}


@pytest.mark.parametrize(("value", "text"), [("'1m30s'", "1m30s"), ("90", "90"), ("0.5", "0.5")])
def test_a_duration_is_a_string_or_a_number_of_seconds(value: str, text: str) -> None:
    (setting,) = parsed(f"defaults.connect-timeout = {value}").defaults.values()

    assert setting.texts == (text,)


def test_a_path_can_be_in_the_home() -> None:
    (setting,) = parsed('defaults.tls-ca = "~/ca.pem"').defaults.values()

    assert setting.texts == ("/home/u/ca.pem",)
    assert refused('defaults.tls-ca = "~/ca.pem"', home="") == (
        "/etc/c.toml:1: defaults.tls-ca is in your home, and this user has none",
        "set HOME",
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[defaults]\n\nselektor = 'x'", '3: unknown key "selektor" in [defaults]', "did you mean selector?"),
        ("[fleet.ci]\nsel = 'x'", '2: unknown key "sel" in [fleet.ci]', None),
        ("[fleet.ci]\nfleet = 'x'", '2: unknown key "fleet" in [fleet.ci]', None),
        ("[fleets.ci]", '1: unknown table "fleets"', "did you mean fleet?"),
        ("\nselector = 'x'", '2: unknown table "selector"', "there are defaults, fleet"),
        ("[defaults]\nselector = 4", "2: defaults.selector must be a string", None),
        ("[defaults]\nmax-builds = '4'", "2: defaults.max-builds must be a number", None),
        ("[defaults]\nmax-builds = true", "2: defaults.max-builds must be a number", None),
        (
            "[defaults]\nconnect-timeout = true",
            '2: defaults.connect-timeout must be a string such as "10s", or a number of seconds',
            None,
        ),
        ("[defaults]\nquiet = 1", "2: defaults.quiet must be true or false", None),
        ("[defaults]\naddr = [1]", "2: defaults.addr must be a string, or an array of strings", None),
        ("[defaults.selector]\na = 1", "1: defaults.selector must be a string", None),
        ("fleet = 'ci'", "1: fleet must be a table", "[fleet]"),
        ("[fleet]\nci = 'x'", "2: fleet.ci must be a table", "[fleet.ci]"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str, hint: str | None) -> None:
    said, hinted = refused(text)

    assert said == f"/etc/c.toml:{message}"
    assert hint is None or hinted == hint


@pytest.mark.parametrize("text", ["[defaults", "a = 'b", "=", "\x00", "a = " + "[" * 50_000])
def test_what_is_no_toml_is_an_error(text: str) -> None:
    message, _ = refused(text)

    assert message.startswith("/etc/c.toml is not valid TOML")


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(UsageError, match="is not valid TOML"):
        parse_document(b"\xff", "c", KEYS, of_project=False, home="")


@pytest.mark.parametrize(
    "url",
    [
        "ssh://host",
        "unix:///run/buildkit/buildkitd.sock",
        "docker://context",
        "docker-container://c",
        "podman-container://c",
        "nerdctl-container://c",
        "docker://?host=ssh://h",
    ],
)
@pytest.mark.parametrize("template", ["{}", "a={}", "tcp://a:1,{}"])
def test_a_project_names_no_address_that_runs_a_program_or_opens_a_socket(url: str, template: str) -> None:
    text = f"[fleet.ci]\naddr = ['{template.format(url)}']"

    message, hint = refused(text, of_project=True)

    assert message.startswith("/etc/c.toml:2: ")
    assert "can't be named by a project's file" in message
    assert hint
    assert parsed(text)


@pytest.mark.parametrize("url", ["tcp://a:1", "dns://b.test", "kube-pod://p"])
def test_a_project_names_addresses_on_the_network(url: str) -> None:
    assert parsed(f"[defaults]\naddr = 'x={url}'", of_project=True)


def test_an_address_that_is_none_is_told_with_its_line() -> None:
    message, _ = refused("[fleet.ci]\naddr = 'here'", of_project=True)

    assert message.startswith('invalid fleet.ci.addr in /etc/c.toml:2 "here": ')


def test_a_project_sets_nothing_that_is_the_users() -> None:
    message, _ = refused("[fleet.ci]\ntls-ca = 'ca.pem'", of_project=True)

    assert message == "/etc/c.toml:2: tls-ca can't be set by a project's file"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UsageError):
        parsed(text)


_NAMES = st.text("abc-_ .[]#='\"", min_size=1, max_size=5)
_TABLES = st.dictionaries(_NAMES, st.sets(st.sampled_from(["selector", "addr", "max-builds"])), max_size=4)


@given(tables=_TABLES, gap=st.sampled_from(["", "\n", "# selector = 1\n"]))
def test_a_setting_s_line_is_the_one_it_was_written_on(tables: dict[str, set[str]], gap: str) -> None:
    values = {"selector": '"a"', "addr": '[\n  "tcp://a:1",\n]', "max-builds": "4"}
    written: dict[tuple[str, str], int] = {}
    text = ""
    for name, keys in tables.items():
        text += f"{gap}[fleet.{json.dumps(name)}]\n"
        for key in keys:
            written[name, key] = text.count("\n") + 1
            text += f"{key} = {values[key]}\n{gap}"

    document = parsed(text)

    assert {
        (name, key): setting.line for name, table in document.fleets.items() for key, setting in table.items()
    } == written
