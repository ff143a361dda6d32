"""The generated page is fresh, and the pages' links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import router
from docs import library
from docs.generate import PAGE, cli_page

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md"), *(_ROOT / "examples").rglob("*.md")]
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_the_reference_of_the_command_line_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == cli_page(), "run `make docs`"


def test_the_reference_of_the_library_is_fresh_and_has_every_public_name() -> None:
    text = library.PAGE.read_text(encoding="utf-8")

    assert text == library.library_page(), "run `make docs`"
    assert sorted(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == sorted(router.__all__)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
