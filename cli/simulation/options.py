"""The options of `warmroute simulate` that no other command has."""

from __future__ import annotations

from cli.groups import OptionGroup, argument, option
from cli.options import PeriodOptions
from router import Placement

__all__ = ["SimulationOptions"]


class SimulationOptions(OptionGroup, panel="Simulation"):
    """What is simulated."""

    given: list[str] | None = argument(
        "KEY", default=None, help="Balancing keys, as `warmroute where` prints them."
    )
    keys: str | None = option(
        "--keys",
        default=None,
        metavar="N|FILE",
        help="This many invented keys, or a file (-: stdin) with one on each line and, behind it, its builds"
        " an hour.",
    )
    history: bool = option(
        "--history",
        default=False,
        help="Keys, their builds an hour and their times from what the daemons of the fleet remember.",
    )
    period: PeriodOptions = PeriodOptions()
    daemons: list[str] | None = option(
        "--daemons",
        default=None,
        metavar="N|NAMES|@FILE",
        help="6 for buildkitd-0 to buildkitd-5, NAME:6, names with commas, or a file with one on each line."
        " [dim]default: those of the fleet.[/]",
    )
    scale: str | None = option(
        "--scale",
        default=None,
        metavar="FROM:TO",
        help="Scale from one number of daemons to another, as 3:4.",
    )
    old: Placement | None = option(
        "--from", default=None, help="Migrate from this placement, by default that of --placement."
    )
    new: Placement | None = option(
        "--to", default=None, help="Migrate to this placement, by default that of --placement."
    )
    builds: float = option("--builds", default=1000, metavar="N", minimum=1, help="How many builds arrive.")
    every: str | None = option(
        "--every",
        default=None,
        metavar="DURATION",
        help="The mean time between two builds. [dim]default: by the keys' rates, else 10s.[/]",
    )
    zipf: float = option(
        "--zipf",
        default=1.0,
        metavar="S",
        minimum=0,
        help="Of keys without rates the n-th is built 1/n^S as often as the first.",
    )
    cold: str = option(
        "--cold", default="60s", metavar="DURATION", help="How long a cold build takes. [dim]default: 60s.[/]"
    )
    warm: str = option(
        "--warm", default="10s", metavar="DURATION", help="How long a warm build takes. [dim]default: 10s.[/]"
    )
    restart_every: str = option(
        "--restart-every",
        default="10m",
        metavar="DURATION",
        help="How often a daemon restarts, one after the other; 0 is never. [dim]default: 10m.[/]",
    )
    restart_takes: str = option(
        "--restart-takes",
        default="30s",
        metavar="DURATION",
        help="How long it is away. [dim]default: 30s.[/]",
    )
    cold_restarts: bool = option(
        "--cold-restarts", default=False, help="It comes back without its cache, as with an emptyDir."
    )
    picture: str | None = option(
        "--picture", default=None, metavar="FILE", help="Draw the findings into FILE.svg or FILE.png."
    )
    report: str | None = option(
        "--report", default=None, metavar="FILE", help="Write a page of HTML with tables and pictures."
    )
    seed: float = option("--seed", default=0, metavar="N", help="Another number gives other builds.")
