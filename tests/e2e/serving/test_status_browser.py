"""The status page in a browser, over real daemons: live, on a phone, in the dark, by keyboard, unharmed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.errors import BuildError
from router.model.address import TcpAddress
from router.model.daemon import Place
from router.model.events import Attempt, Notice
from router.placement.key import Key
from router.serving.watching.board import Board
from tests.e2e.builder import write_tree
from tests.e2e.serving.endpoints import Served, build_of, serving
from tests.servers.buildkitd import Buildkitd
from tests.servers.chromium import Browser, chromium

_HOSTILE = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>' + "x" * 400


@pytest.fixture(scope="module")
def served(
    buildkitd_three: tuple[Buildkitd, ...], busybox: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """An endpoint over three daemons and one that is gone, with a cold and a warm build."""
    scratch = tmp_path_factory.mktemp("page")
    with serving(buildkitd_three, scratch, unreachable=["gone"]) as endpoint:
        text = f"FROM {busybox}\nRUN echo {uuid.uuid4()}\nRUN true\n"
        context = write_tree(scratch / "context", {"Dockerfile": text})
        tag = endpoint.tag_at("d0")
        for _ in range(2):
            endpoint.buildctl(*build_of(context), f"--output=type=image,name={tag}").ok()
        yield endpoint


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture
def page(browser: Browser, served: Served) -> Browser:
    """The page, once it has told of the two builds."""
    browser.complaints.clear()
    browser.requested.clear()
    browser.open(served.status + "/")
    browser.until("document.querySelectorAll('#ended .good, #ended .cold').length >= 4")
    browser.until("document.querySelectorAll('#daemons .good').length === 3")
    return browser


def _texts(page: Browser, selector: str) -> list[str]:
    found: list[str] = page.run(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText)"
    )
    return found


def test_the_page_tells_daemons_builds_and_owners_and_loads_nothing_else(
    page: Browser, served: Served
) -> None:
    page.until("document.getElementById('link').textContent === 'live'")
    warm, cold = _texts(page, "#ended tr")
    daemons = _texts(page, "#daemons button")

    assert "completed" in warm
    assert "warm " in warm
    assert "the first build of this key on d0" in cold
    assert [line.split()[0] for line in daemons] == ["d0", "d1", "d2", "gone"]
    assert "unreachable" in daemons[3]
    assert "owns " in daemons[0]
    assert page.run("document.querySelectorAll('#arcs path').length") == 4
    assert page.run("document.querySelectorAll('#keys circle').length") >= 1
    assert all(url.startswith((served.status, "data:")) for url in page.requested)
    assert page.complaints == []


def test_a_build_appears_moves_on_and_ends_while_the_page_is_open(
    page: Browser, served: Served, busybox: str
) -> None:
    tag = served.tag_at("d1")
    with served.building(
        f"FROM {busybox}\nRUN echo {uuid.uuid4()}\nRUN sleep 600\n", f"--output=type=image,name={tag}"
    ) as client:
        page.until("document.querySelector('#running').innerText.includes('sleep 600')")
        (row,) = _texts(page, "#running tr")
        client.process.kill()
        page.until("!document.querySelector('#running tr')")
        page.until("document.querySelector('#ended').innerText.includes('canceled')")

    assert "d1" in row
    assert "home" in row


@pytest.mark.parametrize("size", [(360, 740), (1280, 800)], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_text_is_readable(
    page: Browser, served: Served, size: tuple[int, int], scheme: str, tmp_path: Path
) -> None:
    width, height = size
    page.open(served.status + "/", width=width, height=height, scheme=scheme)
    page.until("document.querySelectorAll('#ended tr').length >= 2")

    page.screenshot(tmp_path / f"{width}x{height}-{scheme}.png")  # for a person to look at

    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run(_CONTRAST) >= 4.5


# The least contrast of a text with the ground, as WCAG has it; 4.5 is enough for small text.
_CONTRAST = """(() => {
  const light = text => {
    const parts = text.match(/[0-9.]+/g).slice(0, 3).map(each => each / 255)
      .map(each => each <= .03928 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
    return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  return Math.min(...[...document.querySelectorAll('main *, header *')].filter(each => each.innerText)
    .map(each => light(getComputedStyle(each).color))
    .map(ink => (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05)));
})()"""


def test_the_keyboard_chooses_a_daemon_and_opens_a_build(page: Browser) -> None:
    page.run("document.querySelector('#daemons button').focus()")
    page.press("Tab", 9)
    page.press("Enter", 13)
    page.until(
        "document.querySelector('#daemons li:nth-child(2) button').getAttribute('aria-pressed') === 'true'"
    )
    chosen = page.run("document.querySelector('#filter').innerText")
    page.run("document.getElementById('all').focus()")
    page.press("Enter", 13)
    page.until("document.querySelectorAll('#ended button').length >= 2")
    focused = page.run("document.activeElement.closest('li').dataset.key")
    page.run("document.querySelector('#ended tr:last-child button').focus()")
    page.press("Enter", 13)
    page.until("document.getElementById('detail').open")
    facts = page.run("document.getElementById('facts').innerText")
    page.press("Escape", 27)
    page.until("!document.getElementById('detail').open")

    assert "Only builds on d1" in chosen
    assert focused == "d1"
    assert "steps cached" in facts
    assert page.run("document.activeElement.closest('tbody').id") == "ended"


def test_focus_stays_where_it_is_while_builds_come(page: Browser, served: Served) -> None:
    page.run("document.querySelector('#ended tr:last-child button').focus()")
    before = page.run("document.activeElement.textContent")
    context = write_tree(
        served.scratch / uuid.uuid4().hex, {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}
    )
    number = page.run("document.querySelectorAll('#ended tr').length")
    served.buildctl(*build_of(context), f"--output=type=image,name={served.tag_at('d2')}").ok()
    page.until(f"document.querySelectorAll('#ended tr').length > {number}")

    assert page.run("document.activeElement.textContent") == before


def test_what_strangers_call_things_is_text(page: Browser, served: Served) -> None:
    board: Board = served.endpoint._services.board
    place = Place(number=2, home=_HOSTILE, reason=_HOSTILE)
    board.begins("hostile", Key(key=_HOSTILE, rule="session"), _HOSTILE)
    board.heard("hostile", Notice(level="warning", text=_HOSTILE))
    page.until("document.querySelector('#running').innerText.includes('onerror')")
    board.heard("hostile", Attempt(number=1, daemon=_HOSTILE, address=TcpAddress(host="x"), place=place))
    board.placed("hostile", _HOSTILE)
    board.progress("hostile", 1, 2, _HOSTILE)
    page.until("document.querySelector('#running progress').max === 2")
    board.ended("hostile", BuildError(_HOSTILE))
    page.until("document.querySelector('#ended').innerText.includes('onerror')")
    page.run("document.querySelector('#ended button').click()")
    page.until("document.getElementById('facts').innerText.includes('onerror')")

    assert page.run("window.harmed") is None
    assert (
        page.run("document.querySelectorAll('main img, main script, dialog img, dialog script').length") == 0
    )
    assert page.complaints == []


def test_the_page_says_that_the_endpoint_is_gone(
    browser: Browser, buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path
) -> None:
    with serving(buildkitd_three, tmp_path) as endpoint:
        browser.open(endpoint.status + "/")
        browser.until("document.getElementById('link').textContent === 'live'")

    browser.until("document.getElementById('link').textContent.includes('connection lost')")
