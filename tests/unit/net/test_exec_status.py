"""What an API server says about a command in a pod, told so that one can act on it."""

from __future__ import annotations

import json

import pytest

from router.errors import ConnectionLostError, DialError
from router.net.exec_status import POD_IMAGE, ExecEnd, command_failed, read_status


def status(**fields: object) -> bytes:
    """Return a Kubernetes Status as JSON."""
    return json.dumps({"kind": "Status", "apiVersion": "v1", **fields}).encode()


def test_a_success_is_an_exit_code_of_zero() -> None:
    assert read_status(status(status="Success")) == ExecEnd(succeeded=True, exit_code=0)


def test_an_exit_code_is_read_from_the_causes() -> None:
    details = {"causes": [{"reason": "ExitCode", "message": "3"}]}
    end = read_status(status(status="Failure", reason="NonZeroExitCode", details=details))
    assert end.exit_code == 3


@pytest.mark.parametrize("content", [b"something broke", b"[]", b'"text"'])
def test_what_is_no_status_is_told_as_it_stands(content: bytes) -> None:
    assert read_status(content).message == content.decode()


def test_a_missing_buildctl_is_told_with_the_image_that_has_it() -> None:
    said = 'OCI runtime exec failed: exec: "buildctl": executable file not found in $PATH'
    error = command_failed("pod b-0", ExecEnd(message=said), b"", answered=False, missing_hint=POD_IMAGE)
    assert isinstance(error, DialError)
    assert str(error) == "can't run buildctl in pod b-0: it is not in the container"
    assert "moby/buildkit" in (error.hint or "")


def test_a_command_that_never_answered_is_a_failed_dial_with_what_it_said() -> None:
    stderr = b"warning: x\nerror: dial unix /run/buildkit/buildkitd.sock: connect: no such file\n"
    error = command_failed("pod b-0", ExecEnd(exit_code=1), stderr, answered=False, missing_hint=POD_IMAGE)
    assert isinstance(error, DialError)
    assert str(error).endswith("failed: dial unix /run/buildkit/buildkitd.sock: connect: no such file")


def test_a_command_that_had_answered_is_a_lost_connection_with_exit_code_and_stderr() -> None:
    error = command_failed(
        "pod b-0", ExecEnd(exit_code=137), b"killed\n", answered=True, missing_hint=POD_IMAGE
    )
    assert isinstance(error, ConnectionLostError)
    assert str(error) == "buildctl dial-stdio in pod b-0 ended: exit code 137: killed"
    assert error.temporary
