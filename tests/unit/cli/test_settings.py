"""Which value an option has where the command line, variables and files say something of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.command_line import arguments_of
from cli.groups import Option, variable
from cli.main import PROGRAM
from cli.origins import Arguments
from cli.parameters import Parameter, parameters_of
from cli.program import load
from cli.settings import Loaded, config_keys, fill, read
from router.errors import UsageError

BUILD = parameters_of(load(PROGRAM, "build"))
CONFIGURABLE = [
    (each, each.declared)
    for each in BUILD
    if isinstance(each.declared, Option) and each.declared.files != "none"
]
PROJECT, USER = "/p/warmroute.toml", "/home/u/.config/warmroute/config.toml"


class Files(NamedTuple):
    """What the two files say, as the text of their tables."""

    project: str = ""
    user: str = ""


def arguments(files: Files, *words: str, **variables: str) -> Arguments:
    environment = {"HOME": "/home/u", **variables}
    found = arguments_of(BUILD, words, environment)
    documents = [
        read(path, text.encode(), environment, of_project=path == PROJECT)
        for path, text in ((PROJECT, files.project), (USER, files.user))
    ]
    fill(BUILD, found, Loaded(tuple(documents)), environment)
    return found


# From what counts most.
LAYERS = ("command line", "variable", "project fleet", "user fleet", "project", "user")


def samples(parameter: Parameter, option: Option) -> list[tuple[str, object]]:
    """Return a text for each layer, and the value that it is."""
    if option.metavar in {"PATH", "DIR"}:
        return [(f"/{layer}", f"/{layer}") for layer in range(len(LAYERS))]
    if option.metavar.endswith("URL"):
        return [(f"tcp://h{layer}:1", [f"tcp://h{layer}:1"]) for layer in range(len(LAYERS))]
    match parameter.kind:
        case "choice":
            found = [parameter.choices[layer % len(parameter.choices)] for layer in range(len(LAYERS))]
            return [(text, text) for text in found]
        case "number":
            return [(str(layer + 1.5), layer + 1.5) for layer in range(len(LAYERS))]
        case _:
            return [(f"v{layer}", f"v{layer}") for layer in range(len(LAYERS))]


@pytest.mark.parametrize(
    ("parameter", "option"), [pytest.param(*each, id=each[0].name) for each in CONFIGURABLE]
)
@settings(max_examples=25)
@given(data=st.data())
def test_the_command_line_counts_before_variables_projects_and_users(
    parameter: Parameter, option: Option, data: st.DataObject
) -> None:
    possible = [
        layer
        for layer in LAYERS
        if not (option.files == "user" and "project" in layer)
        and not ("fleet" in layer and not config_keys()[option.names[0].lstrip("-")].fleets)
    ]
    chosen = data.draw(st.sets(st.sampled_from(possible)))
    values = dict(zip(LAYERS, samples(parameter, option), strict=True))
    # A chosen fleet excludes addresses and selectors of others; without one its table counts for nothing.
    by_fleet = any("fleet" in layer for layer in chosen)

    found = arguments(
        Files(_file("project", option, chosen, values), _file("user", option, chosen, values)),
        *([f"{option.names[0]}={values['command line'][0]}"] if "command line" in chosen else []),
        *(["--fleet=f"] if by_fleet and option.names[0] != "--fleet" else []),
        **({variable(option): values["variable"][0]} if "variable" in chosen else {}),
    )

    counting = [layer for layer in LAYERS if layer in chosen]
    if by_fleet and "--fleet" in option.outranked_by and "command line" not in chosen:
        counting = [layer for layer in counting if "fleet" in layer]
    assert found[parameter.name] == (values[counting[0]][1] if counting else parameter.default)


def _file(whose: str, option: Option, chosen: set[str], values: Mapping[str, tuple[str, object]]) -> str:
    key = option.names[0].lstrip("-")
    tables = {"defaults": whose, "fleet.f": f"{whose} fleet"}
    lines = ["[fleet.v1]", "[fleet.v4]", "[fleet.v5]", "[fleet.v0]"] if key == "fleet" else []
    for table, layer in tables.items():
        lines.append(f"[{table}]")
        if layer in chosen:
            text, value = values[layer]
            lines.append(f"{key} = {json.dumps(value if isinstance(value, float | list) else text)}")
    return "\n".join(lines)


def test_the_fleet_that_is_chosen_counts_before_the_defaults() -> None:
    files = Files(
        project='[defaults]\nfleet = "ci"\nmax-builds = 2', user='[fleet.ci]\nselector = "a"\nmax-builds = 3'
    )

    found = arguments(files)

    assert (found["fleet"], found["selector"], found["max_builds"]) == ("ci", "a", 3.0)
    assert str(found.origins["max_builds"]) == f"{USER}:3"


@pytest.mark.parametrize("words", [["--addr=tcp://h:1"], ["--selector=b"]])
def test_addresses_on_the_command_line_stand_in_place_of_the_default_fleet(words: list[str]) -> None:
    files = Files(user='[defaults]\nfleet = "ci"\n[fleet.ci]\nselector = "a"\nnamespace = "n"')

    found = arguments(files, *words)

    assert (found["fleet"], found["namespace"]) == (None, None)


def test_buildkit_host_stands_in_place_of_the_defaults_but_not_of_a_chosen_fleet() -> None:
    files = Files(user='[defaults]\nselector = "a"\nidentity = "node"\n[fleet.ci]\naddr = "tcp://h:1"')

    given_by_tool = arguments(files, BUILDKIT_HOST="tcp://x:1")
    chosen = arguments(files, "--fleet=ci", BUILDKIT_HOST="tcp://x:1")

    assert (given_by_tool["selector"], given_by_tool["identity"]) == (None, "name")
    assert (chosen["selector"], chosen["addr"]) == (None, ["tcp://h:1"])


def test_a_fleet_on_the_command_line_counts_before_a_selector_in_a_variable() -> None:
    files = Files(user='[fleet.ci]\naddr = "tcp://h:1"')

    found = arguments(files, "--fleet=ci", WARMROUTE_SELECTOR="a")

    assert (found["selector"], found["addr"]) == (None, ["tcp://h:1"])


@pytest.mark.parametrize(("value", "seconds"), [("'1m30s'", 90.0), ("5", 5.0), ("'5'", 5.0)])
def test_a_file_has_a_time_as_a_duration_or_in_seconds(value: str, seconds: float) -> None:
    assert arguments(Files(user=f"[defaults]\nconnect-timeout = {value}"))["connect_timeout"] == seconds


def test_an_option_given_empty_takes_nothing_from_a_file() -> None:
    files = Files(user='[defaults]\nnamespace = "n"')

    assert arguments(files, "--namespace=")["namespace"] is None


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        (Files(), 'no fleet named "ci"', "a configuration file names one as [fleet.ci]"),
        (Files("[fleet.cia]", "[fleet.x]"), 'no fleet named "ci"', "did you mean cia? there are cia, x"),
        (
            Files(user='[fleet.ci]\nvia = "pigeon"'),
            f'invalid fleet.ci.via in {USER}:2 "pigeon": choose one of auto, pod-ip, port-forward, exec',
            None,
        ),
        (
            Files(user="[fleet.ci]\nmax-builds = -1"),
            f'invalid fleet.ci.max-builds in {USER}:2 "-1": it must be at least 0',
            None,
        ),
    ],
)
def test_what_a_file_has_wrong_is_told_with_its_place(files: Files, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        arguments(files, "--fleet=ci")

    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_project_can_set_nothing_that_runs_a_program_or_leads_to_a_file() -> None:
    keys = config_keys()

    of_projects = {name for name, key in keys.items() if not key.users}
    assert of_projects == {
        *("fleet", "selector", "namespace", "kube-context", "addr", "key", "placement", "identity", "via"),
        *("pod-port", "container", "connect-timeout", "wait", "max-builds", "queue", "retries", "timeout"),
        *("tls-server-name", "context-times", "spill", "require-warm"),
    }
    assert {name for name, key in keys.items() if key.form == "path"}.isdisjoint(of_projects)


def test_a_fleet_has_no_settings_of_displays_and_names_no_other_fleet() -> None:
    outside = {name for name, key in config_keys().items() if not key.fleets}

    assert outside == {
        *("fleet", "context-times", "source-policy-file", "metrics-file", "require-warm", "progress")
    }


def test_what_is_built_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='unknown key "tag"'):
        arguments(Files(user=f'[defaults]\ntag = "{tmp_path}"'))
