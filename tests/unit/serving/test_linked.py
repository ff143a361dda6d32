"""The configs that link a target of a bake with the one it is based on, and input that makes no sense."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.rpc.events import Http2Error
from router.rpc.protobuf import field
from router.serving.linked import configs_of_inputs, configs_of_result

CONFIG = b'{"architecture":"amd64","config":{"Cmd":["sh"]}}'


def result(**metadata: bytes) -> memoryview:
    """A packed answer to LLBBridge.Solve; two underscores stand for a dot, three for a slash."""
    entries = (
        field(10, field(1, name.replace("___", "/").replace("__", ".")) + field(2, value))
        for name, value in metadata.items()
    )
    return memoryview(field(1, "id-1") + field(3, b"".join(entries)))


def based_on(config: bytes, name: str = "0-base") -> dict[str, str]:
    """The attributes of a target that is based on another one."""
    metadata = {"containerimage.config": base64.b64encode(config).decode()}
    return {f"context:{name}": f"input:{name}", f"input-metadata:{name}": json.dumps(metadata)}


@pytest.mark.parametrize("metadata", ["containerimage__config", "containerimage__config___linux/arm64"])
def test_a_target_and_its_base_have_the_same_config(metadata: str) -> None:
    found = configs_of_result(result(**{metadata: CONFIG, "refs": b"x"}))

    assert len(found) == 1
    assert configs_of_inputs(based_on(CONFIG)) == found
    assert configs_of_inputs(based_on(CONFIG + b" ")) != found


def test_all_inputs_count() -> None:
    attrs = {"target": "web", **based_on(b"1", "0-a"), **based_on(b"2", "0-b::linux/amd64")}

    assert len(configs_of_inputs(attrs)) == 2


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "{",
        "[" * 100_000,
        "1",
        "{}",
        '{"containerimage.config": 1}',
        '{"containerimage.config": "no base64!"}',
        '{"containerimage.config": "\u00e9"}',
        '{"containerimage.config": "' + "A" * 1_000_000 + '"}',
    ],
)
def test_metadata_that_makes_no_sense_links_nothing(metadata: str) -> None:
    assert configs_of_inputs({"context:a": "input:0-a", "input-metadata:0-a": metadata}) == frozenset()


def test_a_context_without_an_input_links_nothing() -> None:
    attrs = based_on(CONFIG)

    assert (
        configs_of_inputs({"context:a": "docker-image://alpine", **attrs, "context:0-base": "x"})
        == frozenset()
    )
    assert configs_of_inputs({name: attrs[name] for name in attrs if name.startswith("input")}) == frozenset()


@given(st.binary(max_size=200))
def test_an_answer_of_any_bytes_is_read_or_refused(answer: bytes) -> None:
    for packed in (answer, field(3, answer), field(3, field(10, answer))):
        try:
            configs_of_result(memoryview(packed))
        except Http2Error:
            continue
