"""Which display is chosen."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from cli.render import ProgressMode, open_renderer
from cli.render.plain import PlainRenderer
from cli.render.quiet import QuietRenderer
from cli.render.rawjson import RawJsonRenderer
from cli.render.tty import TtyRenderer
from router.errors import UsageError
from router.model.events import Notice, SolveStatus


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("mode", "terminal", "environment", "kind"),
    [
        ("auto", True, {"TERM": "xterm"}, TtyRenderer),
        ("auto", True, {}, TtyRenderer),
        ("auto", True, {"TERM": "dumb"}, PlainRenderer),
        ("auto", False, {"TERM": "xterm"}, PlainRenderer),
        ("auto", True, {"BUILDKIT_PROGRESS": "plain"}, PlainRenderer),
        ("auto", False, {"BUILDKIT_PROGRESS": "rawjson"}, RawJsonRenderer),
        ("plain", True, {"BUILDKIT_PROGRESS": "quiet"}, PlainRenderer),
        ("tty", True, {"TERM": "dumb"}, TtyRenderer),
        ("rawjson", True, {}, RawJsonRenderer),
        ("quiet", True, {}, QuietRenderer),
        ("none", True, {}, QuietRenderer),
    ],
)
def test_the_mode_chooses_the_display(
    mode: ProgressMode, terminal: bool, environment: Mapping[str, str], kind: type
) -> None:
    renderer = open_renderer(mode, stream=Stream(terminal=terminal), environment=environment, verbosity=0)
    renderer.close(None)

    assert type(renderer) is kind


def test_tty_without_a_terminal_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a terminal"):
        open_renderer("tty", stream=Stream(terminal=False), environment={}, verbosity=0)


def test_an_unknown_mode_in_the_environment_is_refused() -> None:
    with pytest.raises(UsageError, match='"fancy" is not a progress mode') as caught:
        open_renderer(
            "auto",
            stream=Stream(terminal=True),
            environment={"BUILDKIT_PROGRESS": "fancy"},
            verbosity=0,
        )

    assert caught.value.hint == "choose one of auto, tty, plain, rawjson, quiet, none"


def test_quiet_says_nothing() -> None:
    stream = Stream(terminal=True)
    renderer = open_renderer("quiet", stream=stream, environment={}, verbosity=2)
    renderer.event(Notice(level="warning", text="trying the next"))
    renderer.event(SolveStatus())
    renderer.close(RuntimeError())

    assert stream.getvalue() == ""
