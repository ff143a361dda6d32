"""The options of `warmroute bake`, by buildx's names."""

from typing import Annotated

from cli.build_options import ImageOptions, ResultOptions
from cli.groups import Only, OptionGroup, argument, option

__all__ = ["AllImages", "AllResults", "BakeOptions"]


class BakeOptions(OptionGroup, panel="Definition"):
    """What is read, and how it is shown."""

    targets: list[str] | None = argument(
        "TARGET",
        default=None,
        help="Targets, groups, or patterns of their names; before them the URL of a git repository with the"
        " definition. [dim]default: default[/]",
    )
    files: list[str] | None = option(
        "--file",
        "-f",
        default=None,
        metavar="PATH",
        help="A file of the definition; repeatable, - is stdin. [dim]default: compose.yaml and"
        " docker-bake.hcl or .json with their .override, those that there are.[/]",
        env="WARMROUTE_BAKE_FILE",
    )
    overrides: list[str] | None = option(
        "--set", default=None, metavar="TARGET.KEY=VALUE", help="Change a target; * is all, += adds."
    )
    variables: list[str] | None = option(
        "--var", default=None, metavar="NAME=VALUE", help="Set a variable of the definition."
    )
    allow: list[str] | None = option(
        "--allow",
        default=None,
        metavar="RIGHT",
        help="What the definition may do: fs.read=PATH, fs.write=PATH or fs=PATH outside of the working"
        " directory, ssh, network.host, security.insecure, device, buildx.local.delete.",
    )
    parallel: float = option(
        "--parallel",
        default=0,
        metavar="N",
        minimum=0,
        help="Build N targets at once. [dim]default: as many as the fleet takes.[/]",
        files="all",
    )
    keep_going: bool = option(
        "--keep-going",
        default=False,
        help="When a target fails, build the others all the same. [dim]default: cancel them.[/]",
        files="all",
    )
    print: bool = option(
        "--print",
        default=False,
        help="Print the targets as JSON, and build none.",
        env="WARMROUTE_BAKE_PRINT",
    )
    list: str | None = option(
        "--list", default=None, metavar="targets|variables", help="List them; type=TYPE,format=json as JSON."
    )


# For all targets of a definition. A flag that isn't given changes nothing; one that is false does.
AllImages = Annotated[
    ImageOptions,
    Only("--no-cache", "--pull", "--call", "--check", "--sbom", "--provenance", no_cache=None, pull=None),
]
AllResults = Annotated[ResultOptions, Only("--push", "--load", "--metadata-file")]
