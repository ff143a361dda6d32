"""The pictures: what is drawn into them, and what is said where they can't be."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.simulation.files import files_of
from cli.simulation.options import SimulationOptions
from cli.simulation.page import page
from cli.simulation.pictures import check_picture, panels, picture, svg
from router import (
    Churn,
    Findings,
    Simulation,
    Traffic,
    UsageError,
    invented_keys,
    parse_daemon_names,
    simulate,
)

NAMES = ["ci-0,ci-1,ci-2"]


def _asked(names: list[str]) -> Simulation:
    daemons = parse_daemon_names(names)
    return Simulation(
        daemons=daemons,
        keys=invented_keys("30"),
        traffic=Traffic(builds=60),
        churn=Churn(every=200.0),
        scale=(daemons[:-1], daemons) if len(daemons) > 1 else None,
        migration=("buildx", "ring"),
    )


def _texts(drawn: str) -> list[str]:
    root = ElementTree.fromstring(drawn)
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


def _both(names: list[str]) -> tuple[Simulation, Findings]:
    asked = _asked(names)
    return asked, simulate(asked)


def test_a_picture_has_four_panels_with_their_words() -> None:
    asked, findings = _both(NAMES)

    texts = _texts(picture(asked, findings, "svg").decode())

    for panel in panels(asked, findings):
        assert panel.title in texts
    assert {"ring", "rendezvous", "buildx", "at most 8 builds", "no bound"} <= set(texts)
    assert {"lose ci-0", "lose ci-1", "lose ci-2", "scale 2 to 3", "buildx to ring"} <= set(texts)
    assert {"quiet", "restarts", "scaling", "daemon (ci-...)"} <= set(texts)
    assert any(text.startswith("warmroute simulate: 3 daemons, 30 keys; 60 builds") for text in texts)


def test_the_bars_are_as_high_as_what_was_found() -> None:
    from matplotlib.figure import Figure

    asked, findings = _both(NAMES)
    axes = Figure().subplots()

    next(panel for panel in panels(asked, findings) if panel.name == "keys").draw(axes)

    drawn = [bar.get_height() for container in axes.containers for bar in container]
    assert drawn == [keys for balance in findings.balances for keys in balance.keys.values()]


def test_a_picture_of_pixels_is_large_enough_to_read() -> None:
    drawn = picture(*_both(NAMES), "png")

    assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", drawn[16:24]) == (1650, 1200)


def test_the_same_findings_give_the_same_bytes() -> None:
    asked, findings = _both(NAMES)

    assert picture(asked, findings, "svg") == picture(asked, findings, "svg")


def test_a_single_daemon_loses_no_keys_and_has_a_picture_all_the_same() -> None:
    asked = _asked(["one"])
    findings = simulate(Simulation(daemons=asked.daemons, keys=asked.keys))

    assert [panel.name for panel in panels(asked, findings)] == ["keys", "flight", "cold"]
    assert "one" in _texts(picture(asked, findings, "svg").decode())


@pytest.mark.filterwarnings("error")
def test_odd_names_are_drawn_as_they_are_and_long_ones_without_their_middle() -> None:
    names = ["tcp://builder-one.example.com:1234", "a$b$c", "<&>", "名前", "x\x1b[31m"]

    texts = _texts(picture(*_both(names), "svg").decode())

    assert {"builder-on…le.com:1234", "a$b$c", "<&>", "名前"} <= set(texts)
    assert not any("\x1b" in text for text in texts)


def test_many_daemons_are_a_curve_and_the_largest_losses() -> None:
    asked, findings = _both(["40"])

    texts = _texts(picture(asked, findings, "svg").decode())

    assert "40 daemons, those with most keys first" in texts
    assert "percent (of 40 losses, the 8 with most builds)" in texts
    assert sum(text.startswith("lose ") for text in texts) == 8


def test_a_panel_of_a_page_is_an_element_without_a_background() -> None:
    asked, findings = _both(NAMES)
    drawn = [svg(panel) for panel in panels(asked, findings)]

    for each in drawn:
        assert each.startswith("<svg")
        assert "white" not in each
        assert "#ffffff" not in each
    # What is referred to within one element is found in it, and not in its neighbour on the page.
    ids = [set(re.findall(r'\bid="(\w+)"', each)) for each in drawn]
    for each, own in zip(drawn, ids, strict=True):
        assert set(re.findall(r"url\(#(\w+)\)", each)) <= own


@pytest.mark.parametrize("path", ["a.jpg", "svg", "a.", ".svg.gz"])
def test_a_picture_of_another_format_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"must end in \.svg or \.png"):
        check_picture(path)
    assert [check_picture(each) for each in ("a.svg", "b/c.PNG")] == ["svg", "png"]


def test_where_a_picture_can_not_be_written_is_told_before_it_is_drawn(tmp_path: Path) -> None:
    for option in ("picture", "report"):
        with pytest.raises(UsageError, match=f"--{option} .*: there is no directory"):
            files_of(SimulationOptions().replaced(**{option: str(tmp_path / "none" / "a.svg")}))


@pytest.mark.parametrize("option", ["picture", "report"])
def test_without_the_package_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(UsageError, match=f"--{option} needs the package matplotlib") as caught:
        files_of(SimulationOptions().replaced(**{option: str(tmp_path / "a.svg")}))

    assert caught.value.hint == f"{sys.executable} -m pip install 'matplotlib>=3.9'"


def test_the_picture_is_where_it_was_asked_for(tmp_path: Path) -> None:
    path, report = tmp_path / "a.svg", tmp_path / "report"
    asked, findings = _both(NAMES)

    for file in files_of(SimulationOptions(picture=str(path), report=str(report))):
        file.write(asked, findings)

    assert path.read_bytes() == picture(asked, findings, "svg")
    assert report.read_bytes() == page(asked, findings).encode()
    assert sorted(tmp_path.iterdir()) == [path, report]
