"""What people call a build of the history."""

from __future__ import annotations

import pytest

from router.model.mark import BuildMark
from router.model.record import BuildRecord, RecordedExporter
from router.solve.record_name import build_name

SOURCE = "https://example.com/org/app.git"


@pytest.mark.parametrize(
    ("attrs", "name"),
    [
        ({}, ""),
        ({"build-arg:BUILDKIT_BUILD_NAME": "nightly", "target": "a"}, "nightly"),
        ({"context": SOURCE, "target": "release"}, f"{SOURCE} (release)"),
        ({"vcs:localdir:context": "subdir", "vcs:source": SOURCE}, "subdir"),
        ({"vcs:localdir:context": ".", "vcs:source": SOURCE}, SOURCE),
        (
            {"filename": "Dockerfile.release", "vcs:localdir:dockerfile": "deploy"},
            "deploy/Dockerfile.release",
        ),
        ({"filename": "Dockerfile", "vcs:localdir:dockerfile": "a/deploy"}, "deploy"),
        ({"filename": "Dockerfile", "vcs:localdir:dockerfile": ".", "vcs:source": SOURCE}, SOURCE),
        ({"filename": "docker/prod/Dockerfile"}, "docker/prod"),
        ({"target": "release"}, "release"),
        ({"input:context": SOURCE}, SOURCE),
        ({"context": "https://ann:pw@a.test/x.git"}, "https://ann:****@a.test/x.git"),
        ({"vcs:source": "https://token@a.test/x.git"}, "https://****@a.test/x.git"),
    ],
)
def test_a_build_is_called_as_buildx_calls_it(attrs: dict[str, str], name: str) -> None:
    assert build_name(BuildRecord(ref="r", attrs=attrs)) == name


def test_a_build_of_nothing_with_a_name_is_called_after_its_image_or_its_key() -> None:
    image = RecordedExporter(type="image", attrs={"name": "example.com/app:1,app:2"})
    mark = BuildMark(key="/home/ann/app", rule="path")

    assert build_name(BuildRecord(ref="r", exporters=(image,), mark=mark)) == "example.com/app:1"
    assert build_name(BuildRecord(ref="r", mark=mark)) == "/home/ann/app"
