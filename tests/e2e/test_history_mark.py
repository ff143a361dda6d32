"""What warmroute leaves on a build's record: anybody can read it there, and nothing else changes for it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from router import Attestation, BuildRequest, BuildResult, Output
from router.address import parse_address
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.mark import BuildMark
from router.model.record import BuildRecord
from router.operations.records import ask_records
from router.transport.options import DialOptions
from tests.e2e.builder import Builder, OciArchive, write_tree
from tests.servers.buildkitd import Buildkitd

MAX = (Attestation(type="provenance", attrs={"mode": "max"}),)


@pytest.fixture
def context(tmp_path: Path, busybox: str) -> Path:
    dockerfile = f"FROM {busybox}\nCOPY a.txt /\nRUN echo built > /b.txt\n"
    return write_tree(tmp_path / "context", {"Dockerfile": dockerfile, "a.txt": "a\n"})


def recorded(daemon: Buildkitd, result: BuildResult) -> BuildRecord:
    (answer,) = ask_records(
        [Daemon(name="one", address=parse_address(daemon.address))], DialOptions(timeout=10)
    )
    assert answer.value is not None, answer.error
    return next(record for record in answer.value if record.ref == result.ref)


def archived(builder: Builder, context: Path, key: str) -> tuple[BuildResult, OciArchive]:
    """Build under another key, into an archive with a provenance."""
    path = builder.scratch / f"{key}.oci"
    outputs = (Output(type="oci", dest=str(path)),)
    keyed = replace_key(builder, key)
    result = keyed.build(BuildRequest(context=str(context), outputs=outputs, attestations=MAX))
    return result, OciArchive(path.read_bytes())


def replace_key(builder: Builder, key: str) -> Builder:
    return Builder(
        config=replace(builder.config, key=key), scratch=builder.scratch, environment={"USER": "ann"}
    )


def provenance(archive: OciArchive) -> Mapping[str, Any]:
    top = archive.json(archive.index["manifests"][0]["digest"])
    attested = next(each for each in top["manifests"] if each["platform"]["os"] == "unknown")
    (layer,) = archive.json(attested["digest"])["layers"]
    return archive.json(layer["digest"])


@pytest.mark.parametrize("output", ["image", "local", "tar", "oci", "docker", None])
def test_the_record_has_the_key_and_the_place_whatever_the_output_is(
    builder: Builder, buildkitd: Buildkitd, context: Path, tmp_path: Path, output: Any
) -> None:
    written = output in {"local", "tar", "oci", "docker"}
    outputs = [Output(type=output, dest=str(tmp_path / "out") if written else None)] if output else []

    before = time.time_ns()
    result = replace_key(builder, "app").build(BuildRequest(context=str(context), outputs=tuple(outputs)))

    record = recorded(buildkitd, result)
    by = f"ann@{os.uname().nodename}"
    assert record.mark is not None
    assert record.created is not None
    assert before < record.mark.at < record.created  # one machine, one clock
    assert record.mark == BuildMark(
        key="app", rule="key", place=1, attempt=1, fleet=1, by=by, at=record.mark.at
    )


def test_a_build_of_another_key_is_cached_to_its_last_step_and_is_the_same_image(
    builder: Builder, context: Path
) -> None:
    _, first = archived(builder, context, "one-key")
    result, second = archived(builder, context, "another-key")

    assert (result.cached, result.steps) == (2, 2)
    assert second.manifests() == first.manifests()


def test_an_image_is_the_same_with_the_mark_and_without(
    builder: Builder, buildkitd: Buildkitd, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked, first = archived(builder, context, "some-key")
    monkeypatch.setattr("router.backends.solving.mark_attrs", lambda _mark: {})
    plain, second = archived(builder, context, "some-key")

    assert recorded(buildkitd, marked).mark is not None
    assert recorded(buildkitd, plain).mark is None
    assert second.manifests() == first.manifests()
    assert (plain.cached, plain.steps) == (2, 2)


def test_the_provenance_of_an_image_tells_nothing_of_it(builder: Builder, context: Path) -> None:
    _, archive = archived(builder, context, "private-key")

    statement = str(provenance(archive))

    assert "buildDefinition" in statement
    assert not [word for word in ("warmroute", "private-key", "ann@") if word in statement]
