"""The findings of a simulation as a page of HTML: by itself, with nothing to load from anywhere.

It reads in the dark and on a phone: pictures are SVG in the page's own colours, as wide as there is room.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from cli.render.foreign import printable
from cli.simulation.pictures import INK, LINE, Panel, panels, svg
from cli.simulation.texts import Section, percent, sections, subject

if TYPE_CHECKING:
    from router import Findings, Simulation

__all__ = ["page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --line: #d1d9e0; --ground: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --quiet: #9aa4af; --line: #3d444d; --ground: #0d1117; }
}
body { max-width: 70rem; margin: 0 auto; padding: 1rem; color: var(--ink); background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .5rem 0 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.quiet, figcaption { color: var(--quiet); }
.pictures { display: grid; gap: 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; }
figure h2 { margin-top: 0; }
figcaption { font-size: .875rem; }
svg { width: 100%; height: auto; color: var(--ink); }
svg text { font-family: system-ui, sans-serif !important; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); }
.facts td { white-space: normal; }
@media (max-width: 30rem) { table { font-size: .75rem; } th, td { padding-right: .5rem; } }
"""


def page(asked: Simulation, findings: Findings) -> str:
    """Return the page's text."""
    body = [
        "<h1>What would happen to the fleet</h1>",
        f'<p class="quiet">{_text(subject(asked))}, by warmroute simulate</p>',
        "<ul>",
        *(f"<li>{_text(line)}</li>" for line in _in_short(asked, findings)),
        "</ul>",
        '<div class="pictures">',
        *map(_figure, panels(asked, findings)),
        "</div>",
        *map(_table, (*sections(asked, findings), _given(asked))),
    ]
    return "\n".join([_HEAD, *body, "</body>", "</html>", ""])


# The policy holds the page to what it says of itself: a browser loads nothing.
_HEAD = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>warmroute simulate</title>
<style>{_STYLE}</style>
</head>
<body>"""


def _in_short(asked: Simulation, findings: Findings) -> Iterator[str]:
    placement = asked.placement
    evenness = {balance.placement: balance for balance in findings.balances}
    others = ", ".join(
        f"{name} {balance.most_builds:.2f}" for name, balance in evenness.items() if name != placement
    )
    yield (
        f"With {placement} the busiest daemon has {evenness[placement].most_builds:.2f} times the mean of the"
        f" builds ({others})."
    )
    for move in findings.moves:
        if move.kind != "loss":
            verb = "Scaling" if move.kind == "scale" else "Migrating"
            yield f"{verb} from {move.event} moves {percent(move.share)} of the keys; each is cold once."
    losses = [move for move in findings.moves if move.kind == "loss"]
    if losses:
        worst = max(losses, key=lambda move: move.builds)
        yield (
            f"Losing a daemon moves its own keys alone: at most {percent(worst.builds)} of the builds"
            f" ({worst.event})."
        )
    for run in findings.runs:
        if run.bounded and run.placement == placement:
            weather = "On a quiet fleet" if run.weather == "quiet" else f"With {run.weather}"
            yield f"{weather}, {percent(run.outcome.warm_repeats)} of the repeated builds are warm."


def _figure(panel: Panel) -> str:
    label = f'role="img" aria-label="{_text(panel.told)}"'
    drawn = svg(panel).replace("<svg ", f"<svg {label} ", 1)
    drawn = drawn.replace(INK, "currentColor").replace(LINE, "var(--line)")
    return (
        f"<figure>\n<h2>{_text(panel.title)}</h2>\n{drawn}"
        f"<figcaption>{_text(panel.told)}</figcaption>\n</figure>"
    )


def _given(asked: Simulation) -> Section:
    traffic, churn = asked.traffic, asked.churn
    names = [daemon.name for daemon in asked.daemons]
    timed = any(key.cold is not None or key.warm is not None for key in asked.keys)
    known = "what the daemons remember, else " if timed else ""
    kept = "kept" if churn.keeps_cache else "lost"
    restarts = (
        f"every {churn.every:g} s for {churn.takes:g} s, the cache is {kept}" if churn.every else "none"
    )
    rows = [
        ("daemons", names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)})"),
        ("keys", str(len(asked.keys))),
        ("builds", str(traffic.builds)),
        ("a build takes", f"{known}{traffic.cold:g} s cold, {traffic.warm:g} s warm"),
        ("most builds on a daemon", str(asked.max_builds or "no bound")),
        ("time in line", f"{asked.queue:g} s"),
        ("restarts", restarts),
        ("seed", str(asked.seed)),
    ]
    return Section(title="what was simulated", header=("", ""), rows=rows)


def _table(section: Section) -> str:
    head = "".join(f"<th>{_text(cell.lower())}</th>" for cell in section.header)
    rows = "\n".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in section.rows)
    titled = any(section.header)
    titles = f"<thead><tr>{head}</tr></thead>\n" if titled else ""
    kind = "" if titled else ' class="facts"'
    return (
        f"<h2>{_text(section.title.capitalize())}</h2>\n"
        f'<div class="table"><table{kind}>\n{titles}<tbody>\n{rows}\n</tbody></table></div>'
    )


def _text(text: str) -> str:
    return escape(printable(text))
