"""`docker build`, where the docker config makes warmroute the builder.

Its users may know nothing of warmroute: what docker's own build takes is taken, what it does with the
result is done. So the image is loaded into the engine unless the options say what else becomes of it, and
skaffold's variables, which aren't docker's, don't count.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Annotated

from cli.build_options import ImageOptions, ResultOptions
from cli.building.running import build_and_report, print_plan
from cli.commands.buildkit_build import ContextOptions
from cli.given.requests import unread
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, option
from cli.options import DisplayOptions, RoutingOptions
from router import parse_bool

__all__ = ["command"]


class OldOptions(OptionGroup, panel="Of docker's older builders"):
    """What buildx takes without listing it: limits, which it knows by other names, and what it ignores."""

    memory: str = option("--memory", "-m", default="", metavar="SIZE", help="The same as --resource memory.")
    memory_swap: str = option(
        "--memory-swap", default="", metavar="SIZE", help="The same as --resource memory-swap."
    )
    cpu_shares: str = option(
        "--cpu-shares", "-c", default="", metavar="N", help="The same as --resource cpu-shares."
    )
    cpu_period: str = option(
        "--cpu-period", default="", metavar="N", help="The same as --resource cpu-period."
    )
    cpu_quota: str = option("--cpu-quota", default="", metavar="N", help="The same as --resource cpu-quota.")
    cpuset_cpus: str = option(
        "--cpuset-cpus", default="", metavar="LIST", help="The same as --resource cpuset-cpus."
    )
    cpuset_mems: str = option(
        "--cpuset-mems", default="", metavar="LIST", help="The same as --resource cpuset-mems."
    )
    debug: bool = option("--debug", "-D", default=False, help="The same as --verbose.")
    compress: bool = option("--compress", default=False, help="Ignored.")
    rm: bool = option("--rm", default=True, help="Ignored.")
    force_rm: bool = option("--force-rm", default=False, help="Ignored.")
    isolation: str = option("--isolation", default="", metavar="NAME", help="Ignored, with a warning.")
    security_opt: list[str] | None = option(
        "--security-opt", default=None, metavar="OPTION", help="Ignored, with a warning."
    )
    squash: bool = option("--squash", default=False, help="Ignored, with a warning.")


_Display = Annotated[DisplayOptions, Only("--progress", "--quiet", "--verbose")]


def command(
    image: ContextOptions, result: ResultOptions, old: OldOptions, routing: RoutingOptions, display: _Display
) -> None:
    """Build an image on the daemon that is warm for it, and load it into the engine."""
    environment = os.environ
    if not image.platforms and (platform := environment.get("DOCKER_DEFAULT_PLATFORM")):
        image = image.replaced(platforms=[platform])
    if limits := list(_limits(old)):
        steps = image.steps.replaced(resources=[*limits, *(image.steps.resources or ())])
        image = image.replaced(steps=steps)
    if _goes_nowhere(image, result) and not parse_bool(environment.get("BUILDX_NO_DEFAULT_LOAD", "")):
        result = result.replaced(load=True)
    if old.debug and not display.verbose:
        display = display.replaced(verbose=1)
    unused = tuple(f"{flag} is ignored: {why}" for given, flag, why in _unused(old) if given)
    build = unread(image, None, result)._replace(warnings=unused)
    config = router_config(routing)
    if routing.dry_run:
        print_plan(config, build)
    else:
        build_and_report(config, build, display, result)


def _limits(old: OldOptions) -> Iterator[str]:
    limits = {
        "memory": old.memory,
        "memory-swap": old.memory_swap,
        "cpu-shares": old.cpu_shares,
        "cpu-period": old.cpu_period,
        "cpu-quota": old.cpu_quota,
        "cpuset-cpus": old.cpuset_cpus,
        "cpuset-mems": old.cpuset_mems,
    }
    return (f"{name}={value}" for name, value in limits.items() if value)


def _unused(old: OldOptions) -> Sequence[tuple[object, str, str]]:
    return (
        (old.isolation, "--isolation", "it is for Windows containers of docker's old builder"),
        (old.security_opt, "--security-opt", "BuildKit has RUN --security=insecure"),
        (old.squash, "--squash", "copy the result of one stage into another: COPY --from=STAGE / /"),
    )


def _goes_nowhere(image: ImageOptions, result: ResultOptions) -> bool:
    """Say whether nothing was said of what becomes of the image; docker's own build loads it then."""
    said = result.load is not None or result.push or result.outputs
    return not said and image.extra.question == "build"
