"""``--output``, ``--push`` and ``--load``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.output import (
    format_output,
    is_directory,
    is_load,
    parse_output,
    parse_outputs,
    resolve_outputs,
)
from router.model.request import Output
from tests.unit.specs.refused import refused

_ATTRS = st.dictionaries(
    st.sampled_from(["name", "push", "compression", "annotation.a.b", "unpack"]), st.text(), max_size=3
)
_PATHS = st.text(min_size=1).filter(lambda path: path != "-")
_OUTPUTS = st.one_of(
    st.builds(Output, type=st.sampled_from(["image", "registry", "cacheonly"]), attrs=_ATTRS),
    st.builds(Output, type=st.just("local"), attrs=_ATTRS, dest=_PATHS),
    st.builds(
        Output, type=st.sampled_from(["tar", "oci", "docker"]), attrs=_ATTRS, dest=_PATHS | st.just("-")
    ),
    st.builds(Output, type=st.just("docker"), attrs=_ATTRS),
)


@given(_OUTPUTS)
def test_an_output_survives_formatting_and_parsing(output: Output) -> None:
    assert parse_output(format_output(output)) == output


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("out", Output(type="local", dest="out")),
        ("some=directory", Output(type="local", dest="some=directory")),
        ("-", Output(type="tar", dest="-")),
        ("type=local,dest=out", Output(type="local", dest="out")),
        ("type=tar,dest=out.tar", Output(type="tar", dest="out.tar")),
        ("type=tar", Output(type="tar", dest="-")),
        ("type=oci", Output(type="oci", dest="-")),
        ("type=oci,tar=false,dest=out", Output(type="oci", attrs={"tar": "false"}, dest="out")),
        ("type=docker", Output(type="docker")),
        ("type=docker,dest=image.tar", Output(type="docker", dest="image.tar")),
        ("type=docker,context=other", Output(type="docker", attrs={"context": "other"})),
        ("type=cacheonly", Output(type="cacheonly")),
        ("type=registry", Output(type="registry")),
        (
            'type=image,"name=a:1,b:2",push=true',
            Output(type="image", attrs={"name": "a:1,b:2", "push": "true"}),
        ),
        ("TYPE=image,Push=true", Output(type="image", attrs={"push": "true"})),
    ],
)
def test_an_output_is_read_as_buildx_reads_it(text: str, output: Output) -> None:
    assert parse_output(text) == output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("type=foo", "unknown type foo (one of image, registry, local, tar, oci, docker, cacheonly)"),
        ("dest=out,push=true", "the key type is missing"),
        ("type=local", "type local needs dest, the directory to write to"),
        ("type=local,dest=-", "a directory of type local can't go to stdout"),
        ("type=oci,tar=false", "type oci needs dest, the directory to write to"),
        ("type=image,dest=out", "type image has no dest: nothing is written on this machine"),
        ("type=image,push", 'field "push" is not of the form key=value'),
    ],
)
def test_a_wrong_output_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_output(text))) == f'invalid --output "{text}": {why}'


def test_an_empty_text_is_no_output() -> None:
    assert parse_outputs(["", "out"]) == (Output(type="local", dest="out"),)


def test_no_flags_give_no_outputs() -> None:
    assert resolve_outputs(()) == ()


def test_push_alone_pushes_an_image_that_is_not_unpacked() -> None:
    outputs = resolve_outputs((), push=True, tags=["app:1", "app:2"])

    assert outputs == (
        Output(type="image", attrs={"unpack": "false", "push": "true", "name": "app:1,app:2"}),
    )


def test_push_makes_the_images_pushed_that_are_there() -> None:
    image = Output(type="image", attrs={"compression": "zstd", "unpack": "true"})

    (output,) = resolve_outputs([image], push=True, tags=["app"])

    assert output.attrs == {"compression": "zstd", "unpack": "true", "push": "true", "name": "app"}


def test_push_beside_other_outputs_adds_an_image() -> None:
    local = Output(type="local", dest="out")

    assert [output.type for output in resolve_outputs([local], push=True, tags=["app"])] == ["local", "image"]


def test_registry_is_a_pushed_image() -> None:
    (output,) = resolve_outputs([Output(type="registry", attrs={"name": "app"})])

    assert output == Output(type="image", attrs={"unpack": "false", "name": "app", "push": "true"})


def test_load_is_the_docker_exporter_without_a_destination() -> None:
    (output,) = resolve_outputs((), load=True)

    assert output == Output(type="docker")
    assert is_load(output)


def test_load_is_not_added_twice() -> None:
    assert resolve_outputs([Output(type="docker")], load=True) == (Output(type="docker"),)


def test_load_beside_an_archive_is_another_output() -> None:
    outputs = resolve_outputs([Output(type="docker", dest="image.tar")], load=True)

    assert [output.dest for output in outputs] == ["image.tar", None]


def test_tags_name_the_images_and_nothing_else() -> None:
    outputs = [Output(type="oci", dest="a"), Output(type="local", dest="b"), Output(type="image")]

    resolved = resolve_outputs(outputs, tags=["app"])

    assert [output.attrs.get("name") for output in resolved] == ["app", None, "app"]


@given(st.lists(_OUTPUTS, max_size=3), st.booleans(), st.booleans())
def test_resolving_twice_is_resolving_once(outputs: list[Output], push: bool, load: bool) -> None:
    outputs = [output for output in outputs if output.dest != "-"]

    once = resolve_outputs(outputs, push=push, load=load, tags=["app"])

    assert resolve_outputs(once, push=push, load=load, tags=["app"]) == once


def test_a_push_without_a_name_is_refused() -> None:
    assert str(refused(lambda: resolve_outputs((), push=True))) == "--push needs a --tag"


def test_stdout_takes_one_output() -> None:
    outputs = [Output(type="tar", dest="-"), Output(type="oci", dest="-")]

    assert str(refused(lambda: resolve_outputs(outputs))) == "more than one output goes to stdout"


def test_only_trees_of_files_are_directories() -> None:
    assert is_directory(Output(type="local", dest="out"))
    assert is_directory(Output(type="oci", attrs={"tar": "false"}, dest="out"))
    assert not is_directory(Output(type="oci", dest="out.tar"))
