"""A build that fails by its own fault: which step, its last output, where in the Dockerfile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, RpcError, Secret, UsageError
from tests.e2e.builder import Builder, write_tree


def fail(builder: Builder, folder: Path, dockerfile: str, **options: str) -> BuildError:
    """Build what can't be built, and return the error."""
    write_tree(folder / "context", {"Dockerfile": dockerfile})
    with pytest.raises(BuildError) as caught:
        builder.build(BuildRequest(context=str(folder / "context"), build_args=options))
    return caught.value


def test_a_failing_step_is_told_with_its_place_and_its_last_output(
    builder: Builder, busybox: str, tmp_path: Path
) -> None:
    # On one stream: of two each comes when it likes.
    step = "RUN seq 1 30 >&2 && \\\n    echo 'the end' >&2; exit 7\n"
    error = fail(builder, tmp_path, f"FROM {busybox}\n{step}")

    assert "exit code: 7" in str(error)
    assert error.step.startswith("[2/2] RUN seq 1 30")
    assert {"30", "the end"} <= set(error.log_tail)
    assert len(error.log_tail) == 20
    assert error.excerpt.splitlines()[0] == "Dockerfile:2"
    assert "2 | >>> RUN seq 1 30 >&2" in error.excerpt
    assert "3 | >>>     echo 'the end'" in error.excerpt
    assert error.exit_code == 1


def test_the_daemons_typed_errors_stay_in_the_chain(builder: Builder, busybox: str, tmp_path: Path) -> None:
    error = fail(builder, tmp_path, f"FROM {busybox}\nRUN exit 7\n")

    assert error.step_exit_code == 7
    assert isinstance(error.__cause__, RpcError)
    typed = dict(error.__cause__.typed)
    assert typed["errdefs.Vertex"] == {"digest": error.vertex}
    assert typed["errdefs.Source"]["info"]["filename"] == "Dockerfile"


def test_a_mistake_in_the_dockerfile_is_shown_with_its_place(builder: Builder, tmp_path: Path) -> None:
    error = fail(builder, tmp_path, "FROM scratch\n\nNONSENSE\n")

    assert "unknown instruction: NONSENSE" in str(error)
    assert "3 | >>> NONSENSE" in error.excerpt
    assert error.step == ""


def test_a_file_that_is_not_in_the_context_is_named(builder: Builder, tmp_path: Path) -> None:
    error = fail(builder, tmp_path, "FROM scratch\nCOPY missing /\n")

    assert "missing" in str(error)
    assert ">>> COPY missing /" in error.excerpt


def test_an_unknown_target_is_named(builder: Builder, tmp_path: Path) -> None:
    write_tree(tmp_path, {"Dockerfile": "FROM scratch AS one\n"})

    with pytest.raises(BuildError, match="two"):
        builder.build(BuildRequest(context=str(tmp_path), target="two"))


def test_of_two_steps_the_one_that_failed_is_told_not_the_one_that_was_cancelled(
    builder: Builder, busybox: str, tmp_path: Path
) -> None:
    dockerfile = f"""\
FROM {busybox} AS slow
RUN echo {tmp_path.name}; sleep 60
FROM {busybox} AS broken
RUN echo before {tmp_path.name}; sleep 1; exit 4
FROM scratch
COPY --from=slow /etc /slow
COPY --from=broken /etc /broken
"""
    error = fail(builder, tmp_path, dockerfile)

    assert "exit code: 4" in str(error)
    assert error.step.startswith("[broken 2/2] RUN")
    assert error.log_tail == (f"before {tmp_path.name}",)


def test_a_step_that_fails_while_the_context_is_under_way_is_the_reason(
    builder: Builder, busybox: str, tmp_path: Path
) -> None:
    context = write_tree(
        tmp_path / "context",
        {
            "Dockerfile": f"""\
FROM {busybox} AS broken
RUN echo {tmp_path.name}; exit 4
FROM scratch
COPY big /big
COPY --from=broken /etc /broken
"""
        },
    )
    block = os.urandom(1 << 20)
    for number in range(100):
        write_tree(context / "big", {str(number): block})

    with pytest.raises(BuildError, match="exit code: 4") as caught:
        builder.build(BuildRequest(context=str(context)))

    assert "RUN echo" in caught.value.step


def test_a_required_secret_that_was_not_given_fails_the_step(
    builder: Builder, busybox: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {busybox}\nRUN --mount=type=secret,id=token,required=true cat /run/secrets/token\n"

    error = fail(builder, tmp_path, dockerfile)

    assert "secret token: not found" in str(error)
    assert ">>> RUN --mount" in error.excerpt


def test_a_secret_that_is_not_there_is_found_before_the_build(builder: Builder, tmp_path: Path) -> None:
    write_tree(tmp_path, {"Dockerfile": "FROM scratch\n"})
    request = BuildRequest(context=str(tmp_path), secrets=(Secret(id="token", path="/nonexistent/token"),))

    with pytest.raises(UsageError, match="/nonexistent/token"):
        builder.build(request)

    assert builder.events == []
