"""Daemons with something in their stores, and what buildctl and buildx say of one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router import BuildRequest, BuildRouter, RouterConfig
from router._proto import control_pb2
from router.address import parse_address
from router.model.daemon import Daemon
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.wire.serving.fleet_calls import CONTROL, alone

_LISTEN = CONTROL + "ListenBuildHistory"
_UPDATE = CONTROL + "UpdateBuildHistory"

DOCKERFILE = """\
FROM {base}
COPY Dockerfile /
RUN --mount=type=cache,id=go-build,target=/var/cache/go head -c {size} /dev/zero > /var/cache/go/{size}
RUN --mount=type=cache,target=/var/apt head -c 3000 /dev/zero > /var/apt/x
RUN head -c {size} /dev/zero > /made
"""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """A fleet by its daemons' names, and the base image of what is built there."""

    daemons: Mapping[str, Buildkitd]
    base: str
    folder: Path

    @property
    def options(self) -> list[str]:
        """The options that name the fleet."""
        return [f"--addr={name}={daemon.address}" for name, daemon in self.daemons.items()]

    def warmroute(self, *args: str | Path) -> Any:
        """Run the installed command on the fleet."""
        return Installed().run(*args, *self.options)

    def build(self, name: str, *, size: int, dockerfile: str = DOCKERFILE) -> None:
        """Build something on one daemon that leaves layers of this size, and two cache mounts."""
        text = dockerfile.format(base=self.base, size=size)
        context = write_tree(self.folder / f"{name}-{size}", {"Dockerfile": text})
        config = RouterConfig(addresses=addressed((name, self.daemons[name].address)), key="test")
        environment = {"PATH": SEARCH_PATH, "HOME": "/nonexistent"}
        BuildRouter(config, environment=environment).build(BuildRequest(context=str(context)))
        self._settle(name)

    def _settle(self, name: str) -> None:
        """Have the records of its builds finished: by itself it adds their traces three seconds later."""
        daemon = Daemon(name=name, address=parse_address(self.daemons[name].address))
        for message in alone(daemon, _LISTEN, control_pb2.BuildHistoryRequest(EarlyExit=True)):
            ref = control_pb2.BuildHistoryEvent.FromString(message).record.Ref
            alone(daemon, _UPDATE, control_pb2.UpdateBuildHistoryRequest(Ref=ref, Finalize=True))

    def buildctl(self, name: str, *args: str) -> str:
        """Run buildctl on one daemon, and return its stdout."""
        argv: list[str | Path] = [binaries.buildctl(), "--addr", self.daemons[name].address, *args]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout

    def records(self, name: str, *filters: str) -> list[Mapping[str, Any]]:
        """Return a daemon's records as buildctl lists them, in JSON."""
        words = [word for each in filters for word in ("--filter", each)]
        found: list[Mapping[str, Any]] | None = json.loads(
            self.buildctl(name, "du", *words, "--format", "{{json .}}")
        )
        return found or []

    def total(self, name: str) -> int:
        """Return the bytes of a daemon's records, as buildctl lists them."""
        return sum(record["size"] for record in self.records(name))

    def buildx(self, name: str, *args: str) -> str:
        """Run buildx with one daemon as its builder, and return its stdout."""
        state = self.folder / f"buildx-{name}"
        state.mkdir(exist_ok=True)
        environment = {"PATH": SEARCH_PATH, "HOME": str(state), "BUILDX_CONFIG": str(state)}

        def run(*words: str) -> str:
            argv: list[str | Path] = [binaries.buildx(), *words]
            return subprocess.run(
                argv, env=environment, capture_output=True, text=True, timeout=60, check=True
            ).stdout

        if not (state / "instances" / name).exists():
            run("create", "--name", name, "--driver", "remote", self.daemons[name].address)
        return run("--builder", name, *args)


@contextmanager
def started(folder: Path, names: Sequence[str], base: str) -> Iterator[Stores]:
    """Start daemons by these names, empty as yet."""
    with ExitStack() as stack:
        daemons = {name: stack.enter_context(start_buildkitd(folder / name)) for name in names}
        yield Stores(daemons=daemons, base=base, folder=folder)
