"""Build six small images twice on three daemons, and show where each build went.

Each image has a step that takes three seconds, as a compiler would: whoever has it in the cache skips it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from examples.demo.daemons import DemoError, three_daemons
from examples.demo.sleeper import sleepers
from router import (
    BuildRequest,
    BuildRouter,
    Event,
    RouterConfig,
    RouterError,
    SolveStatus,
    parse_addresses,
)

_IMAGES = ("api", "web", "worker", "billing", "search", "mailer")
_MEGABYTES = 32
_SECONDS = 3


@dataclass(kw_only=True)
class _Steps:
    """Counts a build's steps as its events tell them."""

    cached: set[str]
    all: set[str]

    def hear(self, event: Event) -> None:
        if not isinstance(event, SolveStatus):
            return
        for vertex in event.vertexes:
            if vertex.name.startswith("[internal]"):
                continue
            self.all.add(vertex.digest)
            if vertex.cached:
                self.cached.add(vertex.digest)


def main() -> int:
    """Run the demo; return the exit code."""
    console = Console()
    console.print(f"Six images, each with a step of {_SECONDS} s, built twice on three daemons:\n")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="warmroute-demo-") as directory,
            three_daemons(Path(directory)) as addresses,
        ):
            for name, address in addresses:
                console.print(f"  daemon [bold]{name}[/] at {address}")
            console.print()
            console.print(_build_all(Path(directory), addresses))
    except (DemoError, RouterError) as exc:
        print(f"ERROR: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print("\nNothing is left running. The same images on your own daemons:")
    console.print("  warmroute build --addr tcp://HOST-1:1234,tcp://HOST-2:1234 -t NAME .", markup=False)
    return 0


def _build_all(directory: Path, addresses: tuple[tuple[str, str], ...]) -> Table:
    router = BuildRouter(RouterConfig(addresses=parse_addresses(f"{name}={url}" for name, url in addresses)))
    table = Table("image", "key", "daemon", "first", "second", "cached steps", show_footer=True)
    contexts = {image: _context(directory / "images" / image, image) for image in _IMAGES}
    first: dict[str, tuple[str, float]] = {}
    second: dict[str, float] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for image in progress.track(_IMAGES, description="first builds"):
            daemon, _, seconds, _ = _build(router, image, contexts[image])
            first[image] = (daemon, seconds)
        for image in progress.track(_IMAGES, description="second builds"):
            daemon, key, seconds, steps = _build(router, image, contexts[image])
            where = daemon if daemon == first[image][0] else f"{first[image][0]}, then {daemon}"
            second[image] = seconds
            cached = f"{len(steps.cached)} of {len(steps.all)}"
            table.add_row(image, key, where, f"{first[image][1]:.2f} s", f"{seconds:.2f} s", cached)
    table.columns[0].footer = "all"
    table.columns[3].footer = f"{sum(seconds for _, seconds in first.values()):.1f} s"
    table.columns[4].footer = f"{sum(second.values()):.1f} s"
    return table


def _build(router: BuildRouter, image: str, context: Path) -> tuple[str, str, float, _Steps]:
    steps = _Steps(cached=set(), all=set())
    began = time.monotonic()
    result = router.build(
        BuildRequest(context=str(context), tags=(f"demo/{image}:latest",)), on_event=steps.hear
    )
    return result.daemon, result.key, time.monotonic() - began, steps


def _context(directory: Path, image: str) -> Path:
    """Write an image that needs no base image and no network: some data, and a step that takes its time."""
    directory.mkdir(parents=True)
    lines = ["FROM scratch AS data", "ARG TARGETARCH", "COPY --chmod=755 wait-$TARGETARCH /wait"]
    for part in range(3):
        (directory / f"part-{part}").write_bytes(
            f"{image} {part}\n".encode() * (_MEGABYTES * 1024 * 1024 // 3 // 16)
        )
        lines.append(f"COPY part-{part} /data/")
    for architecture, program in sleepers(_SECONDS).items():
        (directory / f"wait-{architecture}").write_bytes(program)
    lines += ['RUN ["/wait"]', "FROM scratch", "COPY --from=data /data /srv/"]
    (directory / "Dockerfile").write_text("\n".join(lines) + "\n")
    return directory


if __name__ == "__main__":
    sys.exit(main())
