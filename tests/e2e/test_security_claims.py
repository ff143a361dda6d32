"""What docs/explanation/security.md warns of, done: a daemon has no walls between those who build on it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildError, BuildRequest
from router.model.request import Secret
from tests.e2e.builder import Builder, write_tree
from tests.e2e.kubernetes import with_busybox
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd

MOMENT = 1_700_000_000


def of_that_time(folder: Path, content: str) -> BuildRequest:
    """Return a build of one file, whose size and time are always the same."""
    write_tree(folder, {"Dockerfile": "FROM scratch\nCOPY file /file\n", "file": content})
    os.utime(folder / "file", (MOMENT, MOMENT))
    return BuildRequest(context=str(folder), no_cache=True)


def test_a_file_of_the_same_size_and_time_is_not_taken_from_another_machine(
    builder: Builder, tmp_path: Path
) -> None:
    builder.files(of_that_time(tmp_path / "context", "theirs"))
    builder.environment["XDG_STATE_HOME"] = str(tmp_path / "other machine")

    ours = builder.files(of_that_time(tmp_path / "context", "ours ."))

    assert ours["file"] == b"ours ."


def test_everybody_reads_the_arguments_of_a_build_and_nobody_its_secrets(
    buildkitd: Buildkitd, builder: Builder, tmp_path: Path
) -> None:
    step = "RUN --mount=type=secret,id=token test -s /run/secrets/token; echo logged"
    context = with_busybox(tmp_path / "context", ("ARG WORD", step))
    secret = write_tree(tmp_path, {"token": "never-told"}) / "token"
    request = BuildRequest(
        context=str(context),
        build_args={"WORD": "spoken-value"},
        secrets=(Secret(id="token", path=str(secret)),),
        no_cache=True,
    )

    builder.build(request)

    seen = asked(buildkitd, "histories", "--format", "{{json .}}")
    newest = asked(
        buildkitd, "histories", "--format", "{{.Record.CreatedAt.AsTime.UnixNano}} {{.Record.Ref}}"
    )
    log = asked(buildkitd, "logs", max(newest.splitlines()).split()[1])
    assert "spoken-value" in seen
    assert "logged" in log
    assert "never-told" not in seen + log


def asked(daemon: Buildkitd, *words: str) -> str:
    """Return what `buildctl debug` says to anybody who reaches a daemon."""
    argv = [str(binaries.buildctl()), "--addr", daemon.address, "debug", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("right", ["security.insecure", "network.host"])
def test_a_daemon_grants_no_right_that_its_configuration_does_not(
    builder: Builder, tmp_path: Path, right: str
) -> None:
    request = replace(of_that_time(tmp_path / "context", "any"), allow=(right,))

    with pytest.raises(BuildError, match=f"granting entitlement {right} is not allowed"):
        builder.build(request)
