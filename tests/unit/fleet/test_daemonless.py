"""Where a buildkitd of this machine's own keeps its cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.errors import UsageError
from router.fleet.daemonless import _cache_directory


@pytest.mark.parametrize(
    ("variables", "directory"),
    [
        ({"XDG_CACHE_HOME": "{there}/cache", "HOME": "{there}/home"}, "cache"),
        ({"XDG_CACHE_HOME": "cache", "HOME": "{there}/home"}, "home/.cache"),
        ({"XDG_CACHE_HOME": "", "HOME": ""}, "listed/.cache"),
        ({"HOME": "home"}, "listed/.cache"),
    ],
)
def test_the_cache_is_never_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], directory: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("router.config._listed_home", lambda: str(tmp_path / "listed"))

    given = {name: value.format(there=tmp_path) for name, value in variables.items()}

    assert _cache_directory(given) == str(tmp_path / directory / "warmroute" / "buildkitd")


def test_a_user_without_a_home_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="this user has no home") as caught:
        _cache_directory({})

    assert caught.value.hint == "set XDG_CACHE_HOME or HOME"
    assert list(tmp_path.iterdir()) == []
