"""The user's buildkitd.toml, whatever it holds."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.model.frozen import replace
from router.provision.config_file import whole_config
from router.provision.spec import FleetSpec

SPEC = FleetSpec(name="ci", namespace="builds")


@pytest.mark.parametrize(
    "text", ["a=" + "[" * 5000, "a=" + "9" * 5000, "a="], ids=["brackets", "digits", "cut"]
)
def test_what_is_not_toml_that_can_be_read_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--config: not"):
        whole_config(replace(SPEC, pod=replace(SPEC.pod, config=text)))
