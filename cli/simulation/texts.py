"""The findings of a simulation as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.named import NamedTuple
from cli.render.foreign import printable
from cli.render.table import room_on_stdout, table

if TYPE_CHECKING:
    from router import Findings, Move, Outcome, Simulation

__all__ = ["Section", "events", "percent", "sections", "subject", "tables"]


class Section(NamedTuple):
    """A table, and what its numbers are."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(asked: Simulation, findings: Findings) -> str:
    """Return the tables, each below a line that says what its numbers are."""
    room = room_on_stdout()
    return "\n\n".join(
        [
            subject(asked),
            *(
                f"{section.title}\n{table(section.header, section.rows, room=room)}"
                for section in sections(asked, findings)
            ),
        ]
    )


def sections(asked: Simulation, findings: Findings) -> tuple[Section, ...]:
    """Return the tables there are."""
    found = (_balance(asked, findings), _moves(asked, findings), _runs(findings))
    return tuple(section for section in found if section.rows)


def subject(asked: Simulation) -> str:
    """Say in a line what was simulated."""
    traffic, daemons, keys = asked.traffic, len(asked.daemons), len(asked.keys)
    seconds = traffic.every if traffic.every is not None else 3600 / sum(key.rate or 0 for key in asked.keys)
    every = f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"
    return (
        f"{daemons} daemon{'s' if daemons > 1 else ''}, {keys} key{'s' if keys > 1 else ''};"
        f" {traffic.builds} builds, one every {every} (seed {asked.seed})"
    )


def _balance(asked: Simulation, findings: Findings) -> Section:
    flights = {(run.placement, run.bounded): run.outcome for run in findings.runs if run.weather == "quiet"}
    bound = _bound(asked)
    rows = [
        (
            balance.placement,
            f"{balance.most_keys:.2f}",
            f"{balance.most_builds:.2f}",
            *(
                _flight(flights[balance.placement, bounded])
                for bounded in ((False, True) if bound else (False,))
            ),
        )
        for balance in findings.balances
    ]
    return Section(
        title="balance: the busiest daemon over the mean of all (and its most builds in flight)",
        header=("PLACEMENT", "KEYS", "BUILDS", "IN FLIGHT", *([bound] if bound else [])),
        rows=rows,
    )


def _bound(asked: Simulation) -> str:
    """Say what daemons had as their bound of builds, empty where none of them had one."""
    if asked.max_builds:
        return f"AT MOST {asked.max_builds}"
    return "OWN BOUNDS" if any(daemon.max_builds for daemon in asked.daemons) else ""


def _flight(outcome: Outcome) -> str:
    return f"{outcome.in_flight:.2f} ({outcome.largest})"


def _moves(asked: Simulation, findings: Findings) -> Section:
    rows = [
        (event, f"{move.moved} ({percent(move.share)})", percent(move.builds), _gainers(move.gained))
        for event, move in events(findings)
    ]
    return Section(
        title=f"keys that get another home (placement {asked.placement}), and their share of all builds",
        header=("CHANGE", "KEYS", "BUILDS", "TO"),
        rows=rows,
    )


def events(findings: Findings) -> Iterator[tuple[str, Move]]:
    """Yield each move with what brings it about, in words."""
    words = {"scale": "scale ", "loss": "lose ", "migration": ""}
    for move in findings.moves:
        yield f"{words[move.kind]}{move.event}", move


def _gainers(gained: Mapping[str, int]) -> str:
    if not gained:
        return ""
    most, *others = sorted(gained, key=lambda name: (-gained[name], name))
    shown = f"{printable(most)} ({gained[most]})"
    return f"{shown} and {len(others)} more" if others else shown


def _runs(findings: Findings) -> Section:
    rows = [
        (
            run.weather,
            run.placement,
            percent(run.outcome.warm_repeats),
            percent(run.outcome.at_home),
            str(run.outcome.lost),
            str(run.outcome.failed),
            f"{run.outcome.seconds(0.5):.0f} s",
            f"{run.outcome.seconds(0.95):.0f} s",
        )
        for run in findings.runs
        if run.bounded
    ]
    return Section(
        title="builds: how many of those whose key was built before were warm",
        header=("FLEET", "PLACEMENT", "WARM", "AT HOME", "LOST", "FAILED", "P50", "P95"),
        rows=rows,
    )


def percent(share: float) -> str:
    """Write a share: ``14.1 %``."""
    return f"{share * 100:.1f} %"
