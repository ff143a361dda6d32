"""An endpoint in this process, and the clients of BuildKit's API as processes."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from router import BuildRequest, BuildRouter, Key, RouterConfig
from router.model.address import TcpAddress
from router.model.events import Event, Notice
from router.net.sockets import SocketStream
from router.serving.endpoint import Endpoint
from router.serving.fleet_endpoint import EndpointTerms, fleet_endpoint
from router.serving.watching.opening import open_status
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, finished_builds, write_tree
from tests.e2e.processes import Background, started
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.ports import free_port
from tests.wire.serving.peers import Talker


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A client that came in."""

    stream: SocketStream
    who: str
    description: str


class PlainListener:
    """A unix socket for everybody. ``who`` says who the next client is."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self.who: Callable[[], str] = lambda: "me"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(500)
        self._number = 0

    def accept(self) -> Accepted | None:
        try:
            connected, _ = self._socket.accept()
        except OSError:
            return None
        self._number += 1
        description = f"client {self._number}"
        return Accepted(stream=SocketStream(connected, description), who=self.who(), description=description)

    def stop(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


@dataclass(kw_only=True)
class Served:
    """An endpoint over daemons. ``status`` is the address of its page, ``events`` what it told."""

    address: str
    listener: PlainListener
    endpoint: Endpoint
    router: BuildRouter
    daemons: Mapping[str, Buildkitd]
    scratch: Path
    unreachable: Sequence[str] = ()
    status: str
    events: list[Event] = field(default_factory=list)

    @property
    def notices(self) -> list[str]:
        """What it said."""
        return [event.text for event in self.events if isinstance(event, Notice)]

    def home(self, *tags: str) -> str:
        """The name of the daemon where images of these names belong."""
        return self.home_of(self.router.key(BuildRequest(tags=tags)))

    def home_of(self, key: Key) -> str:
        """The name of the daemon where a key belongs."""
        home = self.router.route(key).home
        assert home is not None
        return home.name

    def tag_at(self, name: str) -> str:
        """An image's name that nobody has built, and that belongs to a daemon."""
        assert name in self.daemons or name in self.unreachable
        while True:
            tag = f"registry.test/{uuid.uuid4().hex}:dev"
            if self.home(tag) == name:
                return tag

    def built(self) -> dict[str, int]:
        """How many builds each daemon has had."""
        return {name: finished_builds(daemon.address) for name, daemon in self.daemons.items()}

    def buildctl(self, *args: str | Path, **more: str) -> Ran:
        """Run buildctl against it."""
        return run([binaries.buildctl(), "--addr", self.address, *args], self.environment(**more))

    @contextmanager
    def building(self, text: str, *args: str) -> Iterator[Background]:
        """Have buildctl build a Dockerfile in the background."""
        folder = write_tree(self.scratch / uuid.uuid4().hex, {"Dockerfile": text})
        argv = [str(binaries.buildctl()), "--addr", self.address, *build_of(folder), *args]
        with started(argv, self.environment(), None) as process:
            yield process

    @contextmanager
    def talking(self) -> Iterator[Talker]:
        """A client that says what the test wants."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.address.removeprefix("unix://"))
        with Talker(sock) as client:
            yield client

    def environment(self, **more: str) -> dict[str, str]:
        """What the clients see."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": SEARCH_PATH, "HOME": str(home), **more}


class Buildx:
    """buildx with one builder, the endpoint."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.environment = served.environment(
            BUILDX_CONFIG=str(served.scratch / "buildx"), BUILDX_BAKE_ENTITLEMENTS_FS="0"
        )
        self("create", "--name=endpoint", "--driver=remote", "--use", served.address)

    def run(self, *args: str | Path, cwd: Path | None = None) -> Ran:
        return run([binaries.buildx(), *args], self.environment, cwd=cwd)

    @contextmanager
    def started(self, *args: str | Path) -> Iterator[Background]:
        """Start it in the background, with plain progress."""
        argv = [str(binaries.buildx()), *map(str, args), "--progress=plain"]
        with started(argv, self.environment, None) as process:
            yield process

    def __call__(self, *args: str | Path, cwd: Path | None = None) -> Ran:
        return self.run(*args, cwd=cwd).ok()


@dataclass(kw_only=True)
class Ran:
    """A process that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    def ok(self) -> Ran:
        """Require that it succeeded."""
        assert self.code == 0, f"exit {self.code}\n{self.stderr}"
        return self


def run(
    argv: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    cwd: Path | None = None,
    within: float = 120.0,
) -> Ran:
    """Run a command to its end."""
    began = time.monotonic()
    done = subprocess.run(
        [*map(str, argv)],
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    return Ran(
        code=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
        seconds=time.monotonic() - began,
    )


def build_of(context: Path) -> list[str]:
    """buildctl's arguments for a build of a directory."""
    return [
        "build",
        "--progress=plain",
        "--frontend=dockerfile.v0",
        f"--local=context={context}",
        f"--local=dockerfile={context}",
    ]


@contextmanager
def serving(
    daemons: Sequence[Buildkitd] | Mapping[str, Buildkitd],
    scratch: Path,
    *,
    config: RouterConfig | None = None,
    unreachable: Sequence[str] = (),
) -> Iterator[Served]:
    """Serve daemons by their names, else called ``d0`` and so on, and others that can't be reached."""
    if not isinstance(daemons, Mapping):
        daemons = {f"d{number}": daemon for number, daemon in enumerate(daemons)}
    addresses = [(name, daemon.address) for name, daemon in daemons.items()]
    addresses += [(name, f"tcp://127.0.0.1:{free_port()}") for name in unreachable]
    config = replace(config or RouterConfig(), addresses=addressed(*addresses))
    router = BuildRouter(config, environment={})
    # A socket's path is at most 107 characters long.
    path = Path("/tmp") / f"serve-{os.getpid()}-{uuid.uuid4().hex[:8]}.sock"
    events: list[Event] = []
    listener = PlainListener(path)
    status = open_status(TcpAddress(host="127.0.0.1", port=0))
    port = status.getsockname()[1]
    try:
        with fleet_endpoint(
            [listener], router, EndpointTerms(status=status), on_event=events.append
        ) as endpoint:
            endpoint.start()
            yield Served(
                address=listener.address,
                listener=listener,
                endpoint=endpoint,
                router=router,
                daemons=daemons,
                scratch=scratch,
                unreachable=unreachable,
                status=f"http://127.0.0.1:{port}",
                events=events,
            )
    finally:
        path.unlink()
