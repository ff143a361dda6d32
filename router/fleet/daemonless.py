"""A buildkitd of this machine's own, for one build: found on PATH, started, and stopped whatever happens.

Its cache directory stays between builds, and belongs to one of them at a time: whoever comes meanwhile waits.
Where this user is not root it runs in rootlesskit. ``BUILDKITD_FLAGS`` adds flags, as for BuildKit's own
script of that kind; buildkitd reads its usual config file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shlex
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from router.cancellation import Cancellation
from router.config import home_directory
from router.errors import ToolError, UsageError, os_reason
from router.files import make_private
from router.model.address import UnixAddress
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.process import Process, Stdio
from router.program import Command, find_program

__all__ = ["Surroundings", "daemonless"]

_HINT = "get it from https://github.com/moby/buildkit/releases, and put it on PATH with runc"
_ROOTLESS_HINT = (
    "without root it needs rootlesskit and newuidmap on PATH, and entries in /etc/subuid and /etc/subgid"
)
_CACHE_HINT = "set XDG_CACHE_HOME to move it"
# The longest path of a unix socket is 107 bytes.
_LONGEST_DIRECTORY = 80
_START = 30.0
_STOP, _FORCED_STOP = 3.0, 2.0
_LOCK_POLL = 0.2

# Ends the program that it is given when its own stdin ends: when we say so, and also when we are killed,
# because then nobody has the other end of that pipe any more. The directory that it takes as $0 goes with it.
_LIFELINE = """
exec 3<&0 </dev/null
"$@" 3<&- 2>&1 &
child=$!
( read -r _ <&3; kill -TERM "$child" ) >/dev/null 2>&1 &
reader=$!
exec 3<&-
wait "$child"
code=$?
kill "$reader" 2>/dev/null
wait
rm -rf "$0"
exit "$code"
"""


@frozen
class Surroundings:
    """What is needed of the build that wants a daemon; ``tell`` hears what is waited for."""

    environment: Mapping[str, str]
    cancellation: Cancellation
    tell: Callable[[str], None]


@contextmanager
def daemonless(surroundings: Surroundings) -> Iterator[Daemon]:
    """Yield a daemon that runs as long as the context.

    Raises ``ToolError`` where a program is missing or buildkitd doesn't start, ``UsageError`` where there is
    no place for its cache, ``CancelledError``.
    """
    argv = _program(surroundings.environment)
    cache = _cache_directory(surroundings.environment)
    with _locked_log(cache, surroundings) as log, _private_directory() as private:
        address = UnixAddress(path=f"{private}/buildkitd.sock")
        places = (f"--root={cache}/root", f"--addr={address}", f"--otel-socket-path={private}/otel.sock")
        argv = (*argv, *places, *_flags(surroundings.environment))
        with _ready_socket(private) as ready:
            environment = {
                **surroundings.environment,
                "NOTIFY_SOCKET": f"{private}/ready",
                "XDG_RUNTIME_DIR": private,  # what runc and buildkitd keep for a user who is not root
            }
            command = Command(argv=("sh", "-c", _LIFELINE, private, *argv), environment=environment)
            with Process(command, Stdio(stdout=log.fileno())) as process:
                try:
                    _wait_until_ready(process, ready, log, surroundings.cancellation)
                    yield Daemon(name="daemonless", address=address)
                finally:
                    _stop(process)


def _program(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return buildkitd by its path, behind rootlesskit where that is needed."""
    buildkitd = find_program("buildkitd", environment)
    if buildkitd is None:
        raise ToolError("--fallback daemonless needs buildkitd, which is not on PATH", hint=_HINT)
    if os.geteuid() == 0:
        return (buildkitd,)
    rootlesskit = find_program("rootlesskit", environment)
    if rootlesskit is None:
        raise ToolError(
            "--fallback daemonless needs rootlesskit for a user who is not root, and it is not on PATH",
            hint=_ROOTLESS_HINT,
        )
    # Only what is copied up can be written in the new namespace; the socket and the cache lie elsewhere.
    return (rootlesskit, "--net=host", "--copy-up=/etc", "--copy-up=/run", buildkitd)


def _flags(environment: Mapping[str, str]) -> tuple[str, ...]:
    return (
        "--oci-worker=true",
        "--containerd-worker=false",
        *shlex.split(environment.get("BUILDKITD_FLAGS", "")),
    )


def _cache_directory(environment: Mapping[str, str]) -> str:
    # A relative one is to be ignored, says the XDG base directory specification.
    base = environment.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = home_directory(environment)
        base = home and os.path.join(home, ".cache")
    if not base:
        raise UsageError(
            "there is no directory for the cache: this user has no home", hint="set XDG_CACHE_HOME or HOME"
        )
    directory = os.path.join(base, "warmroute", "buildkitd")
    try:
        make_private(directory)
    except OSError as exc:
        raise UsageError(
            f"can't make the cache directory {directory}: {os_reason(exc)}",
            hint=_CACHE_HINT,
        ) from exc
    return directory


@contextmanager
def _locked_log(cache: str, surroundings: Surroundings) -> Iterator[IO[bytes]]:
    """Yield the log file, empty, which nobody else has.

    The lock is of the open file, and buildkitd has it too: it is free when the last of us is gone, so that no
    second daemon starts in a directory that a dying one still uses.
    """
    path = os.path.join(cache, "buildkitd.log")
    try:
        log = open(path, "a+b")  # noqa: SIM115 - closed below
    except OSError as exc:
        raise UsageError(
            f"can't write {path}: {os_reason(exc)}", hint="set XDG_CACHE_HOME to move it"
        ) from exc
    with log:
        told = False
        while not _locked(log):
            if not told:
                told = True
                surroundings.tell(f"waiting for another build that uses the cache in {cache}")
            surroundings.cancellation.sleep(_LOCK_POLL)
        log.truncate(0)
        yield log


def _locked(log: IO[bytes]) -> bool:
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _private_directory() -> Iterator[str]:
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(
        prefix="warmroute-",
        dir=base if len(os.fsencode(base)) < _LONGEST_DIRECTORY else "/tmp",  # noqa: S108 - mode 0700
        ignore_cleanup_errors=True,
    ) as directory:
        yield directory


@contextmanager
def _ready_socket(directory: str) -> Iterator[socket.socket]:
    """Yield the socket on which buildkitd says, as to systemd, that it takes connections."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(os.path.join(directory, "ready"))
        ready.setblocking(False)
        yield ready


def _wait_until_ready(
    process: Process, ready: socket.socket, log: IO[bytes], cancellation: Cancellation
) -> None:
    assert process.stderr is not None  # its end is the process's
    poll = select.poll()
    for descriptor in (ready.fileno(), process.stderr.fileno(), cancellation.fileno()):
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + _START
    while (left := deadline - time.monotonic()) > 0:
        events = poll.poll(left * 1000)
        cancellation.check()
        found = {descriptor for descriptor, _ in events}
        if ready.fileno() in found and b"READY=1" in ready.recv(4096):
            return
        if process.stderr.fileno() in found and not os.read(process.stderr.fileno(), 4096):
            raise ToolError(f"buildkitd did not start: {_reason(log)}", hint=_start_hint(log))
    raise ToolError(f"buildkitd was not ready within {_START:g} s: {_reason(log)}", hint=_start_hint(log))


def _start_hint(log: IO[bytes]) -> str:
    where = f"its log is {os.fsdecode(log.name)}"
    return where if os.geteuid() == 0 else f"{where}; {_ROOTLESS_HINT}"


def _reason(log: IO[bytes]) -> str:
    """Return why it ended: its own last word, behind which there may be a stack, and rootlesskit's."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("buildkitd: ")]
    return (own or lines or ["it said nothing"])[-1].removeprefix("buildkitd: ")


def _stop(process: Process) -> None:
    """Let it end by itself, then press it; leaving the process's own context kills what is left."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.wait(_STOP) is None:
        process.signal(signal.SIGTERM)  # a second one makes buildkitd end with its builds
        process.wait(_FORCED_STOP)
