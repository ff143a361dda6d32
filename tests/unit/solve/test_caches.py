"""What the daemon and the frontend are told of caches, and what a daemon may answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.errors import OutputError, UsageError
from router.model.request import BuildRequest, CacheOption
from router.solve.caches import Caches, open_caches
from router.solve.inputs import Inputs

SECRET = "geheim"


def opened(**fields: object) -> Caches:
    return open_caches(BuildRequest(**fields), {})  # type: ignore[arg-type]


def test_imports_are_told_to_the_frontend_too() -> None:
    option = CacheOption(type="registry", attrs={"ref": "registry.example/cache:main", "x": "y"})

    caches = opened(cache_from=(option,))

    assert caches.request.cache_from == (option,)
    told = json.loads(caches.added_to(Inputs(attrs={"filename": "Dockerfile"})).attrs["cache-imports"])
    assert told == [{"Type": "registry", "Attrs": {"ref": "registry.example/cache:main", "x": "y"}}]


def test_a_build_without_a_frontend_has_nobody_else_to_tell() -> None:
    option = CacheOption(type="registry", attrs={"ref": "registry.example/cache:main"})

    assert opened(frontend="", cache_from=(option,)).attrs == {}


def test_an_argument_of_dockers_asks_for_an_inline_cache() -> None:
    assert opened(build_args={"BUILDKIT_INLINE_CACHE": "1"}).request.cache_to == (CacheOption(type="inline"),)
    assert opened(build_args={"BUILDKIT_INLINE_CACHE": "0"}).request.cache_to == ()


def test_credentials_come_from_the_environment_and_are_shown_nowhere() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": SECRET}
    request = BuildRequest(cache_from=(CacheOption(type="s3", attrs={"bucket": "b"}),))

    caches = open_caches(request, environment)

    assert caches.request.cache_from[0].attrs["secret_access_key"] == SECRET
    assert SECRET not in repr(caches)


def test_what_is_refused_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        opened(cache_to=(CacheOption(type="registry", attrs={"token": SECRET}),))

    assert SECRET not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "answer",
    ["", "{", "[]", "null", "{}", '{"digest":"../../etc/passwd"}', '{"digest":["sha256"]}', "[" * 100_000],
)
def test_an_answer_that_describes_no_cache_is_an_error_and_writes_nothing(
    tmp_path: Path, answer: str
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    caches = opened(cache_to=(CacheOption(type="local", attrs={"dest": str(cache)}),))

    with pytest.raises(OutputError):
        caches.keep({"cache.manifest": answer})

    assert list(cache.iterdir()) == []


def test_a_daemon_that_exported_nothing_changes_no_index(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    caches = opened(cache_to=(CacheOption(type="local", attrs={"dest": str(cache)}),))

    caches.keep({"containerimage.digest": "sha256:x"})

    assert not cache.exists()


def test_an_index_that_somebody_broke_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{")
    caches = opened(cache_to=(CacheOption(type="local", attrs={"dest": str(tmp_path)}),))

    with pytest.raises(OutputError, match="is not valid JSON"):
        caches.keep({"cache.manifest": json.dumps({"digest": f"sha256:{'0' * 64}", "size": 1})})

    assert (tmp_path / "index.json").read_text() == "{"
