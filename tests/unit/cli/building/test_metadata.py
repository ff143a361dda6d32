"""What the metadata file holds beside the exporter's answer."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from cli.building.metadata import MetadataDetails
from router.address import parse_address
from router.model.events import Event, Notice, SolveStatus, VertexWarning
from router.model.result import BuildResult
from router.transport.options import DialOptions

RESULT = BuildResult(
    daemon="one", address=parse_address("unix:///nonexistent/socket"), ref="abc", metadata={"image.name": "a"}
)
WARNED = SolveStatus(warnings=(VertexWarning(vertex="a", short=b"careful"),))


def completed(environment: dict[str, str], result: BuildResult = RESULT) -> tuple[BuildResult, list[Event]]:
    heard: list[Event] = []
    details = MetadataDetails(environment)
    details.hearing(heard.append)(WARNED)
    return details.complete(result, DialOptions(timeout=1), heard.append), heard


def test_provenance_that_cannot_be_had_is_told_and_no_failure() -> None:
    result, heard = completed({})

    assert result.metadata == {"image.name": "a"}
    notice = heard[-1]
    assert isinstance(notice, Notice)
    assert notice.level == "warning"
    assert notice.text.startswith("the metadata file is without provenance: ")


@pytest.mark.parametrize("text", ["disabled", "false", "0"])
def test_provenance_can_be_left_out(text: str) -> None:
    assert completed({"BUILDX_METADATA_PROVENANCE": text}) == (RESULT, [WARNED])


def test_provenance_that_is_there_is_not_asked_for_again() -> None:
    metadata = {"buildx.build.provenance/linux/amd64": "e30="}
    result = BuildResult(
        daemon="one", address=parse_address("unix:///nonexistent/socket"), ref="abc", metadata=metadata
    )

    assert completed({}, result)[0] == result


def test_of_warnings_without_end_little_is_kept() -> None:
    details = MetadataDetails({"BUILDX_METADATA_WARNINGS": "1", "BUILDX_METADATA_PROVENANCE": "false"})
    heard = details.hearing(lambda _event: None)
    for number in range(100):
        data = b"%d" % number + b"w" * 1_000_000
        heard(SolveStatus(warnings=(VertexWarning(vertex="a", short=data, source_data=data),)))

    metadata = details.complete(RESULT, DialOptions(timeout=1), lambda _event: None).metadata

    assert len(json.loads(b64decode(metadata["buildx.build.warnings"]))) == 100
    assert len(metadata["buildx.build.warnings"]) < 50_000_000


def test_warnings_are_kept_where_a_variable_says_so() -> None:
    result, _ = completed({"BUILDX_METADATA_WARNINGS": "1", "BUILDX_METADATA_PROVENANCE": "false"})

    (warning,) = json.loads(b64decode(result.metadata["buildx.build.warnings"]))
    assert warning == {"vertex": "a", "level": 1, "short": "Y2FyZWZ1bA=="}
