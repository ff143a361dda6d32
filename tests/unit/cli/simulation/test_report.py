"""The page: everything in it is its own, and it is what was found."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from cli.simulation.page import page
from cli.simulation.texts import sections
from router import Churn, Simulation, Traffic, invented_keys, parse_daemon_names, scaled, simulate

_VOID = frozenset({"meta"})


class _Reader(HTMLParser):
    """Reads a page; raises where a tag is closed that is not the open one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        self._see(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._see(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def _see(self, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named[name] for name in ("src", "href", "xlink:href") if name in named]


def _asked(names: str, *, more: int = 1) -> Simulation:
    daemons = parse_daemon_names([names])
    return Simulation(
        daemons=daemons,
        keys=invented_keys("30"),
        traffic=Traffic(builds=60),
        churn=Churn(every=200.0),
        scale=(daemons, scaled(daemons, len(daemons) + more)) if more else None,
        migration=("buildx", "ring"),
    )


def test_the_page_loads_nothing_and_is_whole() -> None:
    asked = _asked("ci:3")
    text = page(asked, simulate(asked))

    found = _Reader(text)

    assert found.open == []
    assert all(link.startswith("#") for link in found.links)
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\s\"'<>]+", text)) <= namespaces
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert not re.search(r"<script|@import|<link|<iframe", text)
    assert "default-src 'none'" in text


def test_the_page_has_every_cell_of_the_tables_and_four_pictures_told_in_words() -> None:
    asked = _asked("ci:3")
    findings = simulate(asked)
    text = page(asked, findings)

    found = _Reader(text)

    assert text.count('<svg role="img" aria-label="') == 4
    for section in sections(asked, findings):
        assert {cell for row in section.rows for cell in row} <= set(found.texts)
    assert any(text.startswith("Scaling from 3 to 4 daemons moves ") for text in found.texts)
    assert "ci-0 to ci-2 (3)" in found.texts


def test_the_page_reads_in_the_dark_and_on_a_phone() -> None:
    asked = _asked("ci:3")
    text = page(asked, simulate(asked))

    assert "@media (prefers-color-scheme: dark)" in text
    assert 'content="width=device-width, initial-scale=1"' in text
    body = text.partition("<body>")[2]
    # Texts and lines of pictures have the page's colours, and their width is that of the page.
    assert "#1b1f24" not in body
    assert "#c9ced6" not in body
    assert "currentColor" in body
    assert not re.search(r"<svg[^>]*\b(?:width|height)=", body)


def test_names_are_text_and_nothing_else() -> None:
    asked = _asked("<script>alert(1)</script>,a&b,x\x1b[31m", more=0)

    text = page(asked, simulate(asked))

    found = _Reader(text)
    assert "<script" not in text
    assert "\x1b" not in text
    assert any("a&b" in each for each in found.texts)
