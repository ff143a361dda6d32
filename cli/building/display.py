"""The display of a build, for what interrupts it."""

from __future__ import annotations

from cli.render import Renderer
from router import Notice

__all__ = ["Display"]


class Display:
    """Hears of an interruption, before there is progress to show as well."""

    def __init__(self) -> None:
        self._renderer: Renderer | None = None

    def show(self, renderer: Renderer) -> None:
        """Take the display of the build that begins."""
        self._renderer = renderer

    @property
    def heeds(self) -> bool:
        """Whether the build has begun; what comes before it only an exception ends."""
        return self._renderer is not None

    def hurry(self) -> None:
        """Wait no longer for who reads the progress."""
        if self._renderer is not None:
            self._renderer.hurry()

    def tell(self, text: str) -> None:
        """Say so among the progress."""
        if self._renderer is not None:
            self._renderer.event(Notice(level="info", text=text))

    def leave(self) -> None:
        """Leave a sane terminal."""
        if self._renderer is not None:
            self._renderer.close(KeyboardInterrupt())
