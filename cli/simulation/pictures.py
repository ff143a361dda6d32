"""The findings of a simulation as pictures, drawn by matplotlib, which is loaded for them alone.

A picture by itself is four panels on white. A page takes each panel as an SVG of its own, whose lines and
texts have the page's colours, in the dark as well.
"""

from __future__ import annotations

import io
import logging
import os.path
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cli.named import NamedTuple
from cli.render.foreign import printable
from cli.simulation.texts import events, subject
from router import Placement, UsageError, install_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from router import Findings, Move, Simulation

__all__ = ["INK", "LINE", "Panel", "check_picture", "panels", "picture", "require_matplotlib", "svg"]

INK, LINE = "#1b1f24", "#c9ced6"
"""The colours of texts and of thin lines; whoever takes an SVG into a page may put its own in their place."""

# Told apart by people who don't see red or green too, on white and on black.
_COLOURS: Mapping[Placement, str] = {"ring": "#3b82d8", "rendezvous": "#e69f00", "buildx": "#8b929c"}
_SHARES: Mapping[str, str] = {"keys": "#7a5cc7", "builds": "#b9a5ea"}
_FORMATS = ("svg", "png")
_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "text.parse_math": False,  # a daemon's name may have dollars
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "svg.fonttype": "none",
}
# More bars side by side can't be told apart, and more rows of losses are not read.
_MOST_DAEMONS, _MOST_LOSSES = 12, 8
_LONGEST_NAME, _LINE_OF_TICKS = 22, 56
# Points between a title and what is drawn, with the legend's line in it.
_ABOVE = 20


class Panel(NamedTuple):
    """One of the pictures: ``draw`` draws it, ``told`` says in words what is seen."""

    name: str
    title: str
    told: str
    draw: Callable[[Axes], None]


def require_matplotlib(option: str) -> None:
    """Raise ``UsageError`` where what the option needs is not installed."""
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())  # what it thinks of its files
    try:
        import matplotlib.figure  # noqa: F401 -- a part that is missing is as bad as the whole
    except ImportError as exc:
        raise UsageError(
            f"{option} needs the package matplotlib: {exc}", hint=install_line("matplotlib")
        ) from exc
    except (ValueError, OSError) as exc:
        raise UsageError(
            f"{option}: the package matplotlib can't read its configuration: {exc}",
            hint="it reads a matplotlibrc in the current directory first: run warmroute in another one",
        ) from exc


def check_picture(path: str) -> str:
    """Return the format that a picture's name asks for. Raises ``UsageError``."""
    suffix = os.path.splitext(path)[1].lower().removeprefix(".")
    if suffix not in _FORMATS:
        raise UsageError(
            f"--picture {path}: the name must end in .svg or .png", hint="for example: --picture fleet.svg"
        )
    return suffix


def panels(asked: Simulation, findings: Findings) -> tuple[Panel, ...]:
    """Return the pictures there are."""
    found = [
        Panel(
            "keys",
            "Keys by daemon",
            "How many keys each daemon is home to, by placement; the line is the mean.",
            lambda axes: _keys(axes, findings),
        ),
        Panel(
            "flight",
            "Builds in flight: busiest daemon over the mean",
            "By placement, without and with the bound of builds; 1 is even.",
            lambda axes: _flight(axes, asked, findings),
        ),
        Panel(
            "moves",
            f"Keys that get another home ({asked.placement})",
            "The share of keys that move, and of all builds that these have.",
            lambda axes: _moves(axes, findings),
        ),
        Panel(
            "cold",
            "Repeated builds that were cold",
            "Of the builds whose key was built before, the share that was cold, by what befell the fleet.",
            lambda axes: _cold(axes, findings),
        ),
    ]
    return tuple(panel for panel in found if panel.name != "moves" or findings.moves)


def picture(asked: Simulation, findings: Findings, form: str) -> bytes:
    """Draw all panels on white, as ``svg`` or ``png``."""
    with _drawing() as figure_class:
        figure: Figure = figure_class(figsize=(11, 8), layout="constrained", facecolor="white")
        figure.suptitle(f"warmroute simulate: {subject(asked)}", fontsize=11)
        drawn = panels(asked, findings)
        for panel, axes in zip(drawn, figure.subplots(2, 2).flat, strict=False):
            _draw(panel, axes)
        for axes in figure.axes[len(drawn) :]:
            axes.remove()
        return _saved(figure, form, dpi=150)


def svg(panel: Panel) -> str:
    """Draw one panel without a background, as the ``<svg>`` element alone, of any size.

    Its ids begin with the panel's name, so that several can stand on a page.
    """
    with _drawing({"font.size": 10}) as figure_class:  # a phone makes it smaller
        figure: Figure = figure_class(figsize=(4.2, 3.4), layout="constrained")
        _draw(panel, figure.subplots(), titled=False)
        text = _saved(figure, "svg", transparent=True).decode()
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text[text.index("<svg") :])
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{panel.name}-", text)


@contextmanager
def _drawing(own: Mapping[str, object] = MappingProxyType({})) -> Iterator[type[Figure]]:
    import matplotlib
    from matplotlib.figure import Figure

    # The same findings give the same bytes.
    settings: Any = {**_SETTINGS, "svg.hashsalt": "warmroute", **own}
    with matplotlib.rc_context(), warnings.catch_warnings():
        # matplotlib reads ./matplotlibrc, which a checkout may have: it could run latex by that.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        # A name in a script that the font lacks has boxes; that is no word for stderr.
        warnings.simplefilter("ignore", UserWarning)
        yield Figure


def _saved(figure: Figure, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    # Nothing of when and by what it was made, which would differ each time.
    silent = dict.fromkeys(("Creator", "Date", "Format", "Type")) if form == "svg" else {"Software": None}
    figure.savefig(out, format=form, metadata=silent, **options)
    return out.getvalue()


def _draw(panel: Panel, axes: Axes, *, titled: bool = True) -> None:
    if titled:
        axes.set_title(panel.title, pad=_ABOVE)
    axes.grid(visible=True, axis="y")
    axes.tick_params(length=0)
    panel.draw(axes)


def _keys(axes: Axes, findings: Findings) -> None:
    names = list(findings.balances[0].keys)
    prefix, ticks = _short(names)
    mean = sum(findings.balances[0].keys.values()) / len(names)
    if len(names) <= _MOST_DAEMONS:
        series: dict[Placement, Sequence[float]] = {
            balance.placement: list(balance.keys.values()) for balance in findings.balances
        }
        _bars(axes, ticks, series)
        axes.set_xlabel(f"daemon ({prefix}...)" if prefix else "daemon")
    else:
        for balance in findings.balances:
            ordered = sorted(balance.keys.values(), reverse=True)
            colour = _COLOURS[balance.placement]
            axes.plot(range(1, len(names) + 1), ordered, label=balance.placement, color=colour, linewidth=2)
        axes.set_xlabel(f"{len(names)} daemons, those with most keys first")
        axes.set_ylim(bottom=0)
    axes.axhline(mean, color=INK, linewidth=1, linestyle=":")
    axes.set_ylabel("keys")
    _legend(axes)


def _flight(axes: Axes, asked: Simulation, findings: Findings) -> None:
    quiet = [run for run in findings.runs if run.weather == "quiet"]
    own = any(daemon.max_builds for daemon in asked.daemons)
    bounds = [False, True] if asked.max_builds or own else [False]
    bound = f"at most {asked.max_builds} builds" if asked.max_builds else "each daemon's own bound"
    series = {
        placement: [
            run.outcome.in_flight for run in quiet if run.placement == placement and run.bounded in bounds
        ]
        for placement in _COLOURS
    }
    _bars(axes, ["no bound", bound][: len(bounds)], series, label="{:.2f}")
    axes.axhline(1, color=INK, linewidth=1, linestyle=":")
    axes.set_ylabel("over the mean")
    _legend(axes)


def _moves(axes: Axes, findings: Findings) -> None:
    losses = sorted((move for move in findings.moves if move.kind == "loss"), key=lambda move: -move.builds)
    left_out = set(map(id, losses[_MOST_LOSSES:]))
    rows = [(text, move) for text, move in events(findings) if id(move) not in left_out]
    names = [_row(text, move) for text, move in rows]
    series = {
        "keys": [100 * move.share for _, move in rows],
        "builds": [100 * move.builds for _, move in rows],
    }
    places = range(len(rows))
    for number, (name, values) in enumerate(series.items()):
        beside = [place + 0.38 * number for place in places]
        axes.barh(beside, values, 0.36, label=name, color=_SHARES[name])
    axes.set_yticks([place + 0.19 for place in places], names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    more = f" (of {len(losses)} losses, the {_MOST_LOSSES} with most builds)" if left_out else ""
    axes.set_xlabel(f"percent{more}")
    _legend(axes)


def _row(text: str, move: Move) -> str:
    return f"lose {_cut(move.event)}" if move.kind == "loss" else text.removesuffix(" daemons")


def _cold(axes: Axes, findings: Findings) -> None:
    runs = [run for run in findings.runs if run.bounded]
    weathers = list(dict.fromkeys(run.weather for run in runs))
    series = {
        placement: [100 * (1 - run.outcome.warm_repeats) for run in runs if run.placement == placement]
        for placement in _COLOURS
    }
    _bars(axes, [weather.replace(" and ", "\nand ") for weather in weathers], series, label="{:.1f}")
    axes.set_ylabel("percent")
    _legend(axes)


def _bars(
    axes: Axes, ticks: Sequence[str], series: Mapping[Placement, Sequence[float]], *, label: str = ""
) -> None:
    """Draw a group of bars for each tick, one of each series beside the other."""
    width = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        places = [place + (number - (len(series) - 1) / 2) * width for place in range(len(ticks))]
        drawn = axes.bar(places, values, width * 0.94, label=name, color=_COLOURS[name])
        if label:
            axes.bar_label(drawn, [label.format(value) for value in values], padding=1, fontsize=7)
    slanted: dict[str, Any] = {"rotation": 25, "ha": "right"} if sum(map(len, ticks)) > _LINE_OF_TICKS else {}
    axes.set_xticks(range(len(ticks)), ticks, **slanted)
    middle, half = (len(ticks) - 1) / 2, max(len(ticks), 2) / 2  # one group alone would fill the panel
    axes.set_xlim(middle - half, middle + half)


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, fontsize=8, borderpad=0)


def _short(names: Sequence[str]) -> tuple[str, list[str]]:
    """Return what all names begin with, up to a mark between words, and the rest of each."""
    common = os.path.commonprefix(list(names)) if len(names) > 1 else ""  # noqa: RUF071 -- they are no paths
    length = max((common.rfind(mark) + 1 for mark in "-./:"), default=0)
    return printable(common[:length]), [_cut(name[length:]) for name in names]


def _cut(name: str) -> str:
    """Shorten a name: no scheme of an address, and of what is still too long not the middle."""
    name = printable(name.rpartition("://")[2])
    if len(name) <= _LONGEST_NAME:
        return name
    kept = _LONGEST_NAME - 1
    return f"{name[: kept // 2]}…{name[-(kept - kept // 2) :]}"
