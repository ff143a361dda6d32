"""How an error that ends the command is told: message and hint, and for a failed build what the step said."""

from __future__ import annotations

from cli.render.cells import settle_line
from cli.render.colors import paint
from cli.render.foreign import indented, lines_of, place, printable
from router import BuildError, RouterError

__all__ = ["render_error"]

_RULE = "-" * 6
_RED = {"error": "\x1b[31m"}


def render_error(error: RouterError, *, color: bool) -> str:
    """Write ``error`` for stderr, newline included.

    What came from the daemon is printed as text: it can't move the cursor, change colours or look like ours.
    """
    palette = _RED if color else {}
    lines = _build_block(error) if isinstance(error, BuildError) else []
    first, *others = lines_of(str(error))
    lines += [f"{paint('ERROR:', 'error', palette)} {first}", *others]
    if error.hint:
        lines += (f"hint: {printable(line)}" for line in error.hint.splitlines())
    return "".join(f"{line}\n" for line in lines)


def _build_block(error: BuildError) -> list[str]:
    lines: list[str] = []
    if error.step or error.log_tail:
        title = [f" > {printable(error.step)}:"] if error.step else []
        lines += [_RULE, *title, *(indented(settle_line(line)) for line in error.log_tail), _RULE]
    if error.excerpt:
        head, *source = error.excerpt.split("\n")
        lines += [place(head), *map(printable, source)]
    return lines
