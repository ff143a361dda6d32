"""What the session offers and the frontend is told, for each kind of context and Dockerfile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.errors import UsageError
from router.model.request import BuildRequest
from router.solve.inputs import Inputs, open_inputs
from router.solve.located import checked, locate

REMOTE = "https://example.test/context.tar"
GIT = "https://example.test/app.git#main:sub"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a context, and a Dockerfile beside it."""
    for name in (
        "app/Dockerfile",
        "app/other/My.Dockerfile",
        "lower/dockerfile",
        "beside/Outside",
        "empty/x",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def opened(request: BuildRequest) -> Inputs:
    with open_inputs(locate(request)) as inputs:
        return inputs


@pytest.mark.parametrize(
    ("context", "dockerfile", "directory", "name"),
    [
        ("app", None, "app", "Dockerfile"),
        ("app/", None, "app/", "Dockerfile"),
        ("lower", None, "lower", "dockerfile"),
        ("app", "app/other/My.Dockerfile", "app/other", "My.Dockerfile"),
        ("app", "beside/Outside", "beside", "Outside"),
    ],
)
def test_a_directory_is_offered_with_the_folder_of_its_dockerfile(
    context: str, dockerfile: str | None, directory: str, name: str
) -> None:
    inputs = opened(BuildRequest(context=context, dockerfile=dockerfile))

    assert inputs.directories["context"] == context
    assert os.path.normpath(inputs.directories["dockerfile"]) == os.path.normpath(directory)
    assert inputs.attrs == {"filename": name}
    assert inputs.dockerfile_name == name


def test_a_dockerfile_in_the_working_directory_has_it_as_its_folder(workplace: Path) -> None:
    (workplace / "Here").touch()

    assert opened(BuildRequest(context="app", dockerfile="Here")).directories["dockerfile"] == "."


@pytest.mark.parametrize(
    ("request_", "attrs"),
    [
        (BuildRequest(context=REMOTE), {"context": REMOTE}),
        (BuildRequest(context=GIT), {"context": GIT}),
        (BuildRequest(context=GIT, dockerfile="sub/Other"), {"context": GIT, "filename": "sub/Other"}),
    ],
)
def test_of_a_remote_context_nothing_is_offered(request_: BuildRequest, attrs: dict[str, str]) -> None:
    inputs = opened(request_)

    assert (inputs.directories, inputs.attrs) == ({}, attrs)


def test_a_remote_context_takes_a_dockerfile_by_its_absolute_path(workplace: Path) -> None:
    inputs = opened(BuildRequest(context=REMOTE, dockerfile=str(workplace / "beside/Outside")))

    assert inputs.directories == {"dockerfile": str(workplace / "beside")}
    assert inputs.attrs == {"context": REMOTE, "dockerfilekey": "dockerfile", "filename": "Outside"}


@pytest.mark.parametrize("context", ["app", REMOTE])
def test_a_dockerfile_behind_a_link_that_leads_out_is_copied(context: str, workplace: Path) -> None:
    link = workplace / "app/Linked"
    link.symlink_to(workplace / "beside/Outside")

    with open_inputs(locate(BuildRequest(context=context, dockerfile=str(link)))) as inputs:
        copy = Path(inputs.directories["dockerfile"], inputs.attrs["filename"])
        assert not copy.is_symlink()
        assert copy.read_text() == "FROM scratch\n"


@pytest.mark.parametrize("context", ["app", REMOTE])
def test_a_dockerfile_given_as_text_is_a_file_as_long_as_it_is_needed(context: str) -> None:
    with open_inputs(locate(BuildRequest(context=context, dockerfile_text=b"FROM scratch\n"))) as inputs:
        folder = Path(inputs.directories["dockerfile"])
        assert (folder / inputs.attrs["filename"]).read_bytes() == b"FROM scratch\n"
        assert os.listdir(folder) == ["Dockerfile"]

    assert not folder.exists()


def test_a_directory_wins_over_a_url_of_the_same_form(workplace: Path) -> None:
    (workplace / "github.com/org/app").mkdir(parents=True)
    (workplace / "github.com/org/app/Dockerfile").touch()

    assert opened(BuildRequest(context="github.com/org/app")).directories["context"] == "github.com/org/app"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (BuildRequest(context="missing"), "the build context missing does not exist"),
        (BuildRequest(context="app/Dockerfile"), "app/Dockerfile is not a directory"),
        (BuildRequest(context="empty"), "the Dockerfile empty/Dockerfile does not exist"),
        (BuildRequest(context="app", dockerfile="nothing"), "the Dockerfile nothing does not exist"),
        (BuildRequest(context="app", dockerfile="app/other"), "the Dockerfile app/other is not a file"),
        (BuildRequest(context="missing", dockerfile_text=b"FROM scratch\n"), "missing does not exist"),
    ],
)
def test_what_is_not_there_is_told_before_the_build(request_: BuildRequest, message: str) -> None:
    for look in (checked, opened):
        with pytest.raises(UsageError, match=message) as caught:
            look(request_)
        assert caught.value.hint
