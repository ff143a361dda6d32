"""What the frontend is told of contexts, and what it must be able to do for them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from router.errors import UsageError
from router.model.request import BuildRequest
from router.solve.inputs import Inputs, open_inputs
from router.solve.located import checked, locate

GIT = "https://example.test/app.git"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a context, another directory, and an OCI layout of one image."""
    for name in ("app/Dockerfile", "more/file"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("FROM scratch\n")
    digest = sha256(b"{}").hexdigest()
    (tmp_path / "layout/blobs/sha256").mkdir(parents=True)
    (tmp_path / "layout/blobs/sha256" / digest).write_text("{}")
    manifest = {"digest": f"sha256:{digest}", "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (tmp_path / "layout/index.json").write_text(json.dumps({"manifests": [manifest]}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def opened(context: str = "app", **contexts: str) -> Inputs:
    request = BuildRequest(context=context, build_contexts=contexts)
    checked(request)
    with open_inputs(locate(request)) as inputs:
        return inputs


def test_a_directory_is_offered_by_the_contexts_name() -> None:
    inputs = opened(base="more/")

    assert inputs.directories["base"] == "more/"
    assert inputs.attrs["context:base"] == "local:base"
    # The same on every machine, as all that the daemon keeps files by.
    assert inputs.attrs["sharedkey:localdir:base"] == "more"
    assert inputs.attrs["frontend.caps"] == "moby.buildkit.frontend.contexts+forward"


def test_a_name_that_is_taken_gets_another_one_in_the_session() -> None:
    inputs = opened(dockerfile="more")

    assert inputs.directories["_dockerfile"] == "more"


def test_an_image_in_a_layout_goes_by_a_name_that_says_nothing_and_its_digest() -> None:
    inputs = opened(base="oci-layout://layout:v1")

    (store, layout), *others = inputs.layouts.items()
    name = store.removeprefix("oci:")
    digest = sha256(b"{}").hexdigest()
    assert inputs.attrs["context:base"] == f"oci-layout://{name}:v1@sha256:{digest}"
    assert (layout.path, layout.writable, others) == ("layout", False, [])
    assert "layout" not in name


@pytest.mark.parametrize(
    "value", ["docker-image://alpine:3", f"{GIT}#main:dir", "https://example.test/a.tar"]
)
def test_what_the_daemon_fetches_is_handed_on(value: str) -> None:
    inputs = opened(base=value)

    assert inputs.attrs["context:base"] == value
    assert set(inputs.directories) == {"context", "dockerfile"}


@pytest.mark.parametrize(
    ("context", "contexts", "capabilities"),
    [
        (GIT, {}, ""),
        (f"{GIT}?branch=main", {}, "moby.buildkit.frontend.gitquerystring"),
        ("https://example.test/a.tar?sig=x", {}, ""),
        (
            "app",
            {"base": f"{GIT}?branch=main"},
            "moby.buildkit.frontend.contexts+forward,moby.buildkit.frontend.gitquerystring+forward",
        ),
    ],
)
def test_a_query_of_a_git_url_needs_a_frontend_that_reads_it(
    context: str, contexts: dict[str, str], capabilities: str
) -> None:
    assert opened(context, **contexts).attrs.get("frontend.caps", "") == capabilities


def test_an_archive_that_the_frontend_knows_is_pulled_by_its_address(tmp_path: Path) -> None:
    (tmp_path / "context.tgz").write_bytes(b"\x1f\x8b\x08")

    with open_inputs(
        locate(BuildRequest(context_archive="context.tgz", dockerfile="docker/Other"))
    ) as inputs:
        (upload_id, path), *_ = inputs.uploads.items()
        assert inputs.attrs == {"context": f"http://buildkit-session/{upload_id}", "filename": "docker/Other"}
        assert path == "context.tgz"
        assert not inputs.directories
        assert not inputs.definitions


def test_an_archive_that_it_would_not_know_is_unpacked_for_it(tmp_path: Path) -> None:
    (tmp_path / "context.zst").write_bytes(b"\x28\xb5\x2f\xfd\x00")

    with open_inputs(locate(BuildRequest(context_archive="context.zst", dockerfile="Other"))) as inputs:
        assert inputs.attrs == {"filename": "Other"}
        assert set(inputs.definitions) == {"context", "dockerfile"}
        assert next(iter(inputs.uploads)).encode() in inputs.definitions["context"]


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (BuildRequest(context="-"), "stdin, which has not been read"),
        (BuildRequest(context_archive="nowhere.tar"), r"can't read the context nowhere\.tar"),
        (
            BuildRequest(context_archive="/dev/zero"),
            "/dev/zero: it is not a regular file",
        ),
        (BuildRequest(build_contexts={"base": "nowhere"}, context="app"), "nowhere does not exist"),
        (BuildRequest(generic=True, oci_layouts={"a": "more"}), "more is not an OCI layout"),
    ],
)
def test_what_is_not_there_is_refused(request_: BuildRequest, why: str) -> None:
    with pytest.raises(UsageError, match=why), open_inputs(locate(request_)):
        pass


def test_the_url_of_a_dockerfile_is_not_looked_for_here() -> None:
    request = BuildRequest(context="app", dockerfile="https://example.test/Dockerfile")

    checked(request)
