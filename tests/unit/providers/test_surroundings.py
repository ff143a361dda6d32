"""What a request takes from its surroundings."""

from __future__ import annotations

import pytest

from router import BuildRequest
from router.model.build_options import SSHAgent
from router.providers.surroundings import with_agent
from router.solve.located import locate

AGENT = {"SSH_AUTH_SOCK": "/run/agent"}


@pytest.mark.parametrize(
    "context", ["git@github.com:org/app.git", "ssh://git@host:2222/app.git#main", "ssh://host/app?ref=main"]
)
def test_a_context_that_is_cloned_by_ssh_has_the_users_agent(context: str) -> None:
    request = BuildRequest(context=context)

    git = locate(request).git

    assert with_agent(request, git, AGENT).ssh == (SSHAgent(id="default"),)
    assert with_agent(request, git, {}).ssh == ()


@pytest.mark.parametrize(
    "request_",
    [
        BuildRequest(context="."),
        BuildRequest(context="git@here:app"),
        BuildRequest(context="https://git@github.com/org/app.git"),
        BuildRequest(context="git://host/app.git"),
        BuildRequest(context="github.com/org/app"),
        BuildRequest(context="git@github.com:org/app.git", generic=True),
        BuildRequest(context="git@github.com:org/app.git", ssh=(SSHAgent(id="other"),)),
    ],
)
def test_nothing_else_has_it_without_being_told(
    request_: BuildRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("here")
    (folder / "git@here:app").mkdir()
    for directory in (folder, folder / "git@here:app"):
        (directory / "Dockerfile").touch()
    monkeypatch.chdir(folder)

    assert with_agent(request_, locate(request_).git, AGENT) == request_
