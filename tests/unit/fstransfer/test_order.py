"""The order of entries, which the daemon has to keep."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import OutputError
from router.fstransfer.order import Order


def locate_all(*paths: bytes) -> list[tuple[str, bytes]]:
    """Locate paths; those that end with a slash are directories."""
    order = Order("root")
    places = []
    for path in paths:
        name = path.removesuffix(b"/")
        places.append(order.locate(name))
        if name != path:
            order.enter(name, name.decode())
    return places


def test_every_entry_is_in_the_directory_it_names() -> None:
    assert locate_all(b"a/", b"a/b/", b"a/b/c", b"a/d", b"a-b", b"b") == [
        ("root", b"a"),
        ("a", b"b"),
        ("a/b", b"c"),
        ("a", b"d"),
        ("root", b"a-b"),
        ("root", b"b"),
    ]


@pytest.mark.parametrize(
    "path", [b"", b"/", b"/a", b"..", b".", b"a/..", b"a/.", b"a/", b"../a", b"a\0b", b"a//b", b"./a"]
)
def test_a_name_that_leads_elsewhere_is_refused(path: bytes) -> None:
    order = Order(None)
    order.locate(b"A")
    order.enter(b"A", None)
    order.locate(b"a")
    order.enter(b"a", None)
    with pytest.raises(OutputError, match="the daemon sent the file") as caught:
        order.locate(path)
    assert caught.value.reason == "unsafe"


@pytest.mark.parametrize(
    "paths",
    [
        (b"b", b"a"),
        (b"a", b"a"),
        (b"a", b"a/b"),
        (b"a/", b"b", b"a/c"),
        (b"a/", b"a/b/", b"a/c", b"a/b/d"),
        (b"a/b",),
    ],
)
def test_entries_out_of_order_are_refused(paths: tuple[bytes, ...]) -> None:
    with pytest.raises(OutputError):
        locate_all(*paths)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("ab./\0", max_size=6).map(str.encode), max_size=8))
def test_what_is_accepted_stays_below_the_root(paths: list[bytes]) -> None:
    order = Order(b"")
    for path in paths:
        try:
            place, name = order.locate(path)
        except OutputError:
            return
        assert name not in (b"", b".", b"..")
        assert b"/" not in name
        assert (place + b"/" + name if place else name) == path
        order.enter(path, path)
