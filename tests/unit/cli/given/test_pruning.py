"""From the options of `prune` to what is to be deleted."""

from __future__ import annotations

import pytest

from cli.command_line import arguments_of
from cli.given.pruning import PruneOptions, pruning
from cli.main import PROGRAM
from cli.parameters import grouped, parameters_of
from cli.program import load
from router import Pruning, UsageFilter

PARAMETERS = parameters_of(load(PROGRAM, "prune"))


def _pruning(*words: str) -> Pruning:
    options = grouped(PARAMETERS, arguments_of(PARAMETERS, list(words), {}))["options"]
    assert isinstance(options, PruneOptions)
    return pruning(options)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), Pruning()),
        (("--all",), Pruning(all=True)),
        (("-a", "-f"), Pruning(all=True)),
        (("--reserved-space", "10GB"), Pruning(reserved_space=10 << 30)),
        (("--keep-storage", "10gb"), Pruning(reserved_space=10 << 30)),
        (("--keep-storage", "0"), Pruning()),
        (("--max-used-space", "1000"), Pruning(max_used_space=1000)),
        (("--min-free-space=1.5m",), Pruning(min_free_space=3 << 19)),
        (("--keep-duration", "72h"), Pruning(filters=UsageFilter(unused_for=259_200.0))),
        (("--keep-duration", "1h", "--filter", "until=60m"), Pruning(filters=UsageFilter(unused_for=3600.0))),
    ],
)
def test_an_option_says_what_goes_or_what_is_kept(words: tuple[str, ...], what: Pruning) -> None:
    assert _pruning(*words) == what
