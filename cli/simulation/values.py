"""The findings of a simulation as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router import Balance, Findings, Move, Run, Simulation

__all__ = ["as_json"]


def as_json(asked: Simulation, findings: Findings) -> str:
    """Return one object: what was asked, and what was found. Shares are of 1, times seconds."""
    return json.dumps(
        {
            "daemons": [
                {"name": daemon.name, "identity": daemon.hashed, "max_builds": daemon.max_builds}
                for daemon in asked.daemons
            ],
            "keys": len(asked.keys),
            "placement": asked.placement,
            "max_builds": asked.max_builds,
            "builds": asked.traffic.builds,
            "seconds": {
                "between": asked.traffic.every,
                "cold": asked.traffic.cold,
                "warm": asked.traffic.warm,
            },
            "seed": asked.seed,
            "balance": [_balance(balance) for balance in findings.balances],
            "moves": [_move(move) for move in findings.moves],
            "runs": [_run(run) for run in findings.runs],
        },
        indent=2,
    )


def _balance(balance: Balance) -> dict[str, object]:
    return {
        "placement": balance.placement,
        "keys_over_mean": balance.most_keys,
        "builds_over_mean": balance.most_builds,
        "daemons": {
            name: {"keys": keys, "builds": balance.builds[name]} for name, keys in balance.keys.items()
        },
    }


def _move(move: Move) -> dict[str, object]:
    return {
        "kind": move.kind,
        "event": move.event,
        "moved": move.moved,
        "share": move.share,
        "builds": move.builds,
        "gained": dict(move.gained),
    }


def _run(run: Run) -> dict[str, object]:
    outcome = run.outcome
    return {
        "fleet": run.weather,
        "placement": run.placement,
        "bounded": run.bounded,
        "built": len(outcome.builds),
        "failed": outcome.failed,
        "lost": outcome.lost,
        "warm_repeats": outcome.warm_repeats,
        "at_home": outcome.at_home,
        "in_flight_over_mean": outcome.in_flight,
        "seconds": {"p50": outcome.seconds(0.5), "p95": outcome.seconds(0.95)},
        "daemons": {
            name: {"in_flight": seat.in_flight, "largest": seat.largest}
            for name, seat in outcome.seats.items()
        },
    }
