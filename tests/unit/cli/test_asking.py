"""How a command ends that asks a whole fleet."""

from __future__ import annotations

import pytest

from cli.asking import require_answers, tell_of
from router import Daemon, DialError, RouterError, RpcError, UnreachableError
from router.address import parse_address


def test_daemons_that_did_not_answer_are_an_error_that_names_the_first_five() -> None:
    with pytest.raises(UnreachableError) as caught:
        require_answers([f"s{number}" for number in range(6)], 8)

    assert str(caught.value) == "6 of 8 daemons did not answer: s0, s1, s2, s3, s4 and 1 more"
    assert caught.value.exit_code == 69


def test_answers_of_all_are_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    require_answers([], 8)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RpcError("unknown method", code=12), "ash: unknown method"),
        (DialError("ash (tcp://one:1234) did not answer"), "ash (tcp://one:1234) did not answer"),
        (DialError("can't connect to tcp://one:1234"), "ash: can't connect to tcp://one:1234"),
        (RouterError("ash is Pending"), "ash is Pending"),
    ],
)
def test_who_did_not_answer_is_named_once(
    error: RouterError, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_of(Daemon(name="ash", address=parse_address("tcp://one:1234")), error)

    assert capsys.readouterr() == ("", f"warmroute: {told}\n")
