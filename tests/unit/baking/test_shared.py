"""The directories that several targets read in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.backends.sharing import Share
from router.baking.keys import BakeKeys
from router.baking.requests import BakePlace, bake_builds
from router.baking.shared import shared_directories
from tests.e2e.builder import write_tree
from tests.unit.bake.definitions import planned


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with contexts."""
    monkeypatch.chdir(tmp_path)
    write_tree(
        tmp_path,
        {
            "app/Dockerfile": "FROM scratch\nARG N\nLABEL n=$N\nCOPY . /\n",
            "other/Dockerfile": "FROM scratch\nCOPY . /\n",
            "by-name/Dockerfile": "FROM scratch\nARG N\nCOPY a \\\n  $N /\n",
            "mounted/Dockerfile": "FROM a\nRUN --mount=source=$N,target=/x true\n",
        },
    )
    (tmp_path / "link").symlink_to("app")
    return tmp_path


def _shares(text: str) -> dict[str, set[tuple[str, str]]]:
    """Return what each target shares: names, and paths from the working directory."""
    builds = bake_builds(planned(text, "*"), BakeKeys("."), BakePlace(environment={}, local="linux/amd64"))
    here = Path.cwd()
    return {
        name: {(each.name, str(Path(each.path).relative_to(here))) for each in shares}
        for name, shares in shared_directories(builds).items()
    }


def _two(fields: str, other: str) -> bool:
    """Say whether two targets share their context."""
    found = _shares(f'target "a" {{\n{fields}\n}}\ntarget "b" {{\n{other}\n}}\n')
    return {name for name, _ in found["a"]} >= {"context"}


def test_what_several_read_in_the_same_way_is_shared() -> None:
    found = _shares(
        """
        target "a" {
          context = "app"
          contexts = { lib = "other", x = "docker-image://alpine" }
          args = { N = 1 }
        }
        target "b" {
          context = "link"
          contexts = { lib = "other", x = "docker-image://alpine" }
          args = { N = 2 }
        }
        target "c" { context = "other" }
        """
    )

    both = {("context", "app"), ("dockerfile", "app"), ("lib", "other")}
    assert found == {"a": both, "b": both, "c": set()}


@pytest.mark.parametrize(
    ("fields", "other", "shared"),
    [
        ('context = "app"', 'context = "app"', True),
        ('context = "app"\nargs = { N = 1 }', 'context = "app"\nargs = { N = 2 }', True),
        ('context = "app"\ntarget = "x"', 'context = "app"\ntarget = "y"', False),
        ('context = "app"', 'context = "app"\ndockerfile = "../other/Dockerfile"', False),
        ('context = "app"', 'context = "other"', False),
        ('context = "by-name"\nargs = { N = 1 }', 'context = "by-name"\nargs = { N = 2 }', False),
        ('context = "by-name"\nargs = { N = 1 }', 'context = "by-name"\nargs = { N = 1 }', True),
        ('context = "mounted"\nargs = { N = 1 }', 'context = "mounted"\nargs = { N = 2 }', False),
        ('context = "https://example.com/r.git"', 'context = "https://example.com/r.git"', False),
        ('context = "app"\ndockerfile = "none"', 'context = "app"\ndockerfile = "none"', False),
        ('dockerfile-inline = "FROM a\\nCOPY . /"', 'dockerfile-inline = "FROM a\\nCOPY . /"', True),
        ('dockerfile-inline = "FROM a\\nCOPY . /"', 'dockerfile-inline = "FROM a\\nCOPY x /"', False),
    ],
)
def test_a_context_is_shared_only_where_the_same_files_are_read(
    fields: str, other: str, shared: bool
) -> None:
    assert _two(fields, other) == shared


def test_a_share_is_known_by_its_selection_too() -> None:
    builds = bake_builds(
        planned('target "a" { context = "app" }\ntarget "b" { context = "app" }\n', "*"),
        BakeKeys("."),
        BakePlace(environment={}, local="linux/amd64"),
    )

    shares = shared_directories(builds)["a"]

    assert {type(each) for each in shares} == {Share}
    assert len({each.selection for each in shares}) == 1
