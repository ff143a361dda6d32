"""`warmroute debug info`: the version of each daemon."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import router as library
from cli.asking import ask, require_answers
from cli.options import ChosenDaemons, FormatDisplay, HomeRouting
from cli.render.names import version
from cli.render.table import table

if TYPE_CHECKING:
    from router import Answer, DaemonVersion

__all__ = ["command"]


def command(routing: HomeRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """Show the versions of daemons: each of the fleet, or the home of --key."""
    answers = ask(routing, library.ask_info, only=chosen.names or ())
    sys.stdout.write(f"{_json(answers) if display.format == 'json' else _table(answers)}\n")
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))


def _table(answers: Sequence[Answer[DaemonVersion]]) -> str:
    return table(
        ("DAEMON", "ADDRESS", "BUILDKIT", "REVISION", "DOCKERFILE", "PACKAGE"),
        [
            (
                answer.daemon.name,
                str(answer.daemon.address),
                said.version,
                said.revision,
                said.dockerfile,
                said.package,
            )
            for answer in answers
            if (said := answer.value) is not None
        ],
    )


def _json(answers: Sequence[Answer[DaemonVersion]]) -> str:
    listed = [
        {
            "daemon": answer.daemon.name,
            "address": str(answer.daemon.address),
            "buildkitVersion": None if answer.value is None else version(answer.value),
            "error": str(answer.error or ""),
        }
        for answer in answers
    ]
    return json.dumps(listed, indent=2)
