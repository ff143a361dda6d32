"""How what was kept is exported: in time, with a cause that can be acted on, and without a second try."""

from __future__ import annotations

import logging
import threading

import pytest

from router.telemetry.exporting import Export, flush

_LOGGER = logging.getLogger("opentelemetry.exporter.test")


class Failing:
    """An exporter that logs why it fails, and waits before it tries again."""

    def __init__(self, *said: str) -> None:
        self._said = said
        self._given_up = threading.Event()
        self.tries = 0

    def send(self) -> bool:
        for said in self._said:
            self.tries += 1
            _LOGGER.warning(said)
            if self._given_up.wait(30):
                break
        return False

    @property
    def export(self) -> Export:
        return Export(self.send, self._given_up.set)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Transient error Pool(Caused by E('x: [Errno 111] Connection refused')) encountered",
            "connection refused",
        ),
        (
            "Transient error Pool(resolve 'c' ([Errno -2] Name or service not known))",
            "name or service not known",
        ),
        (
            "Transient error SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)')",
            "wrong version number",
        ),
        (
            "Transient error UNAVAILABLE. Failed to connect to remote host: Connection refused",
            "connection refused",
        ),
        (
            "Transient error ('Connection aborted.', BadStatusLine('\\x00')) encountered",
            "the answer is not HTTP/1; for gRPC set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
        ("Transient error Service Unavailable encountered while exporting spans", "Service Unavailable"),
        ("Failed to export spans batch code: 401, reason: Unauthorized", "Unauthorized"),
        ("Failed to reach https://me:pass@c", "Failed to reach https://me:****@c"),
    ],
)
def test_a_fault_is_told_by_its_cause_and_not_tried_again(said: str, told: str) -> None:
    failing = Failing(said, "something else")

    assert flush({"trace": failing.export}, 30) == [f"the trace could not be exported: {told}"]
    assert failing.tries == 1


def test_each_signal_has_a_cause_of_its_own() -> None:
    exports = {
        "trace": Failing("reason: one").export,
        "metrics": Failing("reason: two").export,
        "more": Export(lambda: True, lambda: None),
    }

    assert flush(exports, 30) == [
        "the trace could not be exported: one",
        "the metrics could not be exported: two",
    ]


def test_what_takes_too_long_is_left_behind() -> None:
    forever = threading.Event()
    try:
        export = Export(forever.wait, lambda: None)
        assert flush({"trace": export}, 0.05) == ["the trace could not be exported within 0.05 s"]
    finally:
        forever.set()


def test_what_an_exporter_raises_is_no_error() -> None:
    def send() -> bool:
        raise KeyError("x")

    assert flush({"trace": Export(send, lambda: None)}, 30) == ["the trace could not be exported: KeyError"]


def test_an_export_that_was_taken_after_all_is_none_that_failed() -> None:
    def send() -> bool:
        _LOGGER.warning("reason: slow")
        return True

    assert flush({"trace": Export(send, lambda: None)}, 30) == []
