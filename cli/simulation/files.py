"""What a simulation leaves behind: checked before it begins, and there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.simulation.options import SimulationOptions
from router import FileSink, check_file

if TYPE_CHECKING:
    from router import Findings, Simulation

__all__ = ["FindingsFile", "files_of"]


class FindingsFile:
    """A file that an option names; ``content`` is what comes into it.

    Raises ``UsageError`` where it can't be written, or what draws it is not installed.
    """

    def __init__(self, option: str, path: str, content: Callable[[Simulation, Findings], bytes]) -> None:
        from cli.simulation.pictures import require_matplotlib

        check_file(path, option)
        require_matplotlib(option)
        self._path = path
        self._content = content

    def write(self, asked: Simulation, findings: Findings) -> None:
        """Write the findings. Raises ``OutputError``."""
        sink = FileSink(self._path)
        try:
            sink.write(memoryview(self._content(asked, findings)))
            sink.commit()
        finally:
            sink.abort()


def files_of(options: SimulationOptions) -> tuple[FindingsFile, ...]:
    """Return the files that are asked for. Raises ``UsageError``."""
    found: list[FindingsFile] = []
    if options.picture:
        from cli.simulation.pictures import check_picture, picture

        form = check_picture(options.picture)
        found.append(
            FindingsFile("--picture", options.picture, lambda asked, findings: picture(asked, findings, form))
        )
    if options.report:
        from cli.simulation.page import page

        found.append(
            FindingsFile("--report", options.report, lambda asked, findings: page(asked, findings).encode())
        )
    return tuple(found)
