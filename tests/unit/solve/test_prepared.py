"""A build before it is begun: what is looked up, and what is found wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.errors import DialError, RouterError, UsageError
from router.model.request import BuildRequest, Output, Secret
from router.once import OneTimeFiles
from router.solve.located import Folder, LocalDockerfile
from router.solve.prepared import check_build, prepare_build


def local(dest: str, **attrs: str) -> Output:
    return Output(type="local", attrs=attrs, dest=dest)


@pytest.fixture(autouse=True)
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_was_checked_is_what_is_used(context: Path) -> None:
    (context / "token").write_text("t")
    request = BuildRequest(
        context="app", push=True, tags=("a.test/app", "a.test/app"), secrets=(Secret(id="a", path="token"),)
    )

    build = check_build(request, {}, OneTimeFiles())

    assert build.request.tags == ("a.test/app",)
    (output,) = build.outputs
    assert (output.type, output.attrs["push"], output.attrs["name"]) == ("image", "true", "a.test/app")
    assert build.located.context == Folder(path="app")
    assert build.located.dockerfile == LocalDockerfile(directory="app", name="Dockerfile")
    assert build.secrets.get("a") == b"t"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (BuildRequest(context="app", secrets=(Secret(id="a", env="NONE"),)), "variable NONE is not set"),
        (BuildRequest(context="app", secrets=(Secret(id="a", path="none"),)), "can't read none"),
        (
            BuildRequest(context="app", outputs=(local("app/Dockerfile"),)),
            "is not a directory",
        ),
        (BuildRequest(context="app", outputs=(Output(type="tar", dest="app"),)), "names a directory"),
        (
            BuildRequest(context="app", outputs=(local("/tmp", mode="delete"),)),
            "removes everything else there",
        ),
        (
            BuildRequest(
                context="app", outputs=(Output(type="tar", dest="a"), Output(type="oci", dest="./a"))
            ),
            "two outputs would be written",
        ),
    ],
)
def test_what_will_be_missing_is_told_before_a_daemon_is_looked_for(
    request_: BuildRequest, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check_build(request_, {}, OneTimeFiles())


@pytest.mark.parametrize(
    ("environment", "error", "message"),
    [
        ({"DOCKER_CONTEXT": "missing"}, UsageError, '"missing"'),
        ({"DOCKER_HOST": "unix:///nonexistent/docker.sock"}, DialError, "--load"),
    ],
)
def test_the_engine_for_load_is_looked_for_by_a_build_and_not_to_show_what_it_would_do(
    environment: dict[str, str], error: type[RouterError], message: str
) -> None:
    request = BuildRequest(context="app", load=True)

    assert prepare_build(request, environment, OneTimeFiles()).engine is None
    with pytest.raises(error, match=message):
        check_build(request, environment, OneTimeFiles())
