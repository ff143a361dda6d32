"""Interrupting a build: it ends here and on the daemon, and leaves nothing behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from router import BuildRequest, Cancellation, CancelledError, Event, Output
from tests.e2e.builder import Builder, active_builds, tar_files, wait_until_idle, write_tree
from tests.servers.buildkitd import Buildkitd


@pytest.fixture
def context(tmp_path: Path, busybox: str) -> Path:
    """A context whose build says its own name and then sleeps."""
    dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; sleep 100; echo never\n"
    return write_tree(tmp_path / "context", {"Dockerfile": dockerfile})


def sleeping(builder: Builder, context: Path) -> bool:
    """Return whether the step has begun to sleep."""
    return f"{context.parent.name}\n".encode() in builder.log


def test_cancelling_from_another_thread_ends_the_build_on_the_daemon(
    builder: Builder, buildkitd: Buildkitd, context: Path
) -> None:
    wait_until_idle(buildkitd.address, within=60.0)  # other tests build there too
    asleep = threading.Event()
    seen: list[int] = []
    builder.then = lambda _event: asleep.set() if sleeping(builder, context) else None

    with Cancellation() as cancellation:

        def cancel() -> None:
            assert asleep.wait(timeout=30)
            seen.append(active_builds(buildkitd.address))
            cancellation.cancel("enough")

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(CancelledError, match=r"build canceled \(enough\)") as caught:
            builder.build(BuildRequest(context=str(context)), cancellation=cancellation)
        thread.join()

    assert seen == [1]
    assert caught.value.exit_code == 130
    wait_until_idle(buildkitd.address, within=20.0)


def test_an_exception_of_the_listener_ends_the_build_and_its_session(
    builder: Builder, buildkitd: Buildkitd, context: Path
) -> None:
    threads, descriptors = threading.active_count(), open_descriptors()

    def interrupt(_event: Event) -> None:
        if sleeping(builder, context):
            raise KeyboardInterrupt

    builder.then = interrupt

    with pytest.raises(KeyboardInterrupt):
        builder.build(BuildRequest(context=str(context)))

    assert threading.active_count() == threads
    assert open_descriptors() == descriptors
    wait_until_idle(buildkitd.address, within=20.0)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_build_leaves_no_thread_and_no_descriptor(builder: Builder, tmp_path: Path) -> None:
    write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY . /\n"})
    request = BuildRequest(
        context=str(tmp_path / "context"), outputs=(Output(type="local", dest=str(tmp_path / "out")),)
    )
    builder.build(request)
    threads, descriptors = threading.active_count(), open_descriptors()

    builder.build(request)

    assert (threading.active_count(), open_descriptors()) == (threads, descriptors)


def test_what_was_cancelled_before_it_began_reaches_no_daemon(builder: Builder, context: Path) -> None:
    with Cancellation() as cancellation:
        cancellation.cancel()
        with pytest.raises(CancelledError):
            builder.build(BuildRequest(context=str(context)), cancellation=cancellation)

    assert builder.statuses == []


def test_cancelling_leaves_no_half_written_file(builder: Builder, context: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    write_tree(context, {"big": os.urandom(30_000_000), "Dockerfile": "FROM scratch\nCOPY big /\n"})

    with Cancellation() as cancellation:

        def cancel(_event: Event) -> None:
            if any(out.iterdir()):
                cancellation.cancel()

        builder.then = cancel
        with pytest.raises(CancelledError):
            builder.build(
                BuildRequest(
                    context=str(context), outputs=(Output(type="tar", dest=str(out / "files.tar")),)
                ),
                cancellation=cancellation,
            )

    # All of it may have arrived before the word to end did.
    whole = {"files.tar"} if (out / "files.tar").exists() else set()
    assert {path.name for path in out.iterdir()} == whole
    assert all(len(tar_files((out / name).read_bytes())["big"]) == 30_000_000 for name in whole)


def test_the_same_router_builds_on_after_a_cancelled_build(builder: Builder, context: Path) -> None:
    with Cancellation() as cancellation:
        builder.then = lambda _event: cancellation.cancel() if sleeping(builder, context) else None
        with pytest.raises(CancelledError):
            builder.build(BuildRequest(context=str(context)), cancellation=cancellation)
    write_tree(context, {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})

    assert set(builder.files(BuildRequest(context=str(context)))) == {"Dockerfile"}
