"""Where the old wrapper would have built, and what is said of options that it would not have looked at."""

from __future__ import annotations

import pytest

from cli.commands.wrapper_build import _as_wrapper_routes
from cli.options import FleetOptions, HomeOptions, RoutingOptions

DEFAULT = "unix:///run/buildkit/buildkitd.sock"


NAMED = FleetOptions(addresses=["tcp://a:1"])
SELECTED = FleetOptions(selector="app=x")
BOTH = FleetOptions(selector="app=x", addresses=["tcp://a:1"])
KEYED = HomeOptions(key="k")


@pytest.mark.parametrize(
    ("options", "addresses", "selector", "said"),
    [
        (RoutingOptions(backend="docker"), None, None, ""),
        (RoutingOptions(backend="docker", fleet=NAMED), None, None, "--addr is ignored"),
        (
            RoutingOptions(backend="docker", fleet=BOTH, home=KEYED),
            None,
            None,
            "--addr and --kube-pod-selector",
        ),
        (RoutingOptions(backend="buildctl"), [DEFAULT], None, ""),
        (RoutingOptions(backend="native"), [DEFAULT], None, ""),
        (RoutingOptions(backend="buildctl", fleet=NAMED), ["tcp://a:1"], None, ""),
        (RoutingOptions(backend="buildctl", fleet=SELECTED), None, "app=x", ""),
        (
            RoutingOptions(backend="buildctl", fleet=BOTH, home=KEYED),
            None,
            "app=x",
            "--addr is ignored",
        ),
        (
            RoutingOptions(backend="buildctl", fleet=BOTH),
            ["tcp://a:1"],
            None,
            "--kube-pod-selector is ignored",
        ),
    ],
)
def test_the_old_wrapper_built_there(
    options: RoutingOptions, addresses: list[str] | None, selector: str | None, said: str
) -> None:
    routed, warnings = _as_wrapper_routes(options, has_host=False)

    assert (routed.fleet.addresses, routed.fleet.selector) == (addresses, selector)
    assert said in "".join(warnings)
    assert bool(said) == bool(warnings)


def test_buildkit_host_names_the_daemon_of_buildctl() -> None:
    routed, warnings = _as_wrapper_routes(RoutingOptions(backend="buildctl"), has_host=True)

    assert (routed.fleet.addresses, routed.fleet.selector, warnings) == (None, None, ())
