"""What goes into --metadata-file and --iidfile."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from cli.building.results import ResultFile, image_id, metadata
from router.address import parse_address
from router.errors import UsageError
from router.model.daemon import Place
from router.model.frozen import replace
from router.model.miss import Miss
from router.model.result import BuildResult


def _result(**values: str) -> BuildResult:
    return BuildResult(daemon="pod-1", address=parse_address("tcp://a:1"), ref="abc", metadata=values)


def test_json_in_base64_is_unpacked() -> None:
    packed = base64.b64encode(json.dumps({"size": 3}).encode()).decode()

    found = json.loads(metadata(_result(**{"containerimage.descriptor": packed})))

    assert found["containerimage.descriptor"] == {"size": 3}


_DEEP = base64.b64encode(b'{"a":' * 5000 + b"1" + b"}" * 5000).decode()
_LARGE_NUMBER = base64.b64encode(b'{"a": 1e999}').decode()


@pytest.mark.parametrize("value", ["sha256:00", "YWJj", "MTI=", "not base64!", "", _DEEP, _LARGE_NUMBER])
def test_all_else_stays_as_it_is(value: str) -> None:
    assert json.loads(metadata(_result(key=value)))["key"] == value


def test_a_list_of_objects_in_base64_is_unpacked_too() -> None:
    packed = base64.b64encode(b'[{"level": 1}]').decode()

    found = json.loads(metadata(_result(**{"buildx.build.warnings": packed, "empty": "W10="})))

    assert found["buildx.build.warnings"] == [{"level": 1}]
    assert found["empty"] == "W10="


def test_an_answer_of_the_frontend_is_json_already_and_no_build() -> None:
    found = json.loads(metadata(_result(**{"result.json": '{"targets": []}', "result.txt": "TARGET"})))

    assert found == {"result.json": {"targets": []}, "result.txt": "TARGET"}


def test_the_reference_names_the_daemon() -> None:
    assert json.loads(metadata(_result()))["buildx.build.ref"] == "warmroute/pod-1/abc"


@pytest.mark.parametrize(
    ("daemon", "node"),
    [
        ("unix:///run/buildkit/buildkitd.sock", "unix-run-buildkit-buildkitd.sock"),
        ("tcp://[::1]:1234", "tcp-1-1234"),
        ("docker-container://builder?context=a/b", "docker-container-builder-context-a-b"),
        ("//", "daemon"),
    ],
)
def test_the_reference_has_three_parts_whatever_the_daemon_is_called(daemon: str, node: str) -> None:
    result = replace(_result(), daemon=daemon)

    assert json.loads(metadata(result))["buildx.build.ref"].split("/") == ["warmroute", node, "abc"]


def test_the_metadata_say_where_the_build_was_and_how_warm_that_was() -> None:
    place = Place(number=2, home="pod-2", reason="cordoned (disk)")
    result = replace(_result(), place=place, key="a.test/b", rule="tag", steps=12, cached=9, seconds=4.12345)
    result = replace(result, miss=Miss(step="[2/3] RUN x", reason="pruned"), sent=1024, waited=0.25)

    assert json.loads(metadata(result))["warmroute.build"] == {
        "daemon": "pod-1",
        "place": 2,
        "home": "pod-2",
        "reason": "cordoned (disk)",
        "key": "a.test/b",
        "rule": "tag",
        "steps": 12,
        "cached": 9,
        "miss": {"step": "[2/3] RUN x", "reason": "pruned"},
        "sent": 1024,
        "seconds": 4.123,
        "waited": 0.25,
    }


def test_the_metadata_of_a_build_whose_home_moved_name_the_one_before() -> None:
    result = replace(
        _result(), miss=Miss(step="[2/3] RUN x", reason="first", moved_from="pod-0", fleet="grew")
    )

    left = json.loads(metadata(result))["warmroute.build"]["miss"]
    assert left == {"step": "[2/3] RUN x", "reason": "first", "movedFrom": "pod-0", "fleet": "grew"}


def test_a_key_is_written_without_its_password() -> None:
    result = replace(_result(), key="https://ann:pw@a.test/x")

    assert json.loads(metadata(result))["warmroute.build"]["key"] == "https://ann:****@a.test/x"


def test_the_image_id_is_the_configs_digest_else_the_manifests() -> None:
    both = _result(**{"containerimage.config.digest": "sha256:c", "containerimage.digest": "sha256:m"})

    assert image_id(both) == "sha256:c"
    assert image_id(_result(**{"containerimage.digest": "sha256:m"})) == "sha256:m"


def test_a_file_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "iid").write_text("an old one that is longer")
    file = ResultFile("--iidfile", str(tmp_path / "iid"), image_id)

    file.write(_result(**{"containerimage.digest": "sha256:m"}))

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"iid": "sha256:m"}


def test_a_file_that_cannot_be_is_refused_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--iidfile"):
        ResultFile("--iidfile", str(tmp_path), image_id)
