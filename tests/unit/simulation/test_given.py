"""What a simulation reads: names, files, a scaling; and each wrong one with its line or its option."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.simulation.given import (
    invented_keys,
    parse_daemon_names,
    parse_scale,
    read_daemon_names,
    read_keys,
    scaled,
    unhindered,
)


def _names(daemons: tuple[Daemon, ...]) -> list[str]:
    return [daemon.name for daemon in daemons]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["3"], ["buildkitd-0", "buildkitd-1", "buildkitd-2"]),
        (["ci:2"], ["ci-0", "ci-1"]),
        (["a, b", "c"], ["a", "b", "c"]),
        (["tcp://one:1234"], ["tcp://one:1234"]),
        ([","], []),
    ],
)
def test_daemons_are_counted_or_named(texts: list[str], names: list[str]) -> None:
    assert _names(parse_daemon_names(texts)) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", 'invalid --daemons "0": between 1 and 1000 daemons can be simulated'),
        ("ci:1001", 'invalid --daemons "ci:1001": between 1 and 1000 daemons can be simulated'),
        ("a,b,a", '--daemons names "a" twice'),
        (",".join(map(str, range(1001))) + ",x", "--daemons has 1002 daemons"),
    ],
)
def test_daemons_that_can_not_be_simulated_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_daemon_names([text])

    assert str(caught.value) == message
    assert caught.value.hint


def test_a_file_of_daemons_has_their_own_bounds() -> None:
    lines = [b"# ours\n", b"\n", b"a 2\n", b"b\n", b"c 0"]

    found = read_daemon_names(lines, "fleet.txt")

    assert [(daemon.name, daemon.max_builds) for daemon in found] == [("a", 2), ("b", None), ("c", 0)]


@pytest.mark.parametrize("line", [b"a two", b"a 1 2", b"a -1"])
def test_a_wrong_line_of_a_file_of_daemons_is_named(line: bytes) -> None:
    with pytest.raises(UsageError, match=r"^fleet\.txt, line 2: expected a name, and at most a whole number"):
        read_daemon_names([b"b\n", line], "fleet.txt")


def test_a_file_of_keys_may_have_rates() -> None:
    plain = read_keys([b"app\n", b"  web\r\n", b"app\n", b"#no\n"], "keys.txt")
    rated = read_keys([b"app 12\n", b"web\t0.5\n", b"app 3\n"], "keys.txt")

    assert [(key.key, key.rate) for key in plain] == [("app", None), ("web", None)]
    assert [(key.key, key.rate) for key in rated] == [("app", 15.0), ("web", 0.5)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [b"a", b"b c d"],
            "keys.txt, line 2: expected a key, and at most its builds an hour behind it",
        ),
        ([b"a", b"b many"], "keys.txt, line 2: expected a key, and at most its builds an hour behind it"),
        ([b"a", b"b -1"], "keys.txt, line 2: expected a key, and at most its builds an hour behind it"),
        ([b"a", b"b nan"], "keys.txt, line 2: expected a key, and at most its builds an hour behind it"),
        ([b"a", b"", b"\xff"], "keys.txt, line 3: it is not UTF-8 text"),
        ([b"a 1", b"b"], "keys.txt, line 2: it has no builds an hour, the lines before it have"),
        ([b"a", b"b 1"], "keys.txt, line 2: it has builds an hour, the lines before it have none"),
        ([b"a 0", b"b 0"], "keys.txt has no key with builds"),
        ([b"%d" % number for number in range(100_001)], "keys.txt, line 100001: at most 100000 keys"),
    ],
)
def test_a_wrong_file_of_keys_is_told_by_its_line(lines: list[bytes], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_keys(lines, "keys.txt")

    assert str(caught.value).startswith(message)
    assert caught.value.hint


def test_keys_are_invented_by_number() -> None:
    assert [key.key for key in invented_keys("2")] == ["key-1", "key-2"]
    for text in ("0", "100001", "9999999999"):
        with pytest.raises(UsageError, match="between 1 and 100000 keys"):
            invented_keys(text)


def test_a_scaling_is_two_different_numbers() -> None:
    assert parse_scale("3:4") == (3, 4)
    assert parse_scale("4:1") == (4, 1)
    for text in ("3:x", "3", "3:", ":3", "0:3", "3:1001", "3:4:5", "-1:2", "²:3"):
        with pytest.raises(UsageError, match="two numbers of daemons") as caught:
            parse_scale(text)
        assert caught.value.hint == "for example: --scale 3:4"
    with pytest.raises(UsageError, match="two different numbers"):
        parse_scale("3:3")


def test_a_fleet_is_scaled_by_its_ordinals() -> None:
    daemons = parse_daemon_names(["b-10,b-9,b-1"])

    assert _names(scaled(daemons, 2)) == ["b-1", "b-9"]
    assert _names(scaled(daemons, 5)) == ["b-1", "b-9", "b-10", "b-11", "b-12"]


@pytest.mark.parametrize("names", ["a,b", "a-1,b-2", "a-1,b"])
def test_a_fleet_whose_names_do_not_count_up_is_not_made_larger(names: str) -> None:
    daemons = parse_daemon_names([names])

    assert len(scaled(daemons, 1)) == 1
    with pytest.raises(UsageError, match="whose names don't count up"):
        scaled(daemons, 3)


def test_the_daemons_of_a_listing_are_taken_as_if_each_could_build() -> None:
    address = TcpAddress(host="one")
    listed = [
        Daemon(name="b-10", address=address, ready=False, state="Pending", max_builds=3),
        Daemon(name="b-2", address=address, identity="two", cordon="disk", terminating=True),
        Daemon(name="x", address=address, unplaced="has no label slot"),
    ]

    found = unhindered(listed)

    assert found == (
        Daemon(name="b-10", address=address, max_builds=3),
        Daemon(name="b-2", address=address, identity="two"),
    )
