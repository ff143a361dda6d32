"""Where in a definition something is wrong, and how that is shown."""

from __future__ import annotations

from router.bake.places import DefinitionFault, Source, as_usage_error


def test_a_fault_shows_its_line_with_carets_below_what_is_meant() -> None:
    source = Source("docker-bake.hcl", "a = 1\nb = nothing + 2\nc = 3\n")

    error = as_usage_error(DefinitionFault("there is no such thing", source.place(10, 17)))

    assert str(error) == (
        "docker-bake.hcl:2,5: there is no such thing\n   2 | b = nothing + 2\n     |     ^^^^^^^"
    )
    assert error.exit_code == 2


def test_tabs_stay_tabs_so_that_the_carets_stand_right() -> None:
    source = Source("x.hcl", "\t\ta = b")

    assert source.place(6, 7).excerpt().endswith("| \t\t    ^")


def test_of_a_very_long_line_only_the_part_around_is_shown() -> None:
    source = Source("x.hcl", "x" * 1000 + "!" + "y" * 1000)

    lines = source.place(1000, 1001).excerpt().splitlines()

    assert max(map(len, lines)) < 200
    assert lines[0][lines[1].index("^")] == "!"


def test_a_fault_without_a_place_is_its_message_alone() -> None:
    assert str(as_usage_error(DefinitionFault("no target"))) == "no target"


def test_the_first_place_of_a_fault_counts() -> None:
    source = Source("x.hcl", "one\ntwo\n")
    fault = DefinitionFault("wrong", source.place(0, 1))

    assert fault.at(source.place(4, 5)).place == source.place(0, 1)
