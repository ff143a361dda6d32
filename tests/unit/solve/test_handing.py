"""Results as contexts of other builds, in the frontend's words."""

from __future__ import annotations

import json
from base64 import b64decode

from router.solve.handing import Handed, Linked
from router.solve.inputs import Inputs


class _Nobody:
    """No build is there to hear of it."""

    def solved(self, name: str, result: Handed) -> None:
        raise NotImplementedError

    def evaluated(self, name: str) -> None:
        raise NotImplementedError

    def hold(self, name: str, wake: object) -> None:
        raise NotImplementedError

    def is_used(self, _name: str) -> bool:
        return False

    def released(self, _name: str) -> bool:
        return True


def _added(inputs: Inputs, **contexts: Handed) -> Inputs:
    return Linked("web", contexts, _Nobody()).added_to(inputs)


def test_a_result_is_an_input_with_the_config_of_its_image() -> None:
    base = Handed(name="base", definitions={"": b"steps"}, configs={"": b"{}"})

    inputs = _added(Inputs(attrs={"filename": "D"}, definitions={"context": b"c"}), b=base)

    assert inputs.definitions == {"context": b"c", "0-base": b"steps"}
    metadata = json.loads(inputs.attrs.pop("input-metadata:0-base"))  # type: ignore[attr-defined]
    assert b64decode(metadata["containerimage.config"]) == b"{}"
    assert inputs.attrs == {
        "filename": "D",
        "context:b": "input:0-base",
        "frontend.caps": "moby.buildkit.frontend.contexts+forward",
    }


def test_a_result_of_several_platforms_is_an_input_for_each() -> None:
    platforms = ("linux/amd64", "linux/arm64")
    base = Handed(name="base", definitions={each: each.encode() for each in platforms})

    inputs = _added(Inputs(attrs={"frontend.caps": "moby.buildkit.frontend.gitquerystring"}), b=base)

    assert inputs.definitions == {f"0-base::{each}": each.encode() for each in platforms}
    assert inputs.attrs == {
        **{f"context:b::{each}": f"input:0-base::{each}" for each in platforms},
        "frontend.caps": "moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts+forward",
    }


def test_one_result_can_be_several_contexts() -> None:
    base = Handed(name="base", definitions={"": b"steps"})

    inputs = _added(Inputs(), a=base, b=base)

    assert (inputs.attrs["context:a"], inputs.attrs["context:b"]) == ("input:0-base", "input:0-base")


def test_without_contexts_the_inputs_stay_as_they_are() -> None:
    inputs = Inputs(attrs={"filename": "D"})

    assert _added(inputs) is inputs
