"""What `ls` makes of the reports on daemons."""

from __future__ import annotations

import pytest

from cli.commands.ls import _platforms, _require_answers, _state
from router.errors import UnreachableError
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


def test_a_daemon_that_does_not_answer_is_an_error_and_one_that_starts_is_none() -> None:
    answered, starting = DaemonReport(daemon=LISTED), DaemonReport(daemon=STARTING, error="Pending")
    silent = [DaemonReport(daemon=replace(LISTED, name=f"s{n}"), error="refused") for n in range(6)]

    _require_answers((answered, starting))
    with pytest.raises(UnreachableError) as caught:
        _require_answers((answered, starting, *silent))

    assert str(caught.value) == "6 of 8 daemons did not answer: s0, s1, s2, s3, s4 and 1 more"
    assert caught.value.exit_code == 69


def test_variants_of_a_platform_are_counted() -> None:
    assert _platforms(["linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/386"]) == (
        "linux/amd64 (+2), linux/386"
    )
    assert _platforms([]) == ""
