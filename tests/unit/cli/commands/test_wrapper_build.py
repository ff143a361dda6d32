"""Where the old wrapper would have built, and what is said of options that it would not have looked at."""

from __future__ import annotations

import pytest

from cli.commands.routing import RoutingOptions
from cli.commands.wrapper_build import _as_wrapper_routes

DEFAULT = "unix:///run/buildkit/buildkitd.sock"


@pytest.mark.parametrize(
    ("options", "addresses", "selector", "said"),
    [
        (RoutingOptions(backend="docker"), None, None, ""),
        (RoutingOptions(backend="docker", addresses=["tcp://a:1"]), None, None, "--addr is not looked at"),
        (
            RoutingOptions(backend="docker", selector="app=x", key="k", addresses=["tcp://a:1"]),
            None,
            None,
            "--addr and --kube-pod-selector",
        ),
        (RoutingOptions(backend="buildctl"), [DEFAULT], None, ""),
        (RoutingOptions(backend="native"), [DEFAULT], None, ""),
        (RoutingOptions(backend="buildctl", addresses=["tcp://a:1"]), ["tcp://a:1"], None, ""),
        (RoutingOptions(backend="buildctl", selector="app=x"), None, "app=x", ""),
        (
            RoutingOptions(backend="buildctl", selector="app=x", key="k", addresses=["tcp://a:1"]),
            None,
            "app=x",
            "--addr is not looked at",
        ),
        (
            RoutingOptions(backend="buildctl", selector="app=x", addresses=["tcp://a:1"]),
            ["tcp://a:1"],
            None,
            "--kube-pod-selector is not looked at",
        ),
    ],
)
def test_the_old_wrapper_built_there(
    options: RoutingOptions, addresses: list[str] | None, selector: str | None, said: str
) -> None:
    routed, warnings = _as_wrapper_routes(options, has_host=False)

    assert (routed.addresses, routed.selector) == (addresses, selector)
    assert said in "".join(warnings)
    assert bool(said) == bool(warnings)


def test_buildkit_host_names_the_daemon_of_buildctl() -> None:
    routed, warnings = _as_wrapper_routes(RoutingOptions(backend="buildctl"), has_host=True)

    assert (routed.addresses, routed.selector, warnings) == (None, None, ())
