"""Builds through proxies that fragment what passes and cut it at random: every result is its own tree.

Each build has a tree of its own, sends it through a proxy to one of the daemons, and gets it back as a local
output, in which every name and byte is compared with what was meant.
"""

from __future__ import annotations

import itertools
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.storm import Outcome, Report
from tests.e2e.builder import SEARCH_PATH

__all__ = ["CuttingProxy", "cutting_storm"]

_WARMROUTE = Path(sys.executable).with_name("warmroute")
_PIECES = (1, 7, 100, 5000, 1 << 16)
# Bytes that a connection lives for, both ways together, where it is cut. A build of ours has about 1 MB.
_EARLY = (0, 30, 2_000)
_LATE = (100_000, 400_000, 800_000, 1_200_000)
_FILES = 24
_WAVES = 5
_LARGEST = 150_000


class CuttingProxy:
    """Passes connections on to a port on loopback, in pieces of random sizes; a context manager.

    Of a hundred connections ``cuts`` are cut after a random number of bytes, hard or soft; ``early``: some of
    them before the daemon can have got the build.
    """

    def __init__(self, port: int, *, seed: int, cuts: int, early: bool) -> None:
        self.cut = 0
        self._upstream = port
        self._cuts = cuts
        self._lives = _EARLY + _LATE if early else _LATE
        self._seeds = itertools.count(seed * 1000)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, name="cutting proxy")

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(client, random.Random(next(self._seeds))))
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket, chance: random.Random) -> None:
        life = chance.choice(self._lives) if chance.randrange(100) < self._cuts else None
        with client, socket.create_connection(("127.0.0.1", self._upstream)) as daemon:
            self._open += (client, daemon)
            hard = chance.random() < 0.5
            ends = _Ends(client, daemon, life, hard=hard)
            back = threading.Thread(target=ends.pass_on, args=(daemon, client, chance.random()))
            back.start()
            ends.pass_on(client, daemon, chance.random())
            back.join()
            self.cut += ends.cut
            if ends.cut and hard:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class _Ends:
    """The two sockets of a connection; once so many bytes have passed, neither passes more.

    A ``hard`` cut leaves the end of the client's to a reset: what is under way is lost as well.
    """

    def __init__(self, client: socket.socket, daemon: socket.socket, life: int | None, *, hard: bool) -> None:
        self.cut = False
        self._client, self._daemon = client, daemon
        self._left = life
        self._hard = hard

    def pass_on(self, source: socket.socket, target: socket.socket, seed: float) -> None:
        """Pass all that comes from one to the other, in pieces."""
        chance = random.Random(seed)
        with suppress(OSError):
            while data := source.recv(chance.choice(_PIECES)):
                if self._left is not None:
                    data = data[: self._left]
                    self._left -= len(data)
                middle = chance.randrange(len(data) + 1)
                target.sendall(data[:middle])
                target.sendall(data[middle:])
                if self._left == 0:
                    self.cut = True
                    break
        with suppress(OSError):
            if not self.cut:
                target.shutdown(socket.SHUT_WR)
                return
            # Both ways at once, which also wakes who reads.
            self._client.shutdown(socket.SHUT_RD if self._hard else socket.SHUT_RDWR)
            self._daemon.shutdown(socket.SHUT_RDWR)


def cutting_storm(
    ports: Sequence[int], scratch: Path, *, builds: int, at_once: int, seed: int, cuts: int = 60
) -> Report:
    """Run so many builds on the daemons at these ports, each behind a proxy; ``inflicted`` has the cuts.

    The last daemon is always reached: a build that nobody can take isn't waited for, and rightly fails. What
    chance cuts depends on how fast the machine is: while no build has moved, or fewer connections were cut
    than a third of the builds, as many builds follow again, five times at most.
    """
    with ExitStack() as stack:
        proxies = [
            stack.enter_context(
                CuttingProxy(port, seed=seed + number, cuts=cuts, early=number < len(ports) - 1)
            )
            for number, port in enumerate(ports)
        ]
        addresses = [
            word for number, proxy in enumerate(proxies) for word in ("--addr", f"d{number}={proxy.address}")
        ]
        report = Report()
        with ThreadPoolExecutor(at_once, "build") as pool:
            for wave in range(_WAVES):
                running = [
                    pool.submit(_build, number, scratch, addresses, random.Random(seed * 1000 + number))
                    for number in range(wave * builds, (wave + 1) * builds)
                ]
                report.outcomes += (future.result() for future in running)
                if report.moved and sum(proxy.cut for proxy in proxies) * 3 >= builds:
                    break
    report.inflicted += ["connection cut"] * sum(proxy.cut for proxy in proxies)
    return report


def _build(number: int, scratch: Path, addresses: Sequence[str], chance: random.Random) -> Outcome:
    context, out = scratch / f"tree-{number}", scratch / f"out-{number}"
    meant = _tree(context, chance)
    argv = [
        *(str(_WARMROUTE), "build", "-v", *addresses, "--key", f"app-{number}", "--no-cache"),
        *("--wait", "60s", "--retries", "50", "--timeout", "120s", "--progress", "plain"),
        *("--output", f"type=local,dest={out}", str(context)),
    ]
    started = time.monotonic()
    done = subprocess.run(
        argv,
        env={"PATH": SEARCH_PATH, "HOME": "/nonexistent", "XDG_STATE_HOME": str(scratch / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Outcome(
        number=number,
        via="cutting proxy",
        code=done.returncode,
        right=_files(out) == meant,
        seconds=time.monotonic() - started,
        lines=[(started, line) for line in done.stderr.decode(errors="replace").splitlines()],
    )


def _tree(root: Path, chance: random.Random) -> dict[str, bytes]:
    """Write a tree that no other build has, and return its files."""
    root.mkdir()
    files = {"Dockerfile": b"FROM scratch\nCOPY . /\n"}
    for number in range(_FILES):
        folder = "/".join(f"d{chance.randrange(3)}" for _ in range(chance.randrange(4)))
        size = chance.choice((0, 1, 4096, chance.randrange(_LARGEST)))
        files[f"{folder}/f{number}".lstrip("/")] = chance.randbytes(size)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files


def _files(root: Path) -> dict[str, bytes]:
    """Return all files of an output by their paths, whatever they are called."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
