"""What `ls` makes of the reports on daemons."""

from __future__ import annotations

import pytest

from cli.commands.ls import _state
from router.model.address import TcpAddress
from router.model.daemon import NOT_ASKED, Daemon
from router.model.frozen import replace
from router.operations.inspect import DaemonReport

LISTED = Daemon(name="a", address=TcpAddress(host="a.test"), state=NOT_ASKED)
STARTING = replace(LISTED, name="b", ready=False, state="Pending")


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (DaemonReport(daemon=LISTED), "ready"),
        (DaemonReport(daemon=LISTED, error="refused"), "unreachable"),
        (DaemonReport(daemon=replace(LISTED, state="ready")), "ready"),
        (DaemonReport(daemon=STARTING, error="Pending"), "Pending"),
        (DaemonReport(daemon=replace(LISTED, terminating=True, state="terminating")), "terminating"),
    ],
)
def test_a_daemon_that_was_asked_is_as_it_answered(report: DaemonReport, state: str) -> None:
    assert _state(report) == state
