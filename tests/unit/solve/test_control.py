"""The questions that listings ask of a daemon."""

from __future__ import annotations

from typing import cast

import pytest

from router._proto import control_pb2 as pb
from router.errors import RpcError
from router.rpc.channel import Channel
from router.solve.control import Control


class _Answers:
    """A channel on which the daemon answers every question with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def unary(self, _method: str, _request: bytes, *, timeout: float) -> bytes:
        assert timeout > 0
        return self._answer


def _control(answer: bytes) -> Control:
    return Control(cast("Channel", _Answers(answer)))


def test_the_version_is_read() -> None:
    answer = pb.InfoResponse()
    answer.buildkitVersion.version = "v0.32.1"

    assert _control(answer.SerializeToString()).info(timeout=1).buildkitVersion.version == "v0.32.1"


def test_an_answer_that_is_no_message_is_an_error_of_the_daemon() -> None:
    with pytest.raises(RpcError, match="not a ListWorkersResponse"):
        _control(b"\x0a\xff").list_workers(timeout=1)
